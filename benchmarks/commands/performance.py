"""The command `python -m benchmarks performance`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.benchmark.step import DEFAULT_RECIPE
from steergan_cli.options import (
    chosen_device,
    device_option,
    record_option,
    set_option,
    threads_option,
)


@click.command()
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=DEFAULT_RECIPE, show_default=True, help="Whose pair is timed."
)
@set_option
@click.option("--only", metavar="WORD", multiple=True, help="Settings whose names hold it; repeatable.")
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed steps of each.")
@threads_option
@device_option
@record_option
def performance(
    recipe: Path,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    repeats: int,
    device: str,
    record: Path | None,
) -> None:
    """Switch the keys of [performance] on, one by one: time, memory and numbers of a training step.

    \b
    Examples:
      python -m benchmarks performance --only recompute --only precision
      python -m benchmarks performance --set loss.r1_weight=0 --only joint
    """
    from benchmarks import performance as measured
    from steergan.recipe import read_recipe

    settings = read_recipe(recipe, overrides)
    where = chosen_device(device)
    names = [name for name in measured.there(where) if any(word in name for word in only)]
    if only and not names:
        known = "; ".join(measured.there(where))
        words = " or ".join(only)
        raise click.BadParameter(f"no setting's name holds {words}; here are {known}", param_hint="'--only'")
    with Countdown() as countdown:
        found = measured.measure(settings, names, repeats, device=where, progress=countdown)
    present(measured.report(found, settings, where), record=record)
