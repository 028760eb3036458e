"""The command `python -m benchmarks groups`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.options import (
    OutputFile,
    chosen_device,
    device_option,
    record_option,
    threads_option,
)

GROUP_RECIPES = Path("recipes/groups")


@click.command()
@click.argument("targets", nargs=-1, metavar="[RECIPE|RUN]...", type=click.Path(path_type=Path))
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed steps of each.")
@threads_option
@device_option
@click.option("--picture", metavar="PNG", type=OutputFile(), help="Draw errors against the angle.")
@record_option
def groups(
    targets: tuple[Path, ...],
    repeats: int,
    device: str,
    picture: Path | None,
    record: Path | None,
) -> None:
    """Measure how well networks of different groups turn between the angles of the grid, and what a step costs.

    Recipes (untrained networks), one for each group, or runs, which may differ in their seeds; one of them of C4.
    Without any, recipes/groups.

    \b
    Examples:
      python -m benchmarks groups --picture groups.png
      python -m benchmarks groups studies/rotmnist-groups/*-seed0 recipes/groups/rotmnist-{c16,d4,o2}.toml
    """
    from benchmarks import groups as measured
    from steergan.pictures import save_png

    chosen = targets or tuple(sorted(GROUP_RECIPES.glob("*.toml")))
    if not chosen:
        raise click.UsageError(f"no RECIPE or RUN came, and {GROUP_RECIPES} holds none; name some")
    where = chosen_device(device)
    with Countdown() as countdown:
        found = measured.measure(chosen, repeats, device=where, progress=countdown)
    present(measured.report(found, where), record=record)
    if picture is not None:
        save_png(measured.figure(found), picture)
        click.echo(f"errors against the angle drawn in {picture}")
