"""What exports are measured: every recipe that is promised, kept when it is done, told as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from benchmarks import exports
from benchmarks.__main__ import benchmarks
from benchmarks.exports import BAKED, EAGER, RUNTIME, Subject, measure, report, subjects, verdict
from steergan.exporting.exported import Wish, export_part
from steergan.exporting.network_parts import part_of_run
from steergan.exporting.parts import Part
from steergan.exporting.sameness import first_tensor
from steergan.recipe import bundled_names
from tests.exporting.models import discriminator, generator


def tiny() -> tuple[Part, int]:
    return part_of_run("generator", generator(), discriminator()), 8


def row(**more: Any) -> dict[str, Any]:
    way = {"difference": 1e-7, "symmetry": 2e-7}
    return {
        "name": "x", "part": "model", "size": 8, "images": 8, "compared": 32, "seconds": 1.0,
        "nodes": 20, "baked_nodes": 30, "bytes": 2_000_000,
        "bits": {"entries": 5, "wrong": []}, "measured": {"float32": way, "onnxruntime": way},
        "times": {EAGER: [0.8, 0.8], BAKED: [0.4, 0.4], RUNTIME: [0.2, 0.2]}, **more,
    }  # fmt: skip


def test_every_recipe_and_model_that_is_named_exists() -> None:
    assert {f"steergan:{name}" for name in exports.RECIPES} <= set(bundled_names())
    inner = sum(len(parts) for parts in exports.INNER.values())
    assert len(list(subjects())) == 2 * len(exports.RECIPES) + inner + len(exports.STOCK)
    assert [one.part for one in subjects(["paper/cifar10/g-g:trunk", "C4 small"])] == ["trunk", "model"]
    assert [one.part for one in subjects(["quickstart"])] == ["generator", "discriminator"]
    assert len({one.file for one in subjects()}) == len(list(subjects()))


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_networks_that_translate_are_measured_too(part: str) -> None:
    (subject,) = subjects([f"relief-demo:{part}"])
    made, size = subject.make()
    assert (size, len(made.motions)) == (64, 7)  # D4's, without the identity
    given = made.examples(1, 0)
    with torch.no_grad():
        base = first_tensor(made.call(made.module, *given))
        for motion in made.motions:
            assert torch.allclose(
                first_tensor(made.call(made.module, *motion.inputs(given))), motion.output(base), atol=1e-5
            )


def test_modern_networks_are_measured_too() -> None:
    (subject,) = subjects(["modern/quickstart:discriminator"])
    made = export_part(subject.make()[0], Wish(inputs=2))
    assert made.report["measured"]["float32"]["symmetry"] < 1e-5


def test_what_is_measured_is_kept_and_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject("tiny", "generator", tiny)
    (found,) = measure([subject], tmp_path, rounds=1)
    assert found["measured"]["float32"]["difference"] < 1e-5
    assert found["bits"]["wrong"] == []
    assert all(len(seconds) == 1 for seconds in found["times"].values())
    monkeypatch.setattr(exports, "measured", lambda *_: pytest.fail("measured again"))
    assert measure([subject], tmp_path, rounds=1) == [found]


def test_the_verdict_follows_from_the_figures() -> None:
    words = verdict([row(), row(baked_nodes=10, times={EAGER: [0.8], BAKED: [0.8]})])
    assert "2 exports of 10 to 30 nodes" in words
    assert "float64 not measured" in words
    assert "The plain graph takes 0.50 to 1.00 of eager torch's time." in words
    assert "ONNX Runtime takes 0.25 to 0.25" in words
    assert "Of 10 numbers of banks that groups make equal all are the same bits." in words
    assert "Symmetry is kept in ONNX Runtime to 2.0e-07." in words
    broken = {"onnxruntime": {"difference": 0.0, "symmetry": 0.1}}
    said = verdict([row(measured=broken, name="odd")])
    assert "kept" not in said
    assert "Broken by the network itself, in torch alike: odd's model 1.0e-01." in said
    assert "not all are (a)" in verdict([row(bits={"entries": 1, "wrong": ["a"]})])
    (table,) = report([row()], 2).tables
    assert table.rows[0][5:11] == [2.0, "1.0e-07", None, "1.0e-07", "2.0e-07", 32]
    assert len(table.columns) == len(table.rows[0])


def test_the_command_goes_on_with_what_is_kept(tmp_path: Path) -> None:
    for part in exports.NETWORKS:
        (tmp_path / f"quickstart-{part}.json").write_text(json.dumps(row(name="quickstart", part=part)))
    told = CliRunner().invoke(benchmarks, ["exports", "quickstart", "--kept", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "| quickstart | discriminator |" in told.output
    refused = CliRunner().invoke(benchmarks, ["exports", "nothing", "--kept", str(tmp_path)])
    assert refused.exit_code == 2
    assert "'nothing'; there are quickstart, " in refused.stderr
