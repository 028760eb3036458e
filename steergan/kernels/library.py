"""The compiled convolution kernels of this process: shipped with the package, kept in the cache, or built at first use.

Without them convolutions still run, on the dense path, so that nothing here raises: there is a library, or a reason.
"""

import _ctypes
import ctypes
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import filelock
import torch  # noqa: F401  # its libgomp has to be there first, so that the kernels share its threads

from steergan.errors import DataError, SteerganError
from steergan.files import cache_folder, file_sha256, read_json
from steergan.kernels.compiler import (
    SOURCES,
    TIME_LIMIT,
    KernelBuildError,
    build,
    compiler_version,
    file_name,
    find_compiler,
)
from steergan.kernels.interface import INTERFACE_VERSION, declare
from steergan.kernels.self_check import self_check

LOG = logging.getLogger("steergan")
OFF = "STEERGAN_KERNELS=off"
USUAL_SECONDS = 10
"""What a build takes on two cores, for the user who waits."""

Test = Callable[[ctypes.CDLL], str | None]


class KernelError(SteerganError):
    """The kernels can't be loaded or built."""


@dataclass(frozen=True)
class NativeLibrary:
    """The kernels, ready to be called.

    Attributes:
        path: the shared library.
        instructions: what this machine runs: "avx512", "avx2" or "portable".
        functions: those of interface.h, with their types.
    """

    path: Path
    instructions: str
    functions: ctypes.CDLL


def native() -> NativeLibrary | None:
    """The kernels of this process, searched for (and, if need be, built) at the first call; None if there are none."""
    return _once()[0]


def absence() -> str:
    """Why `native()` is None, in one line; empty if it isn't."""
    return _once()[1]


def remedy() -> str:
    """What a user can do about an absence."""
    return "unset STEERGAN_KERNELS" if absence() == OFF else "build the kernels (steergan doctor --build)"


def say_once(told: bool = False) -> None:
    """Log, the first time, why convolutions that could use the kernels don't.

    Args:
        told: the user has just been told another way.
    """
    if not told and not _told.is_set() and native() is None:
        LOG.warning("convolutions run on the dense path: %s", absence())
    _told.set()


_told = threading.Event()


_searching = threading.Lock()


def _once() -> tuple[NativeLibrary | None, str]:
    with _searching:  # `cache` alone would let two threads search at once
        return _search()


@cache
def _search() -> tuple[NativeLibrary | None, str]:
    if os.environ.get("STEERGAN_KERNELS", "").lower() == "off":
        return None, OFF
    try:
        return find(), ""
    except Exception as error:  # whatever it is, the dense path goes on
        return None, " ".join(str(error).split()) or type(error).__name__


def find(
    sources: Path = SOURCES,
    folder: Path | None = None,
    compiler: Sequence[str] | None = None,
    seconds: float = TIME_LIMIT,
    test: Test = self_check,
    anew: bool = False,
) -> NativeLibrary:
    """The shipped binary, or the cached one, or one that is built now: the first that is whole and passes the test.

    Args:
        sources: the C++ files, beside which a binary may be shipped.
        folder: where binaries are kept; by default in the cache folder.
        compiler: its command; found if not given.
        seconds: when to give up building.
        test: says what a loaded library does wrongly.
        anew: build whatever there is, and although it may have failed before.

    Raises:
        KernelError: there is none, and none can be built, or building it failed before.
    """
    folder = folder or cache_folder() / "kernels"
    cached = folder / file_name(sources)
    if not anew:
        for path in (sources / cached.name, cached):
            with suppress(KernelError):
                return load(path, test)
    try:
        compiler = compiler or find_compiler()
        version = compiler_version(compiler, seconds)
    except KernelBuildError as error:
        raise KernelError(str(error)) from None
    failure = cached.with_suffix(".failed.json")
    with _alone(folder, seconds):
        if not anew:
            with suppress(KernelError):
                return load(cached, test)  # somebody else built it meanwhile
            if reason := _remembered(failure, version):
                raise KernelError(f"{reason} (before; `steergan doctor --build` tries again)")
        LOG.warning("building the convolution kernels, once (about %d s) ...", USUAL_SECONDS)
        try:
            build(cached, sources, compiler, seconds)
            library = load(cached, test)
        except (KernelBuildError, KernelError) as error:
            with suppress(OSError):
                failure.write_text(json.dumps({"compiler": version, "reason": str(error)}) + "\n")
            raise KernelError(str(error)) from None
        failure.unlink(missing_ok=True)
        return library


def load(path: Path, test: Test = self_check) -> NativeLibrary:
    """Load a binary if it is the one that its .json describes.

    Raises:
        KernelError: it is missing, damaged, for another machine or interface, or fails the test.
    """
    try:
        about = read_json(path.with_suffix(".json"))
        if about["sha256"] != file_sha256(path):
            raise KernelError(f"{path}: damaged")
        functions = ctypes.CDLL(str(path))
    except (OSError, ValueError, TypeError, KeyError, DataError) as error:
        raise KernelError(f"{path}: can't be loaded ({error})") from None
    try:
        declare(functions)
        found = functions.steergan_interface_version()
        fault = f"has interface {found}, not {INTERFACE_VERSION}" if found != INTERFACE_VERSION else test(functions)
        if not fault:
            return NativeLibrary(path, functions.steergan_instructions().decode(), functions)
    except Exception as error:  # a function that is missing, or whatever the test meets
        fault = f"{type(error).__name__}: {error}"
    _ctypes.dlclose(functions._handle)  # or loading the file that replaces it would give this one again
    raise KernelError(f"{path}: {fault}")


@contextmanager
def _alone(folder: Path, seconds: float) -> Iterator[None]:
    """Only one process builds in the folder.

    Raises:
        KernelError: the folder can't be written, or another process builds longer than it may.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds + 10)
    except filelock.Timeout:
        raise KernelError(f"{folder}: another process has been building for too long; end it") from None
    except OSError as error:
        hint = "set STEERGAN_CACHE to a folder that you can write to"
        raise KernelError(f"{folder}: cannot be written ({error.strerror}); {hint}") from None
    try:
        for left in folder.glob(".building-*"):  # by processes that were killed
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def _remembered(failure: Path, version: str) -> str:
    """Why this compiler failed before, or nothing."""
    try:
        before = read_json(failure)
        return str(before["reason"]) if before["compiler"] == version else ""
    except (OSError, ValueError, TypeError, KeyError):
        return ""
