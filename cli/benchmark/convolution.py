"""steergan benchmark convolution"""

from pathlib import Path

import click

from ..options import command_line, json_option, record_option, save_record, set_option, threads_option
from .countdown import Countdown

PAPER_RECIPE = Path("recipes/rotmnist.toml")


@click.command()
@click.option(
    "--only", type=click.Choice(["layers", "steps", "limit"]), multiple=True, help="Measure this part; repeatable."
)
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=PAPER_RECIPE, show_default=True, help="Whose steps are timed."
)
@set_option
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed calls of each rival.")
@threads_option
@click.option("--device", default="cpu", show_default=True, help="The kernels are on the CPU only.")
@json_option
@record_option
def convolution(
    only: tuple[str, ...],
    recipe: Path,
    overrides: tuple[str, ...],
    repeats: int,
    device: str,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time convolutions in the group's Fourier basis against conv2d: layers, whole steps, and what limits them.

    On the CPU, where the kernels are. Steps are of the recipe with C4 and with D4, with batches of 16 unless --set says
    otherwise, and of the paper's residual networks for 64 pixels; rivals are the dense path and a CNN.

    \b
    Examples:
      steergan benchmark convolution --threads 2
      steergan benchmark convolution --only layers --only limit --record docs/results/convolution-layers.json
    """
    from steergan.benchmark import convolution as measured
    from steergan.files import write_json
    from steergan.tables import markdown

    if device != "cpu":
        raise click.BadParameter(f"the kernels compute on the CPU, not on {device}", param_hint="'--device'")
    parts = [part for part in measured.PARTS if not only or part in only]
    cases = measured.cases_of(recipe, overrides) if "steps" in parts else []
    found = measured.ConvolutionBenchmark()
    for part in parts:
        with Countdown("step" if part == "steps" else "call") as countdown:
            found = measured.measure(found, part, repeats, cases, countdown)
        click.echo(markdown(measured.tables(found)[-1]) + "\n")
    click.echo(measured.verdict(found))
    if file is not None:
        write_json(file, measured.as_json(found))
    if record is not None:
        save_record(measured.claim(found, record.stem, command_line()), record)
