"""How far a benchmark is."""

import sys
import time

import click
from tqdm import tqdm

from ..progress import clock

SECONDS_PER_LINE = 15.0


class Countdown:
    """How many timed calls are done and how long the rest takes: a live line on a terminal, lines elsewhere.

    Args:
        noun: what a call is.
    """

    def __init__(self, noun: str = "step") -> None:
        live = sys.stderr.isatty()
        self.noun = noun
        self.bar = tqdm(desc=f"{noun}s", leave=False, dynamic_ncols=True, smoothing=0) if live else None
        self.began = self.shown = time.monotonic()

    def __enter__(self) -> "Countdown":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is; `done` of `total`."""
        if self.bar is not None:
            self.bar.total = total
            self.bar.update(done - self.bar.n)
            return
        now = time.monotonic()
        if now - self.shown >= SECONDS_PER_LINE:
            self.shown = now
            left = clock((total - done) * (now - self.began) / done)
            click.echo(f"{self.noun} {done} of {total}, {left} left")
