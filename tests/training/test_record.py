import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from steergan.errors import RunError
from steergan.files import write_json, write_whole
from steergan.training import JsonLines


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to write past `size` bytes of any file, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_holds_exactly_the_content_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", b"first")
    write_whole(tmp_path / "a.txt", memoryview(b"second, and longer"))
    assert (tmp_path / "a.txt").read_bytes() == b"second, and longer"
    assert names(tmp_path) == ["a.txt"]


def test_a_write_that_the_kernel_cuts_short_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.bin", b"old")
    with largest_file(1 << 16), pytest.raises(RunError, match=r"a\.bin: cannot be written"):
        write_whole(tmp_path / "a.bin", bytes(1 << 20))
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_disk_that_fills_up_at_the_last_moment_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_whole(tmp_path / "a.bin", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"No space left on device.*nothing that was saved before is lost") as caught:
        write_whole(tmp_path / "a.bin", b"new")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_an_interrupt_while_writing_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    write_whole(tmp_path / "a.bin", b"old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No such file or directory"):
        write_whole(tmp_path / "nowhere" / "a.bin", b"new")


def test_json_is_read_back_as_it_was(tmp_path: Path) -> None:
    value = {"seeds": [1, 2], "name": "C4 \u00e9", "share": 0.1}
    write_json(tmp_path / "run.json", value)
    assert json.loads((tmp_path / "run.json").read_text()) == value


def test_rows_are_in_the_file_as_soon_as_they_are_appended(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    assert record.rows() == []
    for step in (1, 2):
        record.append({"step": step, "loss": step / 3})
        assert len((tmp_path / "stats.jsonl").read_text().splitlines()) == step
    assert record.rows() == [{"step": 1, "loss": 1 / 3}, {"step": 2, "loss": 2 / 3}]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_say_becomes_null(tmp_path: Path, value: float) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    record.append({"step": 1, "precision": value})
    assert record.rows() == [{"step": 1, "precision": None}]


def test_truncation_drops_later_rows_and_a_torn_last_line(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    for step in (10, 20, 30):
        record.append({"step": step})
    with open(record.path, "a") as file:
        file.write('{"step": 4')
    assert record.rows() == [{"step": 10}, {"step": 20}, {"step": 30}]
    record.truncate_after(20)
    record.append({"step": 30})
    assert record.path.read_text() == '{"step": 10}\n{"step": 20}\n{"step": 30}\n'


def test_truncating_a_file_that_is_not_there_makes_none(tmp_path: Path) -> None:
    JsonLines(tmp_path / "stats.jsonl").truncate_after(5)
    assert names(tmp_path) == []


def test_a_row_that_does_not_fit_on_the_disk_is_one_line_and_hurts_no_other(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    row: dict[str, Any] = {"step": 1, "text": "x" * 3000}
    record.append(row)
    with largest_file(1 << 12), pytest.raises(RunError, match=r"stats\.jsonl: cannot be written"):
        record.append(row | {"step": 2})
    record.append(row | {"step": 3})
    assert record.rows() == [row, row | {"step": 3}]


def test_truncation_on_a_full_disk_keeps_every_row(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    rows = [{"step": step, "text": "x" * 3000} for step in range(4)]
    for row in rows:
        record.append(row)
    with largest_file(1 << 12), pytest.raises(RunError, match="cannot be written"):
        record.truncate_after(2)
    assert record.rows() == rows
