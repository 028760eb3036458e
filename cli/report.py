"""The command `steergan report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import OutputFile, at_option, moved_data_option, output, run_argument
from .progress import TerminalReporter

if TYPE_CHECKING:
    from steergan.report import Wish


@click.command()
@run_argument
@click.option("--out", type=OutputFile(), help="File to write. Default: RUN/report.html.")
@at_option
@click.option(
    "--neighbours/--no-neighbours",
    default=None,
    help="Look for the training images that are nearest to samples. Default: where that takes seconds.",
)
@click.option(
    "--against",
    metavar="RECIPE",
    type=click.Path(path_type=Path),
    help="Compare the recipe with this one. Default: the one that it extends, or its keys' defaults.",
)
@click.option(
    "--symmetry",
    is_flag=True,
    help="Test which symmetry the training images have, in minutes; later pages show it, too.",
)
@moved_data_option
def report(
    run: Path,
    out: Path | None,
    at: str,
    neighbours: bool | None,
    against: Path | None,
    symmetry: bool,
    data_path: str | None,
) -> None:
    """Write RUN, or a study's folder, as one page: report.html, which needs no network, no server and no other file.

    Samples that turn and flip, training as a slider, figures beside their floors, curves, paths, nearest training
    images, the certificate, the recipe, and the commands that make all of it again. Of a run that translates images:
    held-out inputs, what they become, and the truth. Of an unfinished run it shows what there is.

    \b
    Examples:
      steergan report runs/00000-quickstart
      steergan report runs/00000-quickstart --at best --out quickstart.html
      steergan report runs/00000-quickstart --symmetry
      steergan report studies/rotmnist-small
    """
    from steergan.recipe import read_any_recipe
    from steergan.report import Wish

    compared = None if against is None else read_any_recipe(against)
    show_report(run, out, Wish(at, neighbours, compared, data_path, symmetry))


def show_report(run: Path, out: Path | None = None, wish: "Wish | None" = None) -> None:
    """Write the page, and say where it is and what it does without."""
    from steergan.report import Wish, write_report

    target, told = output(out, run / "report.html", OutputFile), TerminalReporter()
    with told.watching():
        target, page = write_report(run, target, wish or Wish(), told)
    for problem in page.problems:
        click.echo(f"left out: {problem}")
    click.echo(f"{target}: {len(page.html.encode()) / 1e6:.2f} MB, opens in any browser")
    if page.damaged:
        raise click.exceptions.Exit(1)
