"""What `steergan doctor` says, and builds."""

import json
from pathlib import Path

import pytest

from steergan.kernels import library
from steergan_cli import doctor
from tests.commands import invoke
from tests.kernels.search import search_anew


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test searches for the kernels anew; what was found before is there again afterwards."""
    search_anew(monkeypatch)


def test_table_names_versions_folders_and_why_there_are_no_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_KERNELS", "off")
    monkeypatch.setenv("STEERGAN_DATA", f"{tmp_path}/data")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STEERGAN_CACHE", f"{tmp_path}/file/cache")
    told = invoke("doctor")
    assert (told.exit_code, told.stderr) == (0, "")
    column = len("convolution kernels  ")
    rows = {line[:column].strip(): line[column:] for line in reversed(told.stdout.splitlines())}
    assert {"steergan", "torch", "escnn", "numpy", "python", "processor", "threads", "devices"} <= set(rows)
    assert rows["data"] == f"{tmp_path}/data (not there)"
    assert rows["cache"] == f"{tmp_path}/file/cache (cannot be written)"
    assert rows["convolution kernels"] == "dense path: STEERGAN_KERNELS=off"


def test_json_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = library.NativeLibrary(Path("kernels.so"), "avx512", None)  # type: ignore[arg-type]
    monkeypatch.setattr(library, "find", lambda: kernels)
    found = json.loads(invoke("doctor", "--json").stdout)
    assert found["kernels"] == {"instructions": "avx512", "path": "kernels.so", "reason": None}
    assert found["cache"]["writable"] is True
    assert dict(doctor.table(found))["convolution kernels"] == "avx512, from kernels.so"


def test_build_says_where_the_kernels_are(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = library.NativeLibrary(Path("kernels.so"), "avx2", None)  # type: ignore[arg-type]
    asked: list[bool] = []

    def find(anew: bool = False) -> library.NativeLibrary:
        asked.append(anew)
        return kernels

    monkeypatch.setattr(library, "find", find)
    told = invoke("doctor", "--build")
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0] == "kernels built in 0 s: kernels.so"
    assert asked == [True, False]


def test_build_that_cannot_be_done_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    told = invoke("doctor", "--build")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == "steergan: no C++ compiler found (CXX, c++, g++ or clang++); install one, such as g++\n"


def test_folder_is_writable_if_it_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor.writable(tmp_path / "new" / "folder")
    assert not doctor.writable(tmp_path / "file")
    assert not doctor.writable(tmp_path / "file" / "below")
