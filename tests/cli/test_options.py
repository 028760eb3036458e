"""Values of options: what is read, and what is refused in one clear line."""

import re
import tempfile
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steergan_cli.options import (
    OutputFile,
    angles,
    chosen_classes,
    chosen_device,
    command_line,
    extent,
    numbers,
    output,
)
from tests.commands import invoke

CONTEXT = click.Context(click.Command("command"))
OPTION = click.Option(["--seeds"])
ANGLES = click.Option(["--rotate"])


def read(text: str) -> tuple[int, ...] | None:
    return numbers(CONTEXT, OPTION, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", (7,)), ("0-3", (0, 1, 2, 3)), ("0-2,70", (0, 1, 2, 70)), ("3, 5", (3, 5)), ("4-4", (4,)), ("5,1,5", (5, 1))],
)
def test_numbers_and_ranges_are_read(text: str, expected: tuple[int, ...]) -> None:
    assert read(text) == expected


@given(st.lists(st.integers(0, 999), min_size=1, unique=True))
def test_a_list_of_numbers_comes_back_in_its_order(values: list[int]) -> None:
    assert read(",".join(map(str, values))) == tuple(values)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_range_holds_both_its_ends(first: int, length: int) -> None:
    assert read(f"{first}-{first + length}") == tuple(range(first, first + length + 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5-2", "the range 5-2 runs backwards; write 2-5"),
        ("a", "'a' came; numbers like 0-63 or 3,5 or 0-7,70 were wanted"),
        ("", "'' came; numbers like"),
        ("1,,2", "'1,,2' came"),
        ("1-2-3", "'1-2-3' came"),
        ("-1", "'-1' came"),
        ("1.5", "'1.5' came"),
        ("0-99999999999", "has over 100,000 numbers"),
    ],
)
def test_what_is_no_list_of_numbers_is_refused(text: str, message: str) -> None:
    refused = invoke("sample", "run", f"--seeds={text}")
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].startswith("Error: Invalid value for '--seeds': ")
    assert message in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("names", "text", "wanted"),
    [
        (("cat", "dog", "x-3"), "dog", (1,)),
        (("cat", "dog", "x-3"), "dog, cat,1", (1, 0)),
        (("cat", "dog", "x-3"), "0-1", (0, 1)),
        (("cat", "dog", "x-3"), "x-3", (2,)),
        (("a", "b, c"), "b, c", (1,)),
        (("3", "5", "8"), "8,3", (2, 0)),  # names that are numbers mean what they say
        (("1", "2", "3"), "1-2", (0, 1)),
        (("0", "1", "2"), "2", (2,)),
        (("0", "1", "2"), "3", (3,)),  # the run refuses it
    ],
)
def test_classes_are_said_by_name_or_by_number(names: tuple[str, ...], text: str, wanted: tuple[int, ...]) -> None:
    assert chosen_classes(text, names) == wanted


@pytest.mark.parametrize(
    ("names", "text", "message"),
    [
        (("cat", "dog"), "cow", "no class 'cow'; there are 0 cat, 1 dog"),
        (("cat", "dog"), "", "no class ''"),
        (("cat", "dog"), "5-2", "no class '5-2'"),
        (("cat", "dog"), "0-99999999999", "no class '0-99999999999'"),
        (("3", "5", "8"), "0", "no class 0; there are 0 3, 1 5, 2 8"),
        (tuple("abcdefghijklm"), "x", "9 j and 3 more"),
    ],
)
def test_a_class_that_there_is_not_is_refused_with_those_that_there_are(
    names: tuple[str, ...], text: str, message: str
) -> None:
    with pytest.raises(click.BadParameter, match=re.escape(message)):
        chosen_classes(text, names)


@pytest.mark.parametrize(("text", "wanted"), [("dtype", "dtype"), ("0,4095", (0, 4095)), ("[-1, 1.5]", (-1, 1.5))])
def test_a_range_of_values_is_a_word_or_two_numbers(text: str, wanted: object) -> None:
    assert extent(click.Context(click.Command("x")), click.Option(["--range"]), text) == wanted


def test_what_is_no_range_of_values_is_refused() -> None:
    refused = invoke("data", "prepare", "folder", "--source", ".", "--range", "4095")
    assert refused.exit_code == 2
    assert "'4095' came; dtype, minmax or LOW,HIGH was wanted" in refused.stderr


def test_the_recorded_command_is_quoted_as_a_shell_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["x", "step", "--rival", "stock escnn", "--set", "generator.widths=[8]"])
    with click.Context(click.Command("steergan"), info_name="steergan"):
        assert command_line() == "steergan step --rival 'stock escnn' --set 'generator.widths=[8]'"


@pytest.mark.parametrize("option", ["--json", "--record", "--picture"])
@pytest.mark.parametrize(
    ("file", "message"),
    [("file/x", "can't be made (File exists)"), ("here", "is a folder; a file was"), ("locked/x", "can't be written")],
)
def test_files_that_cannot_be_written_are_refused_before_the_work(
    option: str, file: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "locked").mkdir()
    (tmp_path / "file").touch()
    writing = tempfile.TemporaryFile

    def locked(dir: Path) -> Any:
        if dir.name == "locked":  # root may write anywhere
            raise PermissionError(13, "Permission denied")
        return writing(dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", locked)
    refused = invoke("verify-equivariance", option, tmp_path / file)
    assert refused.exit_code == 2
    assert message in refused.stderr.splitlines()[-1]


def test_the_folder_of_a_file_to_write_is_made(tmp_path: Path) -> None:
    made = OutputFile().convert(str(tmp_path / "new" / "x.json"), None, None)
    assert made == tmp_path / "new" / "x.json"
    assert made.parent.is_dir()


@pytest.mark.parametrize("text", ["0", "-0.5", "nan", "inf"])
def test_truncation_that_is_no_positive_number_is_refused(text: str) -> None:
    refused = invoke("sample", "run", f"--truncation={text}")
    assert refused.exit_code == 2
    assert f"{text} came; a number above 0 was wanted, such as 0.75" in refused.stderr.splitlines()[-1]


def test_auto_takes_the_accelerator_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert chosen_device("auto") == "cuda"
    assert chosen_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert chosen_device("auto") == "mps"


def test_device_that_the_machine_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(click.BadParameter, match="torch finds no cuda device here; it finds: cpu") as refused:
        chosen_device("cuda")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0-360/4", (0.0, 90.0, 180.0, 270.0)),
        ("0,30,45", (0.0, 30.0, 45.0)),
        ("-90", (-90.0,)),
        ("22.5,90-180/2", (22.5, 90.0, 135.0)),
        ("0,90,0,0.0000001", (0.0, 90.0)),
    ],
)
def test_angles_and_ranges_in_steps_are_read(text: str, wanted: tuple[float, ...]) -> None:
    assert angles(CONTEXT, ANGLES, text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["x", "", "0-360/0", "0-360/x", "0-360", "1,,2", "nan", "1e9", "0-360/99999", "/3"])
def test_what_is_no_list_of_angles_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"came; angles in degrees"):
        angles(CONTEXT, ANGLES, text)


OUTPUTS = {
    "sample": ["--out", "FOLDER"], "interpolate": ["--out", "FILE"], "project": ["x.png", "--out", "FOLDER"],
    "export": ["--to", "torch", "--out", "FOLDER"], "report": ["--out", "FILE"], "evaluate": ["--neighbours", "FILE"],
    "train": ["--out", "FOLDER"], "study": ["--out", "FOLDER"],
}  # fmt: skip


@pytest.mark.parametrize("command", OUTPUTS)
def test_outputs_that_cannot_be_written_are_found_before_anything_is_read(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = {"FOLDER": tmp_path / "file" / "below" / "x", "FILE": tmp_path / "file" / "x.png"}
    refused = invoke(command, tmp_path / "no-run", *(places.get(word, word) for word in OUTPUTS[command]))
    assert refused.exit_code == 2
    assert "can't be made" in refused.stderr
    assert "no-run" not in refused.stderr.splitlines()[-1]


def test_where_a_command_writes_without_being_told_is_looked_at_first(tmp_path: Path) -> None:
    assert output(None, tmp_path / "new" / "samples") == tmp_path / "new" / "samples"
    assert not (tmp_path / "new").exists()
    (tmp_path / "samples").touch()
    with pytest.raises(click.BadParameter, match="is no folder; name one elsewhere with --out"):
        output(None, tmp_path / "samples" / "x")
    with pytest.raises(click.BadParameter, match="is a folder; a file was wanted"):
        output(None, tmp_path, OutputFile)
