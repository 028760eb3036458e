"""`steergan export`: files, a report, and one line for what can't be."""

from pathlib import Path

import pytest

from steergan.seals import read_table
from tests.commands import invoke


def test_generator_is_written_with_what_is_known_of_its_run(tiny_run: Path, tmp_path: Path) -> None:
    told = invoke("export", tiny_run, "--to", "hub", "--out", tmp_path / "hub")
    assert told.exit_code == 0, told.output
    assert "same bits" in told.output
    report = read_table(tmp_path / "hub" / "export.json")
    assert report["certificate"]["verdict"] == "proved"
    assert report["recipe"] == "tiny"
    assert sorted(path.name for path in (tmp_path / "hub").iterdir()) == sorted([*report["files"], "export.json"])
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "is equivariant under C4" in card
    again = invoke("export", tiny_run, "--to", "torch", "--part", "trunk", "--batch", "2", "--out", tmp_path / "hub")
    assert again.exit_code == 0, again.output
    assert not (tmp_path / "hub" / "README.md").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "tflite"], "is not one of"), (["--to", "onnx", "--batch", "0"], "from 1 on, or any"),
        (["--to", "torch", "--at", "77"], "77"), (["--to", "torch", "--out", "OCCUPIED"], "no export"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(tiny_run: Path, tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "mine").touch()
    told = invoke("export", tiny_run, *[str(tmp_path) if word == "OCCUPIED" else word for word in options])
    assert told.exit_code in (1, 2)
    assert words in told.output
    assert "Traceback" not in told.output


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    told = invoke("export", tmp_path, "--to", "torch")
    assert told.exit_code == 1
    assert "not a run folder" in told.output


MODELS = """
import torch
from escnn import gspaces, nn
from steergan.verification import Subject

SPACE = gspaces.flipRot2dOnR2(4)
IMAGE, FIELDS = nn.FieldType(SPACE, [SPACE.trivial_repr]), nn.FieldType(SPACE, 2 * [SPACE.regular_repr])

class Mine(torch.nn.Module):
    def __init__(self, tilt=0.0):
        super().__init__()
        self.first, self.last, self.tilt = nn.R2Conv(IMAGE, FIELDS, 3, padding=1), nn.R2Conv(FIELDS, IMAGE, 1), tilt

    def forward(self, x):
        x = x + self.tilt * torch.arange(x.shape[-1])
        return self.last(self.first(nn.GeometricTensor(x, IMAGE))).tensor

def mine():
    return Mine()

def tilted():
    return Mine(0.1)

def claimed():
    return Subject("mine", Mine(), IMAGE, "equivariant", out_type=IMAGE, sizes=((8, 8),))

def three():
    return 3
"""


@pytest.fixture
def models(tmp_path: Path) -> str:
    """A file of models of somebody else."""
    (tmp_path / "exported_models.py").write_text(MODELS)
    return str(tmp_path / "exported_models.py")


@pytest.mark.parametrize(("function", "more"), [("mine", ["--size", "8"]), ("claimed", [])])
def test_a_model_that_a_function_returns_is_exported(
    models: str, tmp_path: Path, function: str, more: list[str]
) -> None:
    told = invoke("export", f"{models}:{function}", "--to", "torch", "--out", tmp_path / "out", *more)
    assert told.exit_code == 0, told.output
    report = read_table(tmp_path / "out" / "export.json")
    assert report["part"] == function
    assert report["certificate"]["verdict"] == "proved"
    assert report["measured"]["float64"]["symmetry"] < 1e-12
    assert "mine.pt" in report["files"] or "claimed.pt" in report["files"]


def test_a_broken_one_leaves_with_its_breaks(models: str, tmp_path: Path) -> None:
    told = invoke("export", f"{models}:tilted", "--to", "torch", "--size", "8", "--out", tmp_path / "out")
    assert told.exit_code == 0, told.output
    assert "NOT equivariant" in told.output
    told = invoke(
        "export", f"{models}:tilted", "--to", "torch", "--size", "8", "--no-certify", "--out", tmp_path / "out"
    )
    assert read_table(tmp_path / "out" / "export.json")["measured"]["float32"]["symmetry"] > 0.01
    assert told.exit_code == 0, told.output
    assert "what is exported is not symmetric: measured, f(g x) = g f(x) is off by" in told.output


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("MODELS:three", [], "returned 3; an escnn module was wanted"),
        ("MODELS:claimed", ["--size", "8"], "says its size, types and claim itself"),
        ("MODELS:mine", ["--part", "trunk"], "--part is for run folders"),
        ("MODELS:mine", ["--at", "best"], "--at is for run folders"),
        ("MODELS:nothing", [], "has no function 'nothing'"),
        ("RUN", ["--size", "8"], "--size is for module:function"),
        ("RUN", ["--no-certify"], "--no-certify is for module:function"),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    models: str, tmp_path: Path, target: str, options: list[str], words: str
) -> None:
    target = target.replace("MODELS", models).replace("RUN", str(tmp_path))
    told = invoke("export", target, "--to", "torch", *options, "--out", tmp_path / "out")
    assert told.exit_code in (1, 2)
    assert words in " ".join(told.output.split())
    assert "Traceback" not in told.output
    assert not (tmp_path / "out").exists()
