"""steergan sample"""

from pathlib import Path

import click

from .options import numbers, positive, run_argument

WIDEST = 10
"""Images in a row of the grid, where there is a single class."""


@click.command()
@run_argument
@click.option("--seeds", metavar="0-63", default="0-7", show_default=True, callback=numbers, help="A column each.")
@click.option("--classes", metavar="3,5", callback=numbers, help="Class numbers. Default: all.")
@click.option(
    "--truncation", type=float, default=1.0, show_default=True, callback=positive,
    help="Factor on the latent; below 1 gives more typical, less varied images.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the images. Default: RUN/samples.")
def sample(
    run: Path, seeds: tuple[int, ...], classes: tuple[int, ...] | None, truncation: float, out: Path | None
) -> None:
    """Draw images from the generator of RUN: a PNG for each class and seed, and grid.png with a row a class.

    An image depends on its class and its seed, not on what else is asked for.

    \b
    Examples:
      steergan sample runs/00000-quickstart
      steergan sample runs/00000-quickstart --seeds 0-63 --classes 3,5 --truncation 0.75 --out threes-and-fives
    """
    from steergan import pictures
    from steergan import run as runs

    images = runs.sample(run, seeds, classes, truncation)
    target = out if out is not None else run / "samples"
    names = runs.class_names(run)
    labels = classes if classes is not None else range(len(names))
    for label, row in zip(labels, images, strict=True):
        for seed, image in zip(seeds, row, strict=True):
            file = target / f"class{label}-seed{seed:04d}.png"
            pictures.save_png(pictures.grid(image[None], 1, scale=1, pad=0), file)
    rows, columns = [names[label] for label in labels], len(seeds)
    if len(rows) == 1 and columns > WIDEST:
        rows, columns = rows + [""] * ((columns - 1) // WIDEST), WIDEST
    pictures.save_png(pictures.grid(images.flatten(0, 1), columns, labels=rows), target / "grid.png")
    click.echo(f"{len(labels) * len(seeds)} images and grid.png in {target}")
