"""run.json: what is written, the older formats that are read, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from steergan import run
from steergan.errors import RunError
from steergan.run.about import read_about
from steergan.run.convolution_record import BEFORE_RECORDS
from steergan.run.folder import RunFolder
from tests.notes import Notes

pytestmark = pytest.mark.usefixtures("blank_curves")


@pytest.fixture
def content(tiny_run: Path) -> dict[str, Any]:
    """What the file of a finished run says, without its digest."""
    found = dict(json.loads((tiny_run / "run.json").read_text()))
    del found["digest"]
    return found


def test_what_is_read_is_written_again_to_the_byte(tiny_run: Path) -> None:
    about = RunFolder(tiny_run).read_about()
    assert about.as_json == (tiny_run / "run.json").read_bytes()
    assert about.data.image_shape == (1, 8, 8)
    assert about.data.class_names == ("0", "1")
    assert (about.data.train.images, about.data.held_out.images) == (24, 16)
    assert about.machines[0].versions.keys() == {"python", "steergan", "torch", "escnn", "numpy", "scipy"}
    assert {"device", "processor", "threads", "platform"} <= about.machines[0].hardware.keys()


def test_keys_are_those_that_older_readers_know(content: dict[str, Any]) -> None:
    assert list(content) == [
        "name", "sources", "started", "seeds", "data", "processes", "init_from", "convolutions", "machines",
        "versions", "hardware",
    ]  # fmt: skip
    assert list(content["data"]) == ["path", "image_shape", "class_names", "train", "held_out"]
    assert content["processes"] == [{"from_step": 0, "count": 1}]
    assert content["machines"] == [{"from_step": 0} | {name: content[name] for name in ("versions", "hardware")}]


def test_a_run_of_before_the_records_was_dense(content: dict[str, Any], tmp_path: Path) -> None:
    del content["convolutions"]
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert read_about(tmp_path / "run.json").convolutions == (BEFORE_RECORDS,)


@pytest.mark.parametrize("written", [{}, {"processes": 2}, {"processes": [{"from_step": 0, "count": 2}]}])
def test_a_run_that_fewer_processes_take_up_keeps_who_computed_it(
    half: Path, tmp_path: Path, written: dict[str, Any]
) -> None:
    """Early runs have no word of processes, or a number; whatever was computed before stays on record."""
    stopped = Path(shutil.copytree(half, tmp_path / "run"))
    about = json.loads((stopped / "run.json").read_text())
    del about["processes"], about["digest"]
    (stopped / "run.json").write_text(json.dumps(about | written))
    run.resume(stopped, report=Notes())
    wanted = [{"from_step": 0, "count": 2}, {"from_step": 2, "count": 1}] if written else [{"from_step": 0, "count": 1}]
    after = json.loads((stopped / "run.json").read_text())
    assert after["processes"] == wanted
    assert after["started"] == about["started"]


def test_a_run_that_another_machine_takes_up_says_so_in_one_line(half: Path, tmp_path: Path) -> None:
    """Whoever computed which steps stays on record; equal machines are one entry, and say nothing."""
    stopped = Path(shutil.copytree(half, tmp_path / "run"))
    about = json.loads((stopped / "run.json").read_text())
    first, threads = about["machines"][0], about["hardware"]["threads"]
    older = {"versions": {**first["versions"], "torch": "1.0"}, "hardware": {**first["hardware"], "threads": 64}}
    del about["machines"], about["digest"]
    (stopped / "run.json").write_text(json.dumps(about | older))  # as runs of before the list had it
    told, again = Notes(stop_after=1), Notes()
    run.resume(stopped, report=told)
    torch_now = first["versions"]["torch"]
    assert (
        f"from step 2 on: torch {torch_now} (was 1.0), threads {threads} (was 64); "
        "the same to rounding, perhaps not to the bit"
    ) in told.messages
    run.resume(stopped, report=again)
    assert not any("was 64" in line or "from step" in line for line in again.messages)
    after = json.loads((stopped / "run.json").read_text())
    assert after["machines"] == [{"from_step": 0, **older}, {**first, "from_step": 2}]
    assert after["versions"]["torch"] == torch_now


@pytest.mark.parametrize("text", ["{}", "[1]", "null", '{"data": {}}', '{"data": 3}', "{"])
def test_a_damaged_run_json_is_one_line(tiny_run: Path, tmp_path: Path, text: str) -> None:
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy)
    (copy / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json") as refused:
        run.sample(copy, [0])
    assert "\n" not in str(refused.value)
    assert "start a new run with another --out" in str(refused.value)


@pytest.mark.parametrize("damaged", [3, [], [{}], None, [{"path": "fast"}]])
def test_a_damaged_record_of_convolutions_is_one_line(content: dict[str, Any], tmp_path: Path, damaged: object) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**content, "convolutions": damaged}))
    with pytest.raises(RunError, match="convolutions can't be read"):
        read_about(tmp_path / "run.json")


@pytest.mark.parametrize("processes", [True, 0, -1, [], [{"count": 0}], [{"from_step": -1}], "2", 1e300, {}, [3]])
def test_odd_processes_are_refused(content: dict[str, Any], tmp_path: Path, processes: object) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**content, "processes": processes}))
    with pytest.raises(RunError, match="processes can't be read; start a new run"):
        read_about(tmp_path / "run.json")


def test_what_was_edited_is_refused_and_the_line_says_how_it_is_taken(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**content, "name": "other", "digest": "0" * 64}))
    with pytest.raises(RunError, match="not what was saved; to have it taken as it is, remove the 'digest' at its end"):
        read_about(path)
    path.write_text(json.dumps({**content, "name": "other"}))
    assert read_about(path).name == "other"


def test_what_is_missing_is_named(content: dict[str, Any], tmp_path: Path) -> None:
    del content["data"]["class_names"]
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"lacks data\.class_names"):
        read_about(tmp_path / "run.json")
