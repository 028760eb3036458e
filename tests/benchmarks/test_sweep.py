"""Sweeps over batches and widths."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import sweep
from benchmarks.__main__ import benchmarks
from steergan.pictures import save_png
from steergan.recipe import write_recipe
from steergan.results import read_results
from tests.benchmark.tiny import without_warm_up
from tests.benchmarks.tiny import recipe


def test_widths_are_scaled_to_even_numbers() -> None:
    wide = sweep.scaled(recipe(), 2.5)
    assert wide.generator.widths == (20, 16, 16)
    assert wide.generator.seed_width == 10
    assert sweep.scaled(recipe(), 0.1).discriminator.widths == (2, 2)
    assert sweep.scaled(recipe(), 1.0).discriminator.widths == (6, 6)


@pytest.fixture(scope="module")
def swept() -> Iterator[sweep.Sweep]:
    with pytest.MonkeyPatch.context() as patch:
        without_warm_up(patch)
        yield sweep.measure(recipe(), 1, (2, 4), (1.0, 2.0))


def test_every_point_has_every_rival(swept: sweep.Sweep, tmp_path: Path) -> None:
    points = [(point.axis, point.value) for point in swept.points]
    assert points == [(sweep.BATCH, 2), (sweep.BATCH, 4), (sweep.WIDTH, 1), (sweep.WIDTH, 2)]
    assert all(list(point.seconds) == list(sweep.RIVALS) for point in swept.points)
    assert [[row[0] for row in table.rows] for table in sweep.tables(swept)] == [["2", "4"], ["1", "2"]]
    figure = sweep.figure(swept)
    assert [len(axes.lines) for axes in figure.axes] == [len(sweep.RIVALS)] * 2
    save_png(figure, tmp_path / "sweep.png")
    assert "From batch size 2 to 4 a step takes" in sweep.verdict(swept)
    assert sweep.report(swept).as_json()["points"][0]["axis"] == sweep.BATCH


def test_the_sweep_command_takes_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_warm_up(monkeypatch)
    file = tmp_path / "tiny.toml"
    file.write_text(write_recipe(recipe()))
    record, picture = tmp_path / "claims" / "sweep.json", tmp_path / "sweep.png"
    options = ["--recipe", str(file), "--width", "2", "--width", "1", "--repeats", "1", "--threads", "1"]
    found = CliRunner().invoke(
        benchmarks, ["sweep", *options, "--picture", str(picture), "--record", str(record)]
    )
    assert found.exit_code == 0, found.output
    assert sweep.BATCH not in found.output.split("|")[1]
    assert picture.exists()
    (claim,) = read_results(record.parent)
    assert [row[0] for row in claim.tables[0].rows] == ["1", "2"]
