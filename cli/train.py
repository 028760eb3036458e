"""The command `steergan train`."""

from pathlib import Path

import click

from .options import OutputFolder, chosen_device, device_option, set_option, switch_convolution_option
from .progress import follow
from .report import show_report


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=OutputFolder(),
    help="Run folder; an unfinished run of this recipe in it goes on. Default: the next free runs/00000-NAME.",
)
@set_option
@device_option
@click.option("--data", "data_path", metavar="PATH", help="File or folder with the originals, in place of data.path.")
@click.option(
    "--init-from",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Start from another run's last weights, where layers are the same; images and classes may be others.",
)
@click.option(
    "--skip-damaged", is_flag=True, help="Leave out images that can't be read, by name: data.skip_damaged = true."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print classes, layers, sizes, costs, the time of a step and the resolved recipe; write nothing. The data of "
    "published sets need not be there.",
)
@click.option("--report", "with_report", is_flag=True, help="Write report.html at the end, as steergan report does.")
@switch_convolution_option
def train(
    recipe: Path,
    out: Path | None,
    overrides: tuple[str, ...],
    device: str,
    data_path: str | None,
    init_from: Path | None,
    skip_damaged: bool,
    dry_run: bool,
    with_report: bool,
    switch_convolution: bool,
) -> None:
    """Train a generator and a discriminator from a RECIPE: a TOML file, or steergan:NAME (steergan recipe list).

    Ctrl-C finishes the step and saves; the same command with --out, or `steergan resume`, goes on from there.

    \b
    Examples:
      steergan train steergan:quickstart
      steergan train my-recipe.toml
      steergan train recipes/rotmnist.toml --data ~/mnist --device cuda --out runs/mine
      steergan train recipes/rotmnist.toml --set data.fraction=0.1 --set training.seed=1
      steergan train recipes/rotmnist.toml --set generator.group=D4 --dry-run
      torchrun --nproc-per-node 4 -m steergan_cli train recipes/rotmnist.toml --out runs/mine
    """
    from steergan import run
    from steergan.recipe import read_any_recipe
    from steergan.training import joined, own_device

    settings = read_any_recipe(recipe, (*overrides, "data.skip_damaged=true") if skip_damaged else overrides)
    if dry_run:
        # A device that this machine lacks can be planned for.
        click.echo(run.plan(settings, data_path, chosen_device(device) if device == "auto" else device))
        return
    where = own_device(chosen_device(device))
    with joined(where) as processes:
        folder = follow(
            lambda report: run.train(
                settings,
                out,
                report=report,
                place=run.Place(str(where), data_path, processes),
                init_from=init_from,
                switch_convolution=switch_convolution,
            ),
            several=processes.count > 1,
        )
        if with_report and processes.first:
            show_report(folder)
