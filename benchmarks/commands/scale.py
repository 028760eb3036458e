"""The command `python -m benchmarks scale`."""

from pathlib import Path

import click

from steergan_cli.benchmark.present import present
from steergan_cli.options import json_option, record_option, set_option, threads_option
from steergan_cli.progress import TerminalReporter

GROUPS, NORMS = ("trivial", "C4", "D4", "SO2"), ("bank", "weights", "off")
"""As the benchmark's; a test compares them."""


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@set_option
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="Of training, for each.")
@click.option(
    "--group", "groups", multiple=True, default=GROUPS, show_default=True, help="Of the discriminator; repeatable."
)
@click.option(
    "--norm", "norms", type=click.Choice(NORMS), multiple=True, default=NORMS, help="Spectral norm; repeatable."
)
@threads_option
@json_option
@record_option
def scale(
    recipe: Path,
    overrides: tuple[str, ...],
    steps: int,
    groups: tuple[str, ...],
    norms: tuple[str, ...],
    file: Path | None,
    record: Path | None,
) -> None:
    """Train discriminators of several groups and depths on RECIPE for some steps, and compare their scales.

    \b
    Examples:
      python -m benchmarks scale recipes/quickstart.toml
      python -m benchmarks scale recipes/quickstart.toml --group C4 --norm bank --steps 20
    """
    from benchmarks import scale as measured
    from steergan.recipe import read_recipe

    report, settings = TerminalReporter(), read_recipe(recipe, overrides)
    with report.watching():
        found = measured.measure(settings, steps, groups, norms, report)
    present(measured.report(found, settings, steps), file=file, record=record)
