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
