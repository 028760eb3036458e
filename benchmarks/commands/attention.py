"""The command `python -m benchmarks attention`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.options import record_option, threads_option


@click.command()
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed calls of each layer.")
@threads_option
@record_option
def attention(repeats: int, record: Path | None) -> None:
    """Measure what self-attention on fields costs beside that of a CNN with as many parameters: time and memory.

    \b
    Examples:
      python -m benchmarks attention --threads 1
    """
    from benchmarks import attention as measured

    with Countdown("task") as countdown:
        found = measured.measure(repeats, progress=countdown)
    with Countdown("map") as countdown:
        by_size = measured.beside_blocks(repeats, progress=countdown)
    present(measured.report(found, by_size), record=record)
