"""The command `python -m benchmarks rulers`."""

from pathlib import Path

import click

from steergan_cli.benchmark.present import present
from steergan_cli.options import OutputFolder, json_option, numbers, record_option, set_option, threads_option
from steergan_cli.progress import TerminalReporter


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@set_option
@click.option("--steps", callback=numbers, required=True, metavar="N,N,...", help="Of the checkpoints.")
@click.option(
    "--features", multiple=True, default=("scattering", "classifier"), show_default=True, help="One; repeatable."
)
@click.option("--out", type=OutputFolder(), required=True, help="The run's folder.")
@threads_option
@json_option
@record_option
def rulers(
    recipe: Path,
    overrides: tuple[str, ...],
    steps: tuple[int, ...],
    features: tuple[str, ...],
    out: Path,
    file: Path | None,
    record: Path | None,
) -> None:
    """Train RECIPE, measure its checkpoints with several features, and correlate how they rank them.

    \b
    Examples:
      python -m benchmarks rulers recipes/quickstart.toml --steps 50,100,200,400,800 --out runs/rulers
      python -m benchmarks rulers recipes/histology-demo.toml --features scattering --features inception \\
        --steps 25,50,100,200 --out runs/rulers
    """
    from benchmarks import rulers as measured
    from steergan.recipe import read_recipe

    report = TerminalReporter()
    with report.watching():
        found = measured.measure(read_recipe(recipe, overrides), sorted(steps), features, out, report)
    present(measured.report(found), file=file, record=record)
