"""The command `python -m benchmarks exports`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.options import json_option, record_option, threads_option


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--kept",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("exports-measured"),
    show_default=True,
    help="Folder with the figures of what is done; the same command again goes on with the rest.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Timed calls of each.")
@threads_option
@json_option
@record_option
def exports(names: tuple[str, ...], kept: Path, rounds: int, file: Path | None, record: Path | None) -> None:
    """Export the networks of our recipes and models of escnn's to ONNX, compare them, and time them. No data is needed.

    NAMES are recipes that come with steergan (quickstart, paper/anhir/g-g), or models ("C8 classifier"); one part of
    them as NAME:PART (rotmnist-small:synthesis); all, if there are none.

    \b
    Examples:
      python -m benchmarks exports quickstart
      python -m benchmarks exports --threads 1 --record docs/results/exports.json
    """
    from benchmarks import exports as measured

    for name in names:
        if not any(measured.subjects([name])):
            raise click.BadParameter(f"{name!r}; there are {', '.join([*measured.RECIPES, *measured.STOCK])}")
    wanted = list(measured.subjects(names))
    with Countdown("export") as countdown:
        found = measured.measure(wanted, kept, rounds, countdown)
    present(measured.report(found, rounds, bool(names)), file=file, record=record)
