"""Convolutions among the layers: speed-ups, errors, targets."""

import dataclasses

import pytest

from steergan.benchmark.convolutions import (
    BACKWARD,
    FORWARD,
    PENALTY,
    ConvolutionRow,
    convolution_table,
    convolution_verdict,
    errors_of,
    kernels_at_hand,
    takes_fourier,
)
from steergan.benchmark.layer_rivals import CONVOLUTION, LAST, TASKS, LayerCase
from steergan.benchmark.layers import CASES
from steergan.benchmark.rivals import CHANNELS, OWN
from steergan.kernels import library


def case(group: str, fields: int, kernel: int = 3) -> LayerCase:
    return LayerCase(CONVOLUTION, group, fields, fields, 6, 1, kernel)


def row(one: LayerCase, own: float = 1.0, *, auto: bool = True, error: float = 1.0) -> ConvolutionRow:
    """Where conv2d takes 3.2 seconds in every task."""
    seconds = {OWN: [own], CHANNELS: [3.2], LAST: [3.2]}
    return ConvolutionRow(one, dict.fromkeys(TASKS, seconds), {"result": (1.0, error)}, auto)


def test_speed_up_is_over_the_faster_conv2d_in_the_same_round() -> None:
    seconds = {OWN: [1.0, 2.0, 1.0], CHANNELS: [4.0, 9.0, 5.0], LAST: [3.0, 8.0, 100.0]}
    found = dataclasses.replace(row(case("D4", 3)), seconds=dict.fromkeys(TASKS, seconds))
    assert found.rival(FORWARD) == CHANNELS
    assert found.speed_up(FORWARD).values == [4.0, 4.5, 5.0]
    assert found.speed_up(FORWARD).centre == 4.5


def test_targets_are_those_of_wide_convolutions_of_three_taps_that_the_kernels_compute() -> None:
    assert row(case("D4", 22)).targets() == {BACKWARD: 3.5, PENALTY: 3.0}
    assert row(case("C4", 32)).targets() == {BACKWARD: 2.2, PENALTY: 2.0}
    assert row(case("D4", 8)).targets() == row(case("D4", 45, kernel=5)).targets() == {}
    assert row(case("D2", 32)).targets() == row(case("D4", 22), auto=False).targets() == {}
    assert sum(bool(row(one).targets()) for one in CASES) == 11


def test_convolution_says_which_targets_it_misses() -> None:
    wide = case("D4", 22)
    assert row(wide, 0.5).missed() == []
    assert row(wide, 1.0).missed() == ["forward + backward 3.5"]
    assert row(wide, 4.0, auto=False).missed() == []
    assert row(wide, 4.0).missed() == ["forward + backward 3.5", "with R1 3.0", "never slower"]
    assert row(wide, 0.5, error=6.5).missed() == ["error"]
    rows = [row(wide, 0.5), row(wide, 0.5, error=6.5)]
    assert convolution_verdict(rows[:1]) == "1 of 1 convolutions meet their targets."
    assert convolution_verdict(rows) == f"1 of 2 convolutions meet their targets; missed: {wide.name} (error)."
    table = convolution_table(rows)
    assert [cells[-1] for cells in table.rows] == ["met", "missed: error"]
    assert all(len(cells) == len(table.columns) for cells in table.rows)


@pytest.mark.parametrize(("group", "kernel"), [("D4", 3), ("C4", 1), ("D2", 5), ("C2", 3)])
def test_errors_are_those_of_rounding(group: str, kernel: int) -> None:
    errors = errors_of(case(group, 8, kernel))
    assert list(errors) == ["result", "gradient by x", "gradient by the filters"]
    assert all(0 < error < 1e-5 for pair in errors.values() for error in pair)


def test_auto_takes_the_dense_path_for_a_convolution_of_hardly_any_products() -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")
    assert not takes_fourier(case("D4", 1))
    assert takes_fourier(case("D4", 22))


def test_without_kernels_nothing_takes_the_fourier_basis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "native", lambda: None)
    assert kernels_at_hand() == "none"
    assert not takes_fourier(case("D4", 22))
