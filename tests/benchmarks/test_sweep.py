"""Sweeps over batches and widths, and over the keys of [performance]."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import performance, sweep
from benchmarks.__main__ import benchmarks
from steergan.benchmark.fresh import Fresh
from steergan.pictures import save_png
from steergan.recipe import Recipe, write_recipe
from steergan.results import read_results
from steergan.training import PLAIN


def recipe(r1_weight: float = 0.1) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "digits"},
            "generator": {"group": "C4", "z_dim": 5, "embedding_dim": 4, "seed_width": 4, "widths": [8, 6, 6]},
            "discriminator": {"group": "C4", "widths": [6, 6]},
            "loss": {"name": "hinge", "r1_weight": r1_weight},
            "training": {"batch_size": 4, "discriminator_updates": 1},
        }
    )


def test_widths_are_scaled_to_even_numbers() -> None:
    wide = sweep.scaled(recipe(), 2.5)
    assert wide.generator.widths == (20, 16, 16)
    assert wide.generator.seed_width == 10
    assert sweep.scaled(recipe(), 0.1).discriminator.widths == (2, 2)
    assert sweep.scaled(recipe(), 1.0).discriminator.widths == (6, 6)


@pytest.fixture(scope="module")
def swept() -> sweep.Sweep:
    return sweep.measure(recipe(), 1, (2, 4), (1.0, 2.0))


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


def test_the_sweep_command_takes_points(tmp_path: Path) -> None:
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
    found = performance.measure(recipe(0.0), names, 1)
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
