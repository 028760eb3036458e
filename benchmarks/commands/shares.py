"""The command `python -m benchmarks shares`."""

from pathlib import Path

import click

from steergan_cli.benchmark.present import present
from steergan_cli.options import json_option, record_option, set_option


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@set_option
@click.option(
    "--share", "fractions", multiple=True, type=click.FloatRange(0, 1, min_open=True),
    default=(0.1, 0.33, 0.66, 1.0), show_default=True, help="Of the training images; repeatable.",
)  # fmt: skip
@json_option
@record_option
def shares(
    recipe: Path, overrides: tuple[str, ...], fractions: tuple[float, ...], file: Path | None, record: Path | None
) -> None:
    """Measure real training images of RECIPE in a generator's place: the "Real data" row of the paper's Table 2.

    \b
    Examples:
      python -m benchmarks shares recipes/rotmnist.toml
      python -m benchmarks shares recipes/rotmnist.toml --share 0.05 --share 0.1
    """
    from benchmarks import shares as measured
    from steergan.recipe import read_recipe

    settings = read_recipe(recipe, overrides)
    present(measured.report(settings, measured.measure(settings, fractions)), file=file, record=record)
