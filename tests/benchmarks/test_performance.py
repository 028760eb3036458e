"""The keys of [performance]: each has a switch, which changes that key alone."""

import pytest
from click.testing import CliRunner

from benchmarks import performance
from benchmarks.__main__ import benchmarks
from steergan.benchmark.fresh import Fresh
from steergan.training import PLAIN
from tests.benchmarks.tiny import recipe


def test_a_switch_changes_its_key_alone() -> None:
    reference = performance.switched(recipe(), performance.REFERENCE)
    assert reference.performance == PLAIN.model_copy(update={"convolution": "dense"})
    for name, sections in performance.SWITCHES.items():
        changed = performance.switched(recipe(), name)
        table, plain = changed.model_dump(), reference.model_dump()
        different = {f"{s}.{k}" for s in ("performance", "training") for k in table[s] if table[s][k] != plain[s][k]}
        assert different == {f"{section}.{key}" for section, keys in sections.items() for key in keys}


def test_every_key_of_the_section_has_a_switch() -> None:
    switched = {key for sections in performance.SWITCHES.values() for key in sections.get("performance", {})}
    assert switched == set(PLAIN.model_dump())


def test_keys_change_time_and_last_bits_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "fresh", lambda recipe, device: Fresh(0.1, 5_000_000))
    names = [name for name in performance.there("cpu") if "compile" not in name and "bfloat16" not in name]
    found = performance.measure(recipe(r1_weight=0.0), names, 1)
    assert [switch.name for switch in found] == names
    apart = {switch.name: performance.difference(switch, found[0]) for switch in found}
    assert all(value < 1e-4 for name, value in apart.items() if name != "training.accumulate = 2")
    assert apart["prefetch = 2"] == apart["recompute = true"] == 0
    rows = performance.table(found).rows
    assert [row[0] for row in rows] == names
    assert rows[0][2] is None
    assert rows[0][3] == 5.0


def test_an_unknown_setting_is_refused() -> None:
    found = CliRunner().invoke(benchmarks, ["performance", "--only", "warp"])
    assert found.exit_code != 0
    assert "no setting's name holds warp" in found.output
