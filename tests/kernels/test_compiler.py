"""Compilers that are missing, fail, hang or can't write: one line each, and nothing left behind."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steergan.kernels import compiler as compiling
from steergan.kernels.compiler import KernelBuildError, build, file_name, find_compiler, fingerprint

Tiny = Callable[..., Path]
Script = Callable[[str], list[str]]
needs_compiler = pytest.mark.usefixtures("has_compiler")


@needs_compiler
def test_build_writes_the_library_and_what_it_is_and_nothing_else(tiny: Tiny, tmp_path: Path) -> None:
    target = tmp_path / "made" / "lib.so"
    build(target, tiny())
    about = json.loads((tmp_path / "made" / "lib.json").read_text())
    assert about["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert about["sources"] == fingerprint(tiny())
    assert sorted(path.name for path in target.parent.iterdir()) == ["lib.json", "lib.so"]


def test_compiler_is_the_one_of_the_environment_first(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = script("exit 0")
    monkeypatch.setenv("CXX", f"{path} -m64")
    assert find_compiler() == [path, "-m64"]


def test_no_compiler_is_said_in_one_line(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KernelBuildError, match=r"^no C\+\+ compiler found .*; install one, such as g\+\+$"):
        build(tmp_path / "lib.so", tiny())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo in file >&2; echo 'x.h:1: error: no' >&2; echo more >&2; exit 1", "compiler failed: x.h:1: error: no"),
        ("exit 3", "compiler failed: it says nothing"),
        ("echo out of luck; exit 1", "compiler failed: out of luck"),
        ("exit 0", "No such file or directory"),
    ],
)
def test_failing_compiler_is_quoted(body: str, said: str, tiny: Tiny, script: Script, tmp_path: Path) -> None:
    with pytest.raises(KernelBuildError) as caught:
        build(tmp_path / "made" / "lib.so", tiny(), script(body))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [*(tmp_path / "made").iterdir()] == []


def test_compiler_that_cannot_be_run_is_said(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "compiler").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "compiler").chmod(0o755)
    with pytest.raises(KernelBuildError, match=r"compiler can't be run \(.*\)$"):
        build(tmp_path / "lib.so", tiny(), [str(tmp_path / "compiler")])


@pytest.mark.parametrize("body", ["sleep 60", '[ "$1" = --version ] || sleep 60'])
def test_compiler_that_hangs_is_ended_with_what_it_started(
    body: str, tiny: Tiny, script: Script, tmp_path: Path
) -> None:
    # Whoever the compiler starts inherits the pipe, so that its reader sees the end of the file when all have gone.
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        start = time.monotonic()
        with pytest.raises(KernelBuildError, match="was not done in time"):
            build(tmp_path / "lib.so", tiny(), script(f"exec 3> {tmp_path}/pipe; echo x >&3; {body}"), seconds=0.3)
        while not ended(reader):
            assert time.monotonic() - start < 30
            time.sleep(0.05)
    finally:
        os.close(reader)


def ended(reader: int) -> bool:
    """Whether no process writes any more to a pipe that nobody blocks on."""
    try:
        while os.read(reader, 1000):
            pass
    except BlockingIOError:
        return False
    return True


@needs_compiler
def test_compiler_without_openmp_builds_for_one_thread(tiny: Tiny, script: Script, tmp_path: Path) -> None:
    real = shutil.which(find_compiler()[0])
    refuse = 'for word in "$@"; do [ "$word" != -fopenmp ] || { echo "error: what is -fopenmp"; exit 1; }; done'
    build(tmp_path / "lib.so", tiny(), script(f'{refuse}\nexec {real} "$@"'))
    assert json.loads((tmp_path / "lib.json").read_text())["openmp"] is False


@needs_compiler
def test_folder_that_cannot_be_made_is_said(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KernelBuildError, match="Not a directory"):
        build(tmp_path / "file" / "kernels" / "lib.so", tiny())


@needs_compiler
def test_symbol_that_nobody_defines_fails_the_build(tiny: Tiny, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems' linkers have other options")
    with pytest.raises(KernelBuildError, match="failed: "):
        build(tmp_path / "lib.so", tiny(extra="void nobody();\nvoid somebody() { nobody(); }"))


@needs_compiler
def test_sources_that_are_missing_are_said(tmp_path: Path) -> None:
    with pytest.raises(KernelBuildError, match=r"holds no C\+\+ sources; install steergan anew"):
        build(tmp_path / "lib.so", tmp_path / "none")


def test_file_name_follows_sources_and_flags(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = tiny()
    first = file_name(sources)
    assert first == file_name(sources)
    monkeypatch.setattr(compiling, "FLAGS", ("-O0",))
    second = file_name(sources)
    (sources / "new.hpp").write_text("")
    assert len({first, second, file_name(sources)}) == 3


def test_compiler_file_needs_the_standard_library_only(tmp_path: Path) -> None:
    code = f"import runpy; print(len(runpy.run_path({compiling.__file__!r})['fingerprint']()))"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (found.stdout, found.stderr) == ("16\n", "")
