"""A library as small as can be, instead of the real kernels, which take a while to compile."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from steergan.kernels.interface import FUNCTIONS, INTERFACE_VERSION

TINY = """
extern "C" {{
__attribute__((visibility("default"))) int steergan_interface_version(void) {{ return {version}; }}
__attribute__((visibility("default"))) const char* steergan_instructions(void) {{ return "tiny"; }}
{others}
}}
"""
OTHER = '__attribute__((visibility("default"))) int {name}(void) {{ return 0; }}'


@pytest.fixture
def has_compiler() -> None:
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        pytest.skip("this machine has no C++ compiler")


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., Path]:
    """A folder with sources of a library that has the interface's functions, less those that are left out."""

    def write(version: int = INTERFACE_VERSION, without: str = "", extra: str = "") -> Path:
        folder = tmp_path / "sources"
        folder.mkdir(exist_ok=True)
        write_tiny(folder, version, without, extra)
        return folder

    return write


def write_tiny(folder: Path, version: int = INTERFACE_VERSION, without: str = "", extra: str = "") -> None:
    """Write the sources into a folder."""
    others = [OTHER.format(name=name) for name in list(FUNCTIONS)[2:] if name != without]
    (folder / "tiny.cpp").write_text(TINY.format(version=version, others="\n".join(others)) + extra)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    """The command of a shell script, to be used as a compiler."""

    def write(body: str) -> list[str]:
        path = tmp_path / "compiler"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return [str(path)]

    return write
