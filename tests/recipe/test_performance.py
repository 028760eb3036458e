"""Ways to compute that exclude each other."""

import pytest

from steergan.errors import RecipeError
from steergan.recipe import PerformanceSettings, validate


@pytest.mark.parametrize("compiled", ["on", "cuda-graphs"])
def test_compiled_updates_are_not_recomputed(compiled: str) -> None:
    table = {"name": "x", "data": {"name": "digits"}, "performance": {"compile": compiled, "recompute": True}}
    with pytest.raises(RecipeError, match=r'performance\.recompute = True; wanted: false, or .*compile = "off"'):
        validate(table, "my.toml")


def test_either_alone_is_taken() -> None:
    assert PerformanceSettings(recompute=True).compile == "off"
    assert not PerformanceSettings(compile="on").recompute
