"""What a user sees while something takes long: a live line on a terminal, one aligned line per tick elsewhere."""

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from steergan.progress import Progress

NAMES = {
    "discriminator_loss": "D loss",
    "generator_loss": "G loss",
    "real_score": "real",
    "fake_score": "fake",
    "r1": "R1",
    "wgan_gp": "GP",
}
"""What the line shows, in this order, of what a step records."""

SECONDS_PER_TICK = 5.0
SECONDS_PER_LINE = 10.0
"""Between two lines about a data set that is prepared, where there is no terminal."""
BAR = "{n_fmt}/{total_fmt} |{bar:10}| {rate_fmt}, {remaining} left{postfix}"
"""Losses, speed and time left fit into 80 columns; tqdm puts a comma before the figures and cuts what is too long."""


class TerminalReporter:
    """A `Reporter` of a run, for people.

    Args:
        live: whether to redraw one line (a terminal) or to add a line every few seconds (a file).
        several: the run has other processes: what started them repeats signals, and kills in the end itself.
    """

    def __init__(self, live: bool | None = None, several: bool = False) -> None:
        self.live = sys.stderr.isatty() if live is None else live
        self.several = several
        self.stop_asked = False
        self._bar: tqdm[Any] | None = None
        self._stage: tuple[str, tqdm[Any] | None, float, int] | None = None
        self._first: tuple[int, float] | None = None
        self._shown = -float("inf")

    def message(self, text: str) -> None:
        """A line that stays."""
        if self._bar is None:
            click.echo(text)
        else:
            with self._bar.external_write_mode(file=sys.stdout):
                click.echo(text)

    def progress(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        """What generator step `step` of `steps` recorded; may be called after every step."""
        if self.live:
            self._redraw(row, step, steps)
        else:
            self._add_line(row, step, steps)

    def stage(self, name: str, done: int, total: int) -> None:
        """How far a part is that takes a while and is no training step, such as preparing data."""
        now = time.monotonic()
        if self._stage is None or self._stage[0] != name:
            self._end_stage()
            bar = None
            if self.live:
                bar = tqdm(total=total, initial=done, desc=name, leave=False, dynamic_ncols=True, delay=0.5)
            self._stage, self._shown = (name, bar, now, done), now
        _, bar, began, first = self._stage
        if bar is not None:
            bar.update(done - bar.n)
        elif done > first and now - self._shown >= SECONDS_PER_TICK:
            self._shown = now  # what goes on was not that fast
            click.echo(f"{name}: {done} of {total}, {clock((total - done) * (now - began) / (done - first))} left")
        if done >= total:
            self._end_stage()

    def _end_stage(self) -> None:
        if self._stage is not None and self._stage[1] is not None:
            self._stage[1].close()
        self._stage = None

    def stop_requested(self) -> bool:
        """Whether the user asked to stop after the step that is running."""
        return self.stop_asked

    def leave_requested(self) -> bool:
        """Whether the user asked to stop, before there was a step."""
        return self.stop_asked

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Meanwhile a first Ctrl-C, SIGTERM or SIGHUP asks to stop after the step, a second aborts. Ends the live line.

        A terminal that is closed sends SIGHUP; who is to outlive it (nohup) ignores that, and goes on doing so.
        """
        heard = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            heard.append(signal.SIGHUP)
        previous = {number: signal.signal(number, self._interrupted) for number in heard}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._end_stage()
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            leave_terminal()
        if self.stop_asked:
            if self.several:
                return
            raise KeyboardInterrupt
        self.stop_asked = True
        if self.several:
            return  # each would say it
        # Not echo: a handler may interrupt a write to the same stream.
        os.write(2, b"\nsteergan: stopping after this step; Ctrl-C again aborts at once\n")

    def _redraw(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        if self._bar is None:
            self._bar = tqdm(total=steps, initial=step, bar_format=BAR, unit="step", dynamic_ncols=True, leave=False)
        self._bar.set_postfix_str(figures(row, ".2f"), refresh=False)
        self._bar.update(step - self._bar.n)

    def _add_line(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = (step, now)
        if now - self._shown < SECONDS_PER_TICK and step != steps:
            return
        self._shown = now
        done, seconds = step - self._first[0], now - self._first[1]
        rate = ""
        if done and seconds:
            rate = f"{done / seconds:6.2f} step/s  {clock((steps - step) * seconds / done)} left"
        place = f"step {step:>{len(str(steps))}} of {steps}"
        click.echo(f"{place}  {rate:<27}  {figures(row)}".rstrip())


def leave_terminal() -> None:
    """Write into nothing what would go to a terminal that is gone, where writing fails: the checkpoint is to come."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):
            os.dup2(nothing, stream)
    os.close(nothing)


def figures(row: Mapping[str, Any], form: str = "+8.3f") -> str:
    """The figures of a step; in their usual form they make columns."""
    return "  ".join(f"{name} {row[key]:{form}}" for key, name in NAMES.items() if row.get(key) is not None)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def follow(training: Callable[[TerminalReporter], Path], several: bool = False) -> Path:
    """Run a training that reports to the terminal, and say how to look at it; exit with 130 if Ctrl-C ended it.

    Args:
        training: trains, and gives the run folder.
        several: other processes do the same run; one of them speaks.

    Returns:
        The run folder.
    """
    report = TerminalReporter(several=several)
    with report.watching():
        folder = training(report)
    from steergan.run.folder import RunFolder
    from steergan.training import is_first_to_tell

    made = RunFolder(folder)
    if made.finished:
        if is_first_to_tell():
            if made.read_about().data.input_shape is not None:
                click.echo(f"translate images: steergan translate {folder} FOLDER")
            click.echo(f"all of it on one page: steergan report {folder}")
        return folder
    if report.stop_asked or several:
        if is_first_to_tell():
            saved = "stopped and saved" if made.trained else "stopped; nothing was trained yet"
            click.echo(f"steergan: {saved}; continue with: steergan resume {folder}", err=True)
        raise click.exceptions.Exit(130)
    return folder


@contextmanager
def progress_lines(title: str) -> Iterator["Progress"]:
    """On a terminal a bar with the time left, which clears itself; elsewhere a line on stderr every ten seconds."""
    live = sys.stderr.isatty()
    bar = tqdm(desc=title, unit=" images", unit_scale=True, leave=False, delay=0.5, disable=not live)
    first: tuple[int, float] | None = None
    shown = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal first, shown
        now = time.monotonic()
        if first is None:  # a preparation that goes on is not that fast
            first, bar.initial, bar.n, bar.total = (done, now), done, done, total
        bar.update(done - bar.n)
        if not live and now - shown >= SECONDS_PER_LINE and done > first[0]:
            shown = now
            left = clock((total - done) * (now - first[1]) / (done - first[0]))
            click.echo(f"{title}: {done:,} of {total:,} images, {left} left", err=True)

    with bar:
        yield progress
