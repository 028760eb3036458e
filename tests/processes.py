"""The command in processes of its own that need not import torch: they are forked from a server that has done so."""

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
PATIENCE = 1800.0
"""Seconds after which something hangs; generous, for machines are slow and busy."""

WARM = multiprocessing.get_context("forkserver")
# torch imports its compiler when the first optimizer is made, which takes as long as all the rest.
WARM.set_forkserver_preload(["steergan_cli.main", "steergan.run", "tests.processes", "torch._dynamo"])
COMPILER_CAME_EARLY = "torch._dynamo" in sys.modules
"""In the server, and so in processes forked from it: whether what it imported before this file brought the compiler."""


class Started:
    """A command that runs; what it writes goes to two files.

    Args:
        process: which runs it.
        out: its standard output.
        err: its standard error.
    """

    def __init__(self, process: ForkServerProcess, out: Path, err: Path) -> None:
        self.process, self.out, self.err = process, out, err

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Look again and again until something holds, or the command has ended."""
        wait_until(condition, self.process.is_alive)

    def end(self) -> tuple[int, str, str]:
        """Exit code, or minus the signal that killed it; output; errors."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "it hangs"
        return self.process.exitcode, self.out.read_text(), self.err.read_text()


def launched(port: int, rank: int) -> dict[str, str]:
    """The variables that torchrun, whose own start takes long, gives to one of two processes with a store at a port."""
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "TORCHELASTIC_RUN_ID": "1",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }


@contextmanager
def forked(target: Callable[..., None], *arguments: object) -> Iterator[ForkServerProcess]:
    """A function of a module of tests in a process of its own; killed at the end if it still runs."""
    process = WARM.Process(target=target, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


@contextmanager
def warm_for_fresh() -> Iterator[None]:
    """Processes that ask for a fresh interpreter are forked from the server all the same."""

    def context(method: str) -> ForkServerContext:
        assert method == "spawn"
        return WARM

    with patch("multiprocessing.get_context", context):
        yield


def tell_of_the_compiler(answer: Connection) -> None:
    """For a process to start with."""
    answer.send(COMPILER_CAME_EARLY)


def wait_until(condition: Callable[[], bool], goes_on: Callable[[], bool]) -> None:
    """Look again and again until something holds, or nothing goes on any more."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and goes_on():
        assert time.monotonic() < deadline, "it hangs"
        time.sleep(0.01)


@contextmanager
def started(
    folder: Path, *arguments: str | Path, largest_file: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Started]:
    """`steergan ARGUMENTS`, from the root of the checkout; killed at the end if it still runs.

    Args:
        folder: where its output goes.
        arguments: of the command.
        largest_file: bytes beyond which the system refuses to write a file.
        environment: variables beside this process's.
    """
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    words = [str(argument) for argument in arguments]
    process = WARM.Process(target=call, args=(words, out, err, {**os.environ, **(environment or {})}, largest_file))
    process.start()
    try:
        yield Started(process, out, err)
    finally:
        process.kill()
        process.join()


def write_to(out: Path, err: Path) -> None:
    """From now on this process's output and errors go to these files."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)


def call(words: list[str], out: Path, err: Path, environment: dict[str, str], largest_file: int | None) -> NoReturn:
    """What the forked process does; `main` exits."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    write_to(out, err)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    sys.argv = ["steergan", *words]

    from steergan_cli.main import main

    main(words)
    raise AssertionError("the command came back")
