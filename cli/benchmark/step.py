"""The command `steergan benchmark step`."""

from pathlib import Path

import click

from ..options import (
    chosen_device,
    device_option,
    json_option,
    record_option,
    set_option,
    threads_option,
)
from .countdown import Countdown
from .present import present

DEFAULT_RECIPE = Path("steergan:rotmnist-small")
PARTS = ("step", "D update", "G update", "sampling", "checkpoint", "process", "profile")
"""The benchmark's; a test compares them."""
RIVALS = (
    "steergan, dense", "steergan, no spectral norm", "CNN, equal channels", "CNN, equal parameters", "stock escnn",
)  # fmt: skip
"""Likewise."""


@click.command()
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=DEFAULT_RECIPE, show_default=True, help="Whose pair is timed."
)
@set_option
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part; repeatable.")
@click.option(
    "--rival", "rivals", type=click.Choice(RIVALS), multiple=True, help="Time this rival and no other; repeatable."
)
@click.option("--repeats", type=click.IntRange(min=1), default=20, show_default=True, help="Timed calls of each rival.")
@threads_option
@device_option
@json_option
@record_option
def step(
    recipe: Path,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    rivals: tuple[str, ...],
    repeats: int,
    device: str,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time training steps of a recipe's pair, and their parts, against the same with rival networks.

    Rivals: the trivial group with as many channels, and with as many parameters; the same networks from stock escnn
    modules, in our loop and in the usual one. Parts: a step, one update of either player, samples, a checkpoint, and
    what a fresh process takes to build the pair and to train it, and the operators of a step.

    \b
    Examples:
      steergan benchmark step --device cpu --threads 2
      steergan benchmark step --recipe recipes/rotmnist.toml --repeats 5 --only step --json step.json
    """
    from steergan.benchmark import step_report, time_step
    from steergan.recipe import read_any_recipe

    settings = read_any_recipe(recipe, overrides)
    where = chosen_device(device)
    with Countdown("call") as countdown:
        found = time_step(settings, repeats, only or PARTS, rivals=rivals, device=where, progress=countdown)
    present(step_report.report(found), file=file, record=record)
