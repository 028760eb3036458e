"""One run in a process of its own: what it tells the study, and what it listens to."""

import signal
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import torch

from steergan import run
from steergan.errors import SteerganError
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.folder import RunFolder

LOG = "log.txt"
SECONDS_PER_REPORT = 1.0
SECONDS_PER_LINE = 60.0


class Task(NamedTuple):
    """Everything that a process needs to know to train one run."""

    recipe: Recipe | TranslationRecipe
    folder: Path
    device: str
    data_path: str | None
    threads: int


class Event(NamedTuple):
    """What a process says: at which step it is, or how it ended."""

    kind: Literal["step", "finished", "stopped", "failed"]
    step: int = 0
    text: str = ""


class Channel(Protocol):
    """The part of a connection to the study that is used."""

    def send(self, event: Event, /) -> None:
        """Tell the study."""

    def poll(self) -> bool:
        """Whether the study has said anything, which means to stop."""

    def close(self) -> None:
        """Nothing more is said."""


def main(task: Task, connection: Connection) -> None:
    """What a process of its own starts with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the study to handle
    warnings.simplefilter("ignore")  # of libraries; they are for developers
    torch.set_num_threads(task.threads)
    train_run(task, connection)


def train_run(task: Task, connection: Channel) -> None:
    """Train, and say how it ended; whatever arrives on the connection asks to stop after the step."""
    report = Log(task.folder, connection)
    folder = RunFolder(task.folder)
    try:
        run.train(task.recipe, task.folder, report=report, place=run.Place(task.device, task.data_path))
        report.say(Event("finished" if folder.finished else "stopped"))
    except KeyboardInterrupt:
        report.say(Event("stopped"))
    except SteerganError as error:
        report.message(f"failed: {error}")
        report.say(Event("failed", text=str(error)))
    except Exception as error:
        report.message(traceback.format_exc())
        report.say(Event("failed", text=f"{type(error).__name__}: {error} (see {folder.path / LOG})"))
    finally:
        connection.close()


class Log:
    """A `Reporter` of a run: everything to a file in its folder, its progress to the study.

    Args:
        folder: of the run.
        connection: to the study.
    """

    def __init__(self, folder: Path, connection: Channel) -> None:
        self.path, self.connection = folder / LOG, connection
        self.alone = False
        """Nobody listens any more."""
        self.reported = self.written = -float("inf")

    def message(self, text: str) -> None:
        """A line in the file, once the run has a folder."""
        if self.path.parent.is_dir():
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def progress(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        """Now and then a line, and a word to the study."""
        now = time.monotonic()
        if now - self.reported >= SECONDS_PER_REPORT or step == steps:
            self.reported = now
            self.say(Event("step", step))
        if now - self.written >= SECONDS_PER_LINE or step == steps:
            self.written = now
            losses = "  ".join(f"{key} {value:.4g}" for key, value in row.items() if key != "step")
            self.message(f"step {step} of {steps}  {losses}")

    def stage(self, name: str, done: int, total: int) -> None:
        """Nothing: the study counts steps."""

    def stop_requested(self) -> bool:
        """Whether the study asked to stop, or has died."""
        with suppress(OSError):
            return self.alone or self.connection.poll()
        return True

    def leave_requested(self) -> bool:
        """Whether the study asked to stop, or has died, before the first step."""
        return self.stop_requested()

    def say(self, event: Event) -> None:
        """Tell the study, if it still listens."""
        try:
            self.connection.send(event)
        except OSError:
            self.alone = True
