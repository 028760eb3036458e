"""Resampling and uneven windows: what is said to be symmetric is, at every small size, and what is not is not."""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from steergan.verification.laws.law import Lost
from tests.verification.laws.programs import (
    RESAMPLED,
    STEPS,
    assert_law_of_step,
    elements_of,
    field_type,
    law_by_tracking,
)


@pytest.mark.parametrize("name", sorted(RESAMPLED))
def test_the_law_of_every_resampling_is_what_happens(name: str) -> None:
    assert_law_of_step(STEPS[name])


def commutes(function: Callable[[Tensor], Tensor], side: int) -> bool:
    """With a mirror and a quarter turn, on random numbers."""
    x = torch.randn(1, 1, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(side))
    y = function(x)
    turns: tuple[Callable[[Tensor], Tensor], ...] = (lambda x: x.flip(3), lambda x: x.rot90(1, (2, 3)))
    return all(bool((function(turn(x)) - turn(y)).abs().max() < 1e-9) for turn in turns)


def ways(mode: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{}]
    if mode in ("bilinear", "bicubic"):
        found = [{"align_corners": True}, {"align_corners": False}, {"align_corners": False, "antialias": True}]
    return found


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
def test_resampling_is_taken_for_symmetric_where_it_is(mode: str) -> None:
    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    verdicts: Counter[tuple[bool, bool]] = Counter()
    for side in (1, 2, 3, 5, 6):
        to: list[dict[str, Any]] = [{"size": size} for size in (1, 2, 3, 4, 7, 10)]
        to += [{"scale_factor": factor} for factor in (0.5, 4 / 3, 1.5, 2) if int(side * factor)]
        to += [{"scale_factor": 1.5, "recompute_scale_factor": True}]
        for settings in ({**way, **size} for way in ways(mode) for size in to):

            def function(x: Tensor, settings: dict[str, Any] = settings) -> Tensor:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # torch's, on recompute_scale_factor
                    return F.interpolate(x, mode=mode, **settings)

            has_law = not isinstance(law_by_tracking(function, in_type, elements, side), Lost)
            right = commutes(function, side)
            verdicts[has_law, right] += 1
            assert has_law == right or side == 1, (side, settings)  # one pixel looks alike from everywhere
            assert right or not has_law
    assert verdicts[True, True] > 10
    assert verdicts[False, False] > 2 or mode == "area"


@pytest.mark.parametrize("pool", [F.adaptive_avg_pool2d, F.adaptive_max_pool2d])
def test_uneven_windows_are_symmetric_and_rectangles_are_not_made_of_squares(pool: Any) -> None:
    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    for side in range(1, 7):
        for out in range(1, 8):

            def function(x: Tensor, out: int = out) -> Tensor:
                y: Tensor = pool(x, out)
                return y

            assert commutes(function, side)
            assert not isinstance(law_by_tracking(function, in_type, elements, side), Lost)
    lost = law_by_tracking(lambda x: pool(x, (2, 4)), in_type, elements, 4)
    assert isinstance(lost, Lost)
    assert "another shape" in lost.reason
    halves = field_type("C2", "mixed")
    assert not isinstance(law_by_tracking(lambda x: pool(x, (2, 3)), halves, elements_of("C2"), 4), Lost)
