"""Which library a process gets: shipped, cached or built; and that whatever is wrong is a reason, no exception."""

import ctypes
import hashlib
import json
import logging
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from steergan.kernels import library
from steergan.kernels.compiler import build, file_name, find_compiler
from steergan.kernels.interface import INTERFACE_VERSION
from steergan.kernels.library import KernelError
from tests.kernels.search import search_anew
from tests.processes import WARM, forked

Tiny = Callable[..., Path]
Script = Callable[[str], list[str]]
find = partial(library.find, test=lambda functions: None)  # a tiny library computes nothing
load = partial(library.load, test=lambda functions: None)
needs_compiler = pytest.mark.usefixtures("has_compiler")
def tell_what_is_found(sources: Path, folder: Path, compiler: list[str], answer: Connection) -> None:
    """For a process to do."""
    found = library.find(sources, folder, compiler, test=lambda functions: None)
    answer.send(f"{found.instructions} {found.path}")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test searches anew; what was found before is there again afterwards."""
    search_anew(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def built(tiny: Tiny, folder: Path, has_compiler: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A binary in the cache that was never loaded."""
    sources = tiny()
    build(folder / file_name(sources), sources)
    return folder / file_name(sources)


def builds(caplog: pytest.LogCaptureFixture) -> int:
    return sum("building the convolution kernels" in record.message for record in caplog.records)


def describe(path: Path) -> None:
    """Make the .json of a binary fit it, whatever it is."""
    about = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(about))


@needs_compiler
def test_library_is_built_at_first_use_and_found_the_next_time(
    tiny: Tiny, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = find(tiny(), folder), find(tiny(), folder)
    assert first.instructions == second.instructions == "tiny"
    assert first.path == second.path == folder / file_name(tiny())
    assert builds(caplog) == 1


def test_shipped_library_is_taken_first_without_a_compiler(
    tiny: Tiny, folder: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (built, built.with_suffix(".json")):
        file.rename(tiny() / file.name)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CXX", raising=False)
    assert find(tiny(), folder).path == tiny() / built.name


def test_damaged_shipped_library_is_left_for_the_cached_one(tiny: Tiny, folder: Path, built: Path) -> None:
    (tiny() / built.name).write_bytes(built.read_bytes()[:100])
    (tiny() / built.with_suffix(".json").name).write_bytes(built.with_suffix(".json").read_bytes())
    assert find(tiny(), folder).path == built


@pytest.mark.parametrize("damage", ["half", "empty", "flipped", "no json", "bad json", "other json"])
def test_damaged_library_is_never_loaded_but_built_again(
    damage: str, tiny: Tiny, folder: Path, built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content, about = built.read_bytes(), built.with_suffix(".json")
    flipped = bytes([content[-1] ^ 1])
    changes: dict[str, Callable[[], object]] = {
        "half": lambda: built.write_bytes(content[: len(content) // 2]),
        "empty": lambda: built.write_bytes(b""),
        "flipped": lambda: built.write_bytes(content[:-1] + flipped),
        "no json": about.unlink,
        "bad json": lambda: about.write_bytes(b"\xff{"),
        "other json": lambda: about.write_text("[]"),
    }
    changes[damage]()
    with pytest.raises(KernelError):
        load(built)
    assert find(tiny(), folder).path == built
    assert builds(caplog) == 1
    assert load(built).instructions == "tiny"


def foreign(content: bytes) -> bytes:
    """A binary as a machine of another kind has it: e_machine is that of aarch64, or of x86-64 there."""
    other = b"\x3e\x00" if content[18:20] == b"\xb7\x00" else b"\xb7\x00"
    return content[:18] + other + content[20:]


@pytest.mark.parametrize("change", [foreign, lambda content: b"not a library\n"])
def test_library_of_another_machine_is_built_again(
    change: Callable[[bytes], bytes], tiny: Tiny, folder: Path, built: Path
) -> None:
    built.write_bytes(change(built.read_bytes()[:64] if change is foreign else built.read_bytes()))
    describe(built)
    with pytest.raises(KernelError, match=r"can't be loaded \("):
        load(built)
    assert find(tiny(), folder).instructions == "tiny"


@needs_compiler
@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"version": 99}, f"has interface 99, not {INTERFACE_VERSION}"),
        ({"without": "steergan_convolve"}, "AttributeError: .*steergan_convolve"),
    ],
)
def test_library_with_another_interface_is_refused_and_remembered(
    faults: dict[str, object], said: str, tiny: Tiny, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with pytest.raises(KernelError, match=said):
            find(tiny(**faults), folder)
    assert builds(caplog) == 1


def test_library_that_was_replaced_is_the_one_that_is_loaded(tiny: Tiny, folder: Path, built: Path) -> None:
    wrong = folder / "wrong.so"
    build(wrong, tiny(version=99))
    good = built.read_bytes()
    built.write_bytes(wrong.read_bytes())
    describe(built)
    with pytest.raises(KernelError, match="has interface 99"):
        load(built)
    wrong.write_bytes(good)
    wrong.replace(built)
    describe(built)
    assert load(built).instructions == "tiny"


@needs_compiler
def test_library_that_computes_wrongly_is_refused(tiny: Tiny, folder: Path) -> None:
    with pytest.raises(KernelError, match="says 1 \\+ 1 = 3"):
        find(tiny(), folder, test=lambda functions: "says 1 + 1 = 3")


@needs_compiler
def test_self_check_that_fails_itself_is_a_reason(tiny: Tiny, folder: Path) -> None:
    with pytest.raises(KernelError, match="ZeroDivisionError"):
        find(tiny(), folder, test=lambda functions: str(1 // 0))


@needs_compiler
def test_real_kernels_are_found_and_pass_their_test() -> None:
    assert library.native() is not None, library.absence()


def test_failure_is_remembered_until_it_is_built_anew(
    tiny: Tiny, folder: Path, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    broken = script('echo "$1" | grep -q version || { echo error: broken; exit 1; }; echo compiler 1')
    with pytest.raises(KernelError, match=r"failed: error: broken$"):
        find(tiny(), folder, broken)
    with pytest.raises(KernelError, match=r"broken \(before; `steergan doctor --build` tries again\)$"):
        find(tiny(), folder, broken)
    assert builds(caplog) == 1
    with pytest.raises(KernelError, match=r"error: broken$"):
        find(tiny(), folder, broken, anew=True)
    assert builds(caplog) == 2
    script('echo "$1" | grep -q version || { echo error: other; exit 1; }; echo compiler 2')
    with pytest.raises(KernelError, match=r"error: other$"):
        find(tiny(), folder, broken)


@needs_compiler
def test_success_forgets_the_failure(tiny: Tiny, folder: Path, script: Script) -> None:
    with pytest.raises(KernelError):
        find(tiny(), folder, script("exit 1"))
    with pytest.raises(KernelError):
        find(tiny(), folder, script('[ "$1" = --version ]'))
    assert [*folder.glob("*.failed.json")] != []
    assert find(tiny(), folder, anew=True).instructions == "tiny"
    assert [*folder.glob("*.failed.json")] == []


def test_compiler_that_hangs_is_a_reason(tiny: Tiny, folder: Path, script: Script) -> None:
    with pytest.raises(KernelError, match="was not done in time"):
        find(tiny(), folder, script('[ "$1" = --version ] || sleep 60'), seconds=0.3)


@needs_compiler
@pytest.mark.parametrize("below", ["", "deeper/kernels"])
def test_cache_that_cannot_be_written_is_a_reason(below: str, tiny: Tiny, folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(KernelError, match=r"cannot be written \(.*\); set STEERGAN_CACHE to a folder"):
        find(tiny(), folder / below)


@needs_compiler
def test_leftovers_of_killed_builds_are_removed(tiny: Tiny, folder: Path) -> None:
    (folder / ".building-1").mkdir(parents=True)
    find(tiny(), folder)
    assert [*folder.glob(".building-*")] == []


@needs_compiler
def test_two_processes_build_once(tiny: Tiny, folder: Path, tmp_path: Path, script: Script) -> None:
    real = find_compiler()[0]
    slow = script(f'case "$*" in *-shared*tiny.o*) sleep 2; echo x >> {tmp_path}/links;; esac\nexec {real} "$@"')
    ours, theirs = WARM.Pipe(duplex=False)
    asked = tell_what_is_found, tiny(), folder, slow, theirs
    with forked(*asked), forked(*asked):
        assert [ours.recv() for _ in range(2)] == [f"tiny {folder / file_name(tiny())}"] * 2
    assert (tmp_path / "links").read_text() == "x\n"


def test_kernels_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("STEERGAN_KERNELS", "off")
    for _ in range(2):
        library.say_once()
    assert (library.native(), library.absence()) == (None, "STEERGAN_KERNELS=off")
    said = "convolutions run on the dense path: STEERGAN_KERNELS=off"
    assert caplog.record_tuples == [("steergan", logging.WARNING, said)]


@pytest.mark.parametrize("error", [KernelError("no luck"), NotImplementedError("no\nluck"), OSError("no luck")])
def test_whatever_goes_wrong_is_a_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(library, "find", fail)
    assert (library.native(), library.absence()) == (None, "no luck")


def test_search_is_done_once_and_nothing_is_said_of_success(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    searches = []
    ready = library.NativeLibrary(Path("kernels.so"), "tiny", ctypes.CDLL(None))

    def search() -> library.NativeLibrary:
        searches.append(1)
        return ready

    monkeypatch.setattr(library, "find", search)
    library.say_once()
    assert (library.native(), library.native(), library.absence()) == (ready, ready, "")
    assert (searches, caplog.records) == ([1], [])
