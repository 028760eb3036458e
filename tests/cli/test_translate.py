"""The command that translates, and what others say of a run that does."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from steergan_cli.evaluate import evaluate
from steergan_cli.recipe import keys
from steergan_cli.sample import sample
from steergan_cli.translate import translate


def test_a_folder_is_translated_and_sizes_are_told(pair_run: Path, tmp_path: Path) -> None:
    for name, size in (("a.png", (16, 16)), ("b.png", (17, 15))):
        Image.new("RGB", size, "red").save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"nothing")
    out = tmp_path / "out"
    found = CliRunner().invoke(translate, [str(pair_run), str(tmp_path), "--out", str(out), "--device", "cpu"])
    assert found.exit_code == 1
    assert f"2 images translated, in {out}" in found.output
    assert "mirrored at the borders and cropped again, up to 1 rows and 3 columns: 1" in found.output
    assert "left out:" in found.output
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png"]


def test_figures_stand_beside_those_of_turned_pairs(pair_run: Path) -> None:
    found = CliRunner().invoke(evaluate, [str(pair_run), "--device", "cpu"])
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    (head,) = (k for k, line in enumerate(lines) if line.startswith("held-out pairs") and line.endswith("under D4"))
    assert lines[head + 1].startswith("L1 ")
    assert "error of equivariance" in found.output
    table = json.loads(CliRunner().invoke(evaluate, [str(pair_run), "--device", "cpu", "--json"]).stdout)
    assert table["turned_l1"] == pytest.approx(table["l1"], rel=2e-3)


def test_commands_for_latents_say_what_to_use(pair_run: Path, tmp_path: Path) -> None:
    found = CliRunner().invoke(sample, [str(pair_run), "--out", str(tmp_path)])
    assert isinstance(found.exception, Exception)
    assert f"`steergan translate {pair_run} FOLDER` does what it can" in str(found.exception)


def test_keys_of_translations_are_told(pair_run: Path) -> None:
    found = CliRunner().invoke(keys, ["generator.dropout"])
    assert found.output.startswith("generator.dropout of translations: default 0.0;")
