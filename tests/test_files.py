"""Files are written whole or not at all, and known by their hash."""

import errno
import hashlib
import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steergan.errors import DataError, RunError
from steergan.files import (
    OTHER_CACHE,
    cache_folder,
    cache_unwritable,
    expanded,
    file_sha256,
    machine,
    own_name,
    read_plain,
    write_error,
    write_json,
    write_whole,
)
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


def test_processes_that_write_one_file_at_once_all_succeed(tmp_path: Path) -> None:
    contents = [bytes([k]) * 100_000 for k in range(4)]

    def write(content: bytes) -> None:
        for _ in range(20):
            write_whole(tmp_path / "a.bin", content)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, contents))
    assert (tmp_path / "a.bin").read_bytes() in contents
    assert names(tmp_path) == ["a.bin"]


def test_what_dead_writers_left_goes_and_what_living_ones_write_stays(tmp_path: Path) -> None:
    dead, unburied = (multiprocessing.get_context("fork").Process(target=int) for _ in range(2))
    for process in (dead, unburied):
        process.start()
    dead.join()
    assert unburied.pid is not None
    os.waitid(os.P_PID, unburied.pid, os.WEXITED | os.WNOWAIT)  # ended, and left as it is
    left = [tmp_path / f".{machine()}-{process.pid}-00000000.partial" for process in (dead, unburied)]
    own, theirs = tmp_path / own_name(), tmp_path / "download.partial"
    for path in (*left, own, theirs):
        path.touch()
    write_whole(tmp_path / "a.bin", b"a")
    assert names(tmp_path) == sorted([own.name, "a.bin", theirs.name])
    unburied.join()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_has_no_end_is_not_read(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "pipe"
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(ValueError, match="not a plain file"):
        read_plain(path)


def test_a_fault_of_the_cache_names_the_cache_and_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(write_error(tmp_path / "cache" / "references" / "x.npz", full)).endswith(OTHER_CACHE)
    assert "choose another --out" in str(write_error(tmp_path / "run" / "x.npz", full))


def test_a_cache_that_takes_nothing_is_told_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steergan.files._told", set())
    for _ in range(3):
        cache_unwritable(OSError(30, "Read-only file system"), "bases are computed")
    [line] = caplog.messages
    said = f"the cache {cache_folder()} cannot be written (Read-only file system): bases are computed; {OTHER_CACHE}"
    assert line == said


def test_file_sha256_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(DataError, match="cannot be read"):
        file_sha256(tmp_path / "none")


def test_cache_folder_is_the_platforms_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEERGAN_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/steergan")
    monkeypatch.setenv("HOME", "/mine")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/mine/.cache/steergan")
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == Path("/mine/Library/Caches/steergan")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache_folder() == Path("/local/steergan/steergan/Cache")
    monkeypatch.setenv("STEERGAN_CACHE", "/mine")
    assert cache_folder() == Path("/mine")
    monkeypatch.setenv("HOME", "/mine")
    monkeypatch.setenv("STEERGAN_CACHE", "~/kept")
    assert cache_folder() == Path("/mine/kept")
    monkeypatch.setenv("STEERGAN_CACHE", "~nobody-at-all/kept")
    with pytest.raises(RunError, match="there is no such user"):
        cache_folder()
    assert expanded("~nobody-at-all/kept") == Path("~nobody-at-all/kept")
