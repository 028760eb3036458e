"""The runs of a study, so many at a time, each in a process of its own; what is finished is not done again."""

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

from steergan import data
from steergan.errors import DataError
from steergan.files import AnyPath
from steergan.run.folder import RunFolder, check_same_recipe
from steergan.study.plan import Run, Study
from steergan.study.worker import Event, Task, main
from steergan.training.checkpoint import state_paths, step_of

PATIENCE = 0.5
"""Seconds between two looks at what the user wants."""


class StudyReporter(Protocol):
    """Who tells the user how far a study is; it counts runs and steps of all of them, as `run.Reporter` does not."""

    def message(self, text: str) -> None:
        """A line that stays."""

    def overall(self, steps: int, total: int, runs: int, running: Sequence[str]) -> None:
        """Generator steps done and to do in all, runs finished, and the names of those that are running."""

    def stop_requested(self) -> bool:
        """Whether to stop after the steps that are running."""


@dataclass
class Outcome:
    """How the runs of a study ended."""

    finished: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Name of the run and why."""
    stopped: bool = False


class Process(Protocol):
    """The part of a process that is used."""

    @property
    def exitcode(self) -> int | None:
        """None while it runs; minus the signal that killed it."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""

    def terminate(self) -> None:
        """Ask it to end."""


@dataclass
class Worker:
    """A run that is being trained."""

    run: Run
    process: Process
    connection: Connection
    began: float
    end: Event | None = None


def refuse_other_recipes(study: Study, root: Path) -> None:
    """Refuse before anything starts to run where a run of another recipe is in the way.

    Raises:
        RunError: there is one.
    """
    for run in study.runs:
        folder = RunFolder(root / run.folder)
        if folder.recipe.exists():
            check_same_recipe(folder, run.recipe)


def steps_done(run: Run, root: AnyPath) -> int:
    """Generator steps that a run need not do again."""
    root = Path(root)
    folder = RunFolder(root / run.folder)
    if folder.finished:
        return run.recipe.training.steps
    return max(map(step_of, state_paths(folder.path)), default=0)


def run_study(
    study: Study,
    root: AnyPath,
    *,
    jobs: int = 1,
    threads: int = 1,
    device: str = "cpu",
    data_path: str | None = None,
    report: StudyReporter,
) -> Outcome:
    """Train every run of a study that is not finished yet; a run that fails does not stop the others.

    Args:
        study: what to run.
        root: every run has its folder below it; one that lies there unfinished goes on.
        jobs: runs at a time.
        threads: CPU threads of each.
        device: where they compute.
        data_path: where the originals are, in place of `data.path`.
        report: who is told, and who may ask to stop: then the running ones finish their step and save.

    Raises:
        RunError: a run folder below `root` holds a run of another recipe.
    """
    root = Path(root)
    refuse_other_recipes(study, root)
    schedule = Schedule(study, root, report)
    if schedule.waiting:
        prepare_data(study, data_path)
    try:
        while schedule.goes_on():
            while schedule.waiting and len(schedule.running) < jobs:
                run = schedule.waiting.pop(0)
                task = Task(run.recipe, root / run.folder, device, data_path, threads)
                schedule.running.append(launch(run, task))
            schedule.listen()
    finally:
        for worker in schedule.running:
            worker.process.terminate()
            worker.process.join()
    return schedule.outcome


class Schedule:
    """Which runs wait, which are running, and how the others ended."""

    def __init__(self, study: Study, root: Path, report: StudyReporter) -> None:
        self.root, self.report, self.outcome = root, report, Outcome()
        self.steps = {run.folder: steps_done(run, root) for run in study.runs}
        self.total = sum(run.recipe.training.steps for run in study.runs)
        self.waiting = [run for run in study.runs if not RunFolder(root / run.folder).finished]
        self.running: list[Worker] = []
        self.outcome.finished = [run.folder for run in study.runs if run not in self.waiting]
        if self.outcome.finished:
            report.message(f"{len(self.outcome.finished)} of {len(study.runs)} runs are finished already")

    def goes_on(self) -> bool:
        """Whether there is anything left to do; passes on the user's wish to stop, once."""
        if self.report.stop_requested() and not self.outcome.stopped and (self.waiting or self.running):
            self.outcome.stopped = True
            self.waiting.clear()
            for worker in self.running:
                with suppress(OSError):  # it has just ended
                    worker.connection.send("stop")
        return bool(self.waiting or self.running)

    def listen(self) -> None:
        """Take in what the running ones say, or wait a little."""
        ready = wait([worker.connection for worker in self.running], timeout=PATIENCE)
        for worker in [worker for worker in self.running if worker.connection in ready]:
            try:
                event: Event = worker.connection.recv()
            except (EOFError, OSError):
                self.ended(worker)
                continue
            if event.kind == "step":
                self.steps[worker.run.folder] = event.step
            else:
                worker.end = event
        names = [worker.run.folder for worker in self.running]
        self.report.overall(sum(self.steps.values()), self.total, len(self.outcome.finished), names)

    def ended(self, worker: Worker) -> None:
        """A process is gone: note how."""
        worker.process.join()
        worker.connection.close()
        self.running.remove(worker)
        name, steps = worker.run.folder, worker.run.recipe.training.steps
        end = worker.end or Event("failed", text=f"its process died ({exit_words(worker.process.exitcode)})")
        if end.kind == "failed":
            self.outcome.failed[name] = end.text
            self.total -= steps - self.steps[name]  # so that the time left is that of the others
            self.report.message(f"{name}: failed: {end.text}")
        elif end.kind == "finished":
            self.outcome.finished.append(name)
            self.steps[name] = steps
            minutes = (time.monotonic() - worker.began) / 60
            self.report.message(f"{name}: finished in {minutes:.1f} min")


def exit_words(code: int | None) -> str:
    """Why a process that said nothing is gone."""
    if code is not None and code < 0:
        killed = "; there may have been too little memory" if code == -signal.SIGKILL else ""
        return f"signal {-code}{killed}"
    return f"exit code {code}"


def launch(run: Run, task: Task) -> Worker:
    """Start a process for a run: a fresh interpreter, so that no thread or lock of this one is copied."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(task, theirs), name=run.folder, daemon=True)
    with deaf_to_interrupts():
        process.start()
    theirs.close()
    return Worker(run, process, ours, time.monotonic())


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """A process started inside never sees a Ctrl-C, not even while it is still importing; ours waits until after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def prepare_data(study: Study, data_path: str | None) -> None:
    """Prepare each data set once, here, before several runs would; what fails here fails again, by name, in its run."""
    sets = {run.recipe.data.model_copy(update={"fraction": 1.0}) for run in study.runs}
    for settings in sets:
        with suppress(DataError):
            data.prepare(settings if data_path is None else settings.model_copy(update={"path": data_path}))
