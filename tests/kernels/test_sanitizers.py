"""The kernels under the address, leak and undefined-behaviour sanitizers, with every instruction set at hand.

All are instances of the same templates, and watched ones take three times as long to compile: without --thorough that
is the plain ones alone.
"""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steergan.kernels.compiler import SOURCES, X86_UNITS
from steergan.kernels.interface import INSTRUCTIONS
from tests.thorough import also, asked

DRIVER = Path(__file__).with_name("sanitized.cpp")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O0", "-g1", "-fopenmp", f"-I{SOURCES}"]
COMPILER = shutil.which("g++") or shutil.which("clang++")


def processor_flags() -> str:
    info = Path("/proc/cpuinfo")
    return info.read_text() if info.exists() else ""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("sanitized")

    def compile_unit(unit: Path) -> None:
        flags = ["-std=c++17", "-ffp-contract=fast", "-Wno-psabi", *X86_UNITS.get(unit.stem, ()), *SANITIZE]
        if unit.stem in X86_UNITS and not asked():
            flags.append("-fno-sanitize=all")
        command = [str(COMPILER), *flags, "-c", str(unit), "-o", str(folder / f"{unit.stem}.o")]
        subprocess.run(command, check=True, capture_output=True, text=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_unit, [*sorted(SOURCES.glob("*.cpp")), DRIVER]))
    objects = [str(path) for path in folder.glob("*.o")]
    linked = subprocess.run([COMPILER, *SANITIZE, *objects, "-o", str(folder / "run")], capture_output=True, text=True)
    if linked.returncode and "cannot find" in linked.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert linked.returncode == 0, linked.stderr
    return folder / "run"


@pytest.mark.parametrize("instructions", ["portable", *also("avx2", "avx512")])
def test_sanitizers_find_nothing_and_the_three_gradients_agree(program: Path, instructions: str) -> None:
    needed = {"portable": "", "avx2": "avx2", "avx512": "avx512dq"}[instructions]
    if needed not in processor_flags():
        pytest.skip(f"this processor has no {instructions}")
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # threads that wait leave the processor to others
    command = [str(program), str(INSTRUCTIONS[instructions]), str(int(asked()))]
    found = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
