"""Commands that are killed at a file operation of a given number, and said again."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from steergan.training import load_state
from tests.processes import PATIENCE, WARM

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
"""What Python tells before it is done, for whoever listens (PEP 578); os.replace is a rename, os.unlink a removal."""
TIMES = {"seconds_per_step", "seconds_per_thousand_images", "memory_cpu"}
"""What differs from run to run in rows of records."""
NOT_COMPARED = {
    "run.json": "when it began",
    "verified.json": "times of files",
    ".lock": "empty",
    "log.txt": "what was told, and when",
    "study.json": "seconds a step",
    "table.csv": "seconds a step",
    "table.md": "seconds a step",
}


class Ending(NamedTuple):
    """How a command ended."""

    code: int
    """Its exit code, or minus the signal that killed it."""
    operations: int
    """File operations that it did."""
    output: str


class Trial(NamedTuple):
    """What became of a command that was killed and said again."""

    operations: int
    """Of one that was never killed, in the process that had most."""
    killed: int
    faults: list[str]


class Killer:
    """Counts file operations below a folder, and kills this process and those that it started before one of them.

    Args:
        root: the folder.
        number: of the operation, from 1 on; 0: none.
    """

    def __init__(self, root: Path, number: int) -> None:
        self.root, self.number, self.count = str(root), number, 0

    def listen(self) -> None:
        """From now on, for as long as the process lives."""
        fsync = os.fsync

        def counted(fd: Any) -> None:
            self.done()
            fsync(fd)

        os.fsync = counted
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python is about to do."""
        if event == "open":
            path, _, flags = arguments
            if not flags & WRITES:
                return
        elif event in CHANGES:
            path = arguments[0]
        else:
            return
        relative = isinstance(path, str) and not os.path.isabs(path)  # of a folder that is open, as rmtree does
        if relative or (isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.root)):
            self.done()

    def done(self) -> None:
        """One more; or the end."""
        self.count += 1
        if self.count == self.number:
            os.killpg(0, signal.SIGKILL)


def said(words: Sequence[str], root: Path, number: int = 0) -> Ending:
    """A command in a process that is forked from this one, and killed at an operation below a folder."""
    ours, theirs = os.pipe()
    process = os.fork()
    if not process:
        os.setpgid(0, 0)
        signal.alarm(int(PATIENCE))
        killer, output, code = Killer(root, number), io.StringIO(), 70
        killer.listen()
        try:
            from steergan_cli.main import steergan

            with redirect_stdout(output), redirect_stderr(output):
                steergan(list(words), prog_name="steergan")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        finally:
            with os.fdopen(theirs, "w") as file:
                file.write(json.dumps([code, killer.count, output.getvalue()]))
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as file:
        text = file.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return Ending(-os.WTERMSIG(status), 0, "")
    return Ending(*json.loads(text))


def contents(root: Path) -> dict[str, Any]:
    """Every file below a folder that two equal commands make alike."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name not in NOT_COMPARED and path.suffix != ".lock":
            content: Any = path.read_bytes()
            if path.suffix == ".jsonl":
                rows = [json.loads(line) for line in content.splitlines()]
                content = [{key: value for key, value in row.items() if key not in TIMES} for row in rows]
            if path.suffix == ".pt":
                content = comparable(load_state(path))  # equal states may be unequal bytes: texts that are one object
            found[path.relative_to(root).as_posix()] = content
    return found


def comparable(value: Any) -> Any:
    """A state whose tensors are bytes."""
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(one) for one in value]
    return (str(value.dtype), value.shape, value.numpy().tobytes()) if isinstance(value, Tensor) else value


def trial(
    folder: Path,
    words: Callable[[Path], list[str]],
    numbers: Callable[[int], Sequence[int]],
    begin: Callable[[Path], None],
    answer: Connection,
) -> None:
    """For a process to do: a command once to its end, and then killed again and again, each time from the beginning.

    Args:
        folder: for all of them.
        words: of the command that does everything below a folder.
        numbers: of the operations to kill it at, of so many.
        begin: puts into the folder what the command stands on.
        answer: takes a `Trial`.
    """
    try:
        whole = begun(folder / "whole", begin)
        ended = said(words(whole), whole)
        assert ended.code == 0, ended.output
        wanted = contents(whole)
        faults, killed = list[str](), 0
        for number in numbers(ended.operations):
            root = begun(folder / f"kill-{number}", begin)
            first = said(words(root), root, number)
            killed += first.code == -signal.SIGKILL
            again = said(words(root), root)
            if again.code:
                faults.append(f"killed at {number}: then {again.output}")
                continue
            found = contents(root)
            faults += [
                f"killed at {number}: {name} is {'other' if name in found and name in wanted else 'there or not'}"
                for name in sorted(wanted.keys() | found.keys())
                if found.get(name) != wanted.get(name)
            ]
        answer.send(Trial(ended.operations, killed, faults))
    except BaseException as error:
        answer.send(Trial(0, 0, [repr(error)]))


def begun(root: Path, begin: Callable[[Path], None]) -> Path:
    """A folder with what the command stands on, and its cache."""
    (root / "cache").mkdir(parents=True)
    os.environ["STEERGAN_CACHE"] = str(root / "cache")
    begin(root)
    return root


def tried(
    folder: Path,
    words: Callable[[Path], list[str]],
    numbers: Callable[[int], Sequence[int]],
    begin: Callable[[Path], None],
) -> Trial:
    """A `trial` in a process that has imported everything and computed nothing, so that it can be forked."""
    ours, theirs = WARM.Pipe(duplex=False)
    process = WARM.Process(target=trial, args=(folder, words, numbers, begin, theirs))
    process.start()
    found: Trial = ours.recv()
    process.join(PATIENCE)
    return found
