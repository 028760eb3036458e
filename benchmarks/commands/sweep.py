"""The command `python -m benchmarks sweep`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.benchmark.step import DEFAULT_RECIPE
from steergan_cli.options import (
    OutputFile,
    chosen_device,
    device_option,
    json_option,
    record_option,
    set_option,
    threads_option,
)


@click.command()
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=DEFAULT_RECIPE, show_default=True, help="Whose pair is timed."
)
@set_option
@click.option("--batch-size", "batches", type=click.IntRange(min=2), multiple=True, help="One of them; repeatable.")
@click.option(
    "--width", "widths", type=click.FloatRange(min=0, min_open=True), multiple=True,
    help="A factor on all widths; repeatable.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed steps of each rival.")
@threads_option
@device_option
@click.option("--picture", metavar="PNG", type=OutputFile(), help="Draw seconds against both.")
@json_option
@record_option
def sweep(
    recipe: Path,
    overrides: tuple[str, ...],
    batches: tuple[int, ...],
    widths: tuple[float, ...],
    repeats: int,
    device: str,
    picture: Path | None,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time training steps over batch sizes, and over widths, against the rivals of `benchmark step`.

    \b
    Examples:
      python -m benchmarks sweep --picture sweep.png
      python -m benchmarks sweep --set training.batch_size=16 --width 1 --width 8 --repeats 3
    """
    from benchmarks import sweep as measured
    from steergan.pictures import save_png
    from steergan.recipe import read_recipe

    settings = read_recipe(recipe, overrides)
    where = chosen_device(device)
    given = bool(batches or widths)
    with Countdown() as countdown:
        found = measured.measure(
            settings,
            repeats,
            sorted(batches) if given else measured.BATCHES,
            sorted(widths) if given else measured.WIDTHS,
            device=where,
            progress=countdown,
        )
    present(measured.report(found), file=file, record=record)
    if picture is not None:
        save_png(measured.figure(found), picture)
        click.echo(f"drawn in {picture}")
