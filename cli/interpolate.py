"""The command `steergan interpolate`."""

from pathlib import Path

import click

from .options import at_option, beside, run_argument


@click.command()
@run_argument
@click.option(
    "--seeds", nargs=2, metavar="A B", type=click.IntRange(0), default=(0, 1), help="Latents at the ends. Default: 0 1."
)
@click.option("--images", type=click.IntRange(2), default=10, show_default=True, help="Images in a row.")
@at_option
@click.option("--out", type=click.Path(path_type=Path), help="PNG to write. Default: RUN/interpolation.png.")
def interpolate(run: Path, seeds: tuple[int, int], images: int, at: str, out: Path | None) -> None:
    """Draw paths through what the generator of RUN has learned, as in the paper's Figure 3.

    First a row for each class, along a great circle between two latents; then a row for each class, at the first
    latent, on a straight line from its embedding to the next class's. If the latent is steerable, a third time a row
    for each class: the first latent turned all the way around.

    \b
    Examples:
      steergan interpolate runs/00000-quickstart
      steergan interpolate runs/00000-quickstart --seeds 4 9 --images 16 --out paths.png
    """
    from steergan import pictures
    from steergan import run as runs

    rows = runs.interpolate(run, seeds, images, at)
    names = runs.class_names(run)
    labels = [*names, *(f"{name} to {names[(k + 1) % len(names)]}" for k, name in enumerate(names))]
    labels += [f"{name}, turned" for name in names][: len(rows) - len(labels)]
    target = out if out is not None else run / f"{beside('interpolation', at)}.png"
    pictures.save_png(pictures.grid(rows.flatten(0, 1), images, labels=labels), target)
    click.echo(f"{len(rows)} rows in {target}")
