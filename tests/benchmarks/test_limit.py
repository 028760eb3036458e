"""What limits the kernels: counts, rates and shares follow from the times."""

import dataclasses
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import limit
from benchmarks.__main__ import benchmarks
from benchmarks.limit import MATRIX, PRODUCTS, TWICE, LimitTimes, limit_table, time_limits
from steergan.benchmark.layer_rivals import CONVOLUTION, LAST, LayerCase
from steergan.benchmark.rivals import CHANNELS, OWN
from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.results import read_results
from steergan.symmetry import group_order, gspace

SMALL = [LayerCase(CONVOLUTION, "D4", 2, 3, 6, 2), LayerCase(CONVOLUTION, "C4", 3, 2, 5, 1, 1)]


@pytest.fixture(autouse=True)
def kernels() -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")


def test_products_are_counted() -> None:
    layer = LayerCase(CONVOLUTION, "D4", 3, 2, 10, 5)
    dense = limit.products_of_bank(layer)
    assert dense == 5 * 100 * 9 * (3 * 8) * (2 * 8)
    assert limit.fourier_products(layer) == dense * 12 // 64
    assert {name: PRODUCTS[name] for name in ("C4", "D2", "C2", "D1")} == {"C4": 5, "D2": 4, "C2": 2, "D1": 2}
    assert all(count < group_order(gspace(name)) ** 2 for name, count in PRODUCTS.items())


def test_rates_and_shares_follow_from_the_times() -> None:
    layer = LayerCase(CONVOLUTION, "C4", 3, 2, 10, 5)
    seconds = {MATRIX: [1.0], CHANNELS: [2.0], LAST: [4.0], OWN: [1.0], TWICE: [1.8]}
    found = LimitTimes(layer, 1000, seconds)
    assert found.rate(MATRIX).centre == pytest.approx(2.0)
    assert found.rate(OWN).centre == pytest.approx(2e-9 * 5 * 100 * 9 * 3 * 2 * 5)
    assert found.rate(found.rival).centre == pytest.approx(2e-9 * 5 * 100 * 9 * 3 * 2 * 16 / 2)
    assert found.fixed_share.centre == pytest.approx(0.2)
    assert found.product_share.centre == pytest.approx(0.8)
    assert found.bound == pytest.approx(16 / 5 * 2.0 / found.rate(CHANNELS).centre)
    assert dataclasses.replace(found, matrix_size=1).bound == pytest.approx(16 / 5)


def test_every_layer_is_timed_against_every_rival_and_told() -> None:
    told: list[tuple[int, int]] = []
    found = time_limits(2, SMALL, matrix_size=16, progress=lambda done, total: told.append((done, total)))
    assert told == [(i, 40) for i in range(1, 41)]
    assert all(set(times.seconds) == {MATRIX, CHANNELS, LAST, OWN, TWICE} for times in found)
    assert all(len(several) == 2 and min(several) > 0 for times in found for several in times.seconds.values())
    table = limit_table(found)
    assert [row[0] for row in table.rows] == [layer.name for layer in SMALL]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_without_kernels_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "native", lambda: None)
    with pytest.raises(SteerganError, match="no convolution kernels to time"):
        time_limits(1, SMALL)


def test_command_prints_a_table_and_records_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "time_limits", partial(time_limits, layers=SMALL[:1], matrix_size=16))
    options = ["--repeats", "2", "--threads", "1", "--record", str(tmp_path / "limit.json")]
    found = CliRunner().invoke(benchmarks, ["limit", *options])
    assert found.exit_code == 0, found.output
    assert "gather and transforms" in found.output
    (result,) = read_results(tmp_path)
    assert result.protocol["rounds"].startswith("2 in turns")
