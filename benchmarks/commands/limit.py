"""The command `python -m benchmarks limit`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.options import record_option, threads_option


@click.command()
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed calls of each rival.")
@threads_option
@record_option
def limit(repeats: int, record: Path | None) -> None:
    """Measure how near convolutions in the group's Fourier basis come to what the CPU can do.

    \b
    Examples:
      python -m benchmarks limit --threads 2
    """
    from benchmarks import limit as measured

    with Countdown("call") as countdown:
        found = measured.time_limits(repeats, progress=countdown)
    present(measured.report(found), record=record)
