"""Files are written whole or not at all, and known by their hash."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from steergan.errors import DataError, RunError
from steergan.files import cache_folder, file_sha256, write_json, write_whole
from tests.full_disk import largest_file


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


def test_file_sha256_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(DataError, match="cannot be read"):
        file_sha256(tmp_path / "none")


def test_cache_folder_is_the_platforms_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEERGAN_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: f"/caches/{name}")
    assert cache_folder() == Path("/caches/steergan")
    monkeypatch.setenv("STEERGAN_CACHE", "/mine")
    assert cache_folder() == Path("/mine")
    monkeypatch.setenv("HOME", "/mine")
    monkeypatch.setenv("STEERGAN_CACHE", "~/kept")
    assert cache_folder() == Path("/mine/kept")
