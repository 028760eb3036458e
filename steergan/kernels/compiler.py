"""The convolution kernels' C++ made into a shared library: which compiler, which flags, which file name.

Standard library only, and nothing of steergan: wheels are built where neither torch nor steergan is installed.
"""

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

SOURCES = Path(__file__).parent / "native"
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-ffp-contract=fast",
         "-Wno-psabi")  # fmt: skip
LINK_FLAGS = ("-shared", *(("-Wl,--as-needed", "-Wl,-z,defs") if sys.platform == "linux" else ()))
"""No dependency that isn't needed, above all not on libstdc++; a symbol that nobody defines fails the build."""
X86_UNITS = {
    "kernels_avx2": ("-mavx2", "-mfma"),
    "kernels_avx512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"),
}
"""Translation units that only x86-64 has, with their own flags; all others are compiled everywhere, without any."""
OPENMP = "-fopenmp"
OPENMP_PROBE = "#include <omp.h>\nint threads() { return omp_get_max_threads(); }\n"
PROCESSES = 2
TIME_LIMIT = 600.0
"""Seconds for a build."""


class KernelBuildError(Exception):
    """One line: why there is no shared library."""


def fingerprint(sources: Path = SOURCES) -> str:
    """16 hexadecimal digits of all that the computations of a binary depend on: sources and flags."""
    digest = hashlib.sha256(repr((FLAGS, LINK_FLAGS, X86_UNITS)).encode())
    for file in sorted(file for ending in ("*.h", "*.hpp", "*.cpp") for file in sources.glob(ending)):
        content = file.read_bytes()
        digest.update(f"\n{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def machine_kind() -> str:
    """Where a binary runs: system, processor, and the C library where it isn't the usual one."""
    libc = "-musl" if "musl" in (sysconfig.get_config_var("SOABI") or "") else ""
    return f"{sys.platform}-{platform.machine()}{libc}"


def file_name(sources: Path = SOURCES) -> str:
    """The shared library's file name, another one for every version of the sources and kind of machine."""
    return f"fourier-{fingerprint(sources)}-{machine_kind()}.so"


def find_compiler() -> list[str]:
    """The C++ compiler's command: $CXX, or what the system has.

    Raises:
        KernelBuildError: there is none.
    """
    for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++"):
        words = name.split()
        if words and (path := shutil.which(words[0])):
            return [path, *words[1:]]
    raise KernelBuildError("no C++ compiler found (CXX, c++, g++ or clang++); install one, such as g++")


def compiler_version(compiler: Sequence[str], seconds: float = TIME_LIMIT) -> str:
    """The first line that the compiler says about itself.

    Raises:
        KernelBuildError: it can't be run.
    """
    return _run([[*compiler, "--version"]], time.monotonic() + seconds).partition("\n")[0].strip()


def build(
    target: Path, sources: Path = SOURCES, compiler: Sequence[str] | None = None, seconds: float = TIME_LIMIT
) -> None:
    """Compile the sources into the shared library `target`, whole or not at all, with a .json about it beside it.

    Args:
        target: the file to write; its folder is made.
        sources: a folder with the C++ files.
        compiler: its command; found if not given.
        seconds: when to give up.

    Raises:
        KernelBuildError: no compiler, or it fails, or takes longer; or the folder can't be written.
    """
    compiler = [*(compiler or find_compiler())]
    deadline = time.monotonic() + seconds
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            about = {
                "sources": fingerprint(sources),
                "machine": machine_kind(),
                "compiler": compiler_version(compiler, seconds),
                "openmp": _knows_openmp(compiler, folder, deadline),
            }
            openmp = [OPENMP] if about["openmp"] else []
            binary = _compile(sources, folder, [*compiler, *FLAGS, *openmp], deadline)
            about["sha256"] = hashlib.sha256(binary.read_bytes()).hexdigest()
            (folder / "about").write_text(json.dumps(about, indent=2) + "\n")
            os.replace(binary, target)
            os.replace(folder / "about", target.with_suffix(".json"))
    except OSError as error:
        raise KernelBuildError(f"{error.filename or target.parent}: {error.strerror}") from None


def _compile(sources: Path, folder: Path, command: list[str], deadline: float) -> Path:
    """Objects, a few at a time, and then the binary."""
    units = sorted(sources.glob("*.cpp"), key=lambda unit: -unit.stat().st_size)  # the longest first
    if platform.machine().lower() not in ("x86_64", "amd64"):
        units = [unit for unit in units if unit.stem not in X86_UNITS]
    if not units:
        raise KernelBuildError(f"{sources}: holds no C++ sources; install steergan anew")
    objects = [str(folder / f"{unit.stem}.o") for unit in units]
    flags = [X86_UNITS.get(unit.stem, ()) for unit in units]
    compiled = zip(units, objects, flags, strict=True)
    _run([[*command, *own, "-c", str(unit), "-o", made] for unit, made, own in compiled], deadline)
    binary = folder / "binary.so"
    _run([[*command, *LINK_FLAGS, *objects, "-o", str(binary)]], deadline)
    return binary


def _knows_openmp(compiler: list[str], folder: Path, deadline: float) -> bool:
    """Whether the compiler has OpenMP, with its header and its library; the kernels run on one thread without."""
    probe = folder / "probe.cpp"
    probe.write_text(OPENMP_PROBE)
    try:
        _run([[*compiler, *FLAGS, OPENMP, *LINK_FLAGS, str(probe), "-o", str(folder / "probe.so")]], deadline)
    except KernelBuildError:
        return False
    return True


def _run(commands: list[list[str]], deadline: float) -> str:
    """What the commands say; they run PROCESSES at a time, and none outlives this call, nor do those that they start.

    Raises:
        KernelBuildError: one can't be run, fails, or isn't done at the deadline.
    """
    program, said = commands[0][0], ""
    waiting, running = commands[::-1], dict[subprocess.Popen[bytes], IO[bytes]]()
    try:
        while waiting or running:
            while waiting and len(running) < PROCESSES:
                running.update([_start(waiting.pop())])
            time.sleep(0.01)
            for process in [process for process in running if process.poll() is not None]:
                with running.pop(process) as output:
                    output.seek(0)
                    text = output.read().decode(errors="replace")
                if process.returncode:
                    raise KernelBuildError(f"{program} failed: {_first_error(text)}")
                said += text
            if running and time.monotonic() > deadline:
                raise KernelBuildError(f"{program} was not done in time")
    finally:
        for process, output in running.items():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.close()
    return said


def _start(command: list[str]) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """A process, in a group of its own so that it can be ended with those that it starts, and the file it writes to."""
    output = tempfile.TemporaryFile()  # noqa: SIM115  # not a pipe, that somebody would have to keep emptying
    try:
        environment = {**os.environ, "LC_ALL": "C"}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env=environment, start_new_session=True)  # fmt: skip
    except OSError as error:
        output.close()
        raise KernelBuildError(f"{command[0]} can't be run ({error.strerror})") from None
    return process, output


def _first_error(text: str) -> str:
    """The line of a compiler's many that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it says nothing")
