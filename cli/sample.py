"""The command `steergan sample`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ANGLE_DIGITS, angles, numbers, positive, run_argument

if TYPE_CHECKING:
    from steergan.run import Pose

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
@click.option(
    "--rotate", metavar="0-360/12", callback=angles,
    help="Turn a steerable latent: angles in degrees, counterclockwise, or a range in equal steps. A column each.",
)
@click.option("--reflect", is_flag=True, help="The same latents reflected left and right too (D_N and O2).")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the images. Default: RUN/samples.")
def sample(
    run: Path,
    seeds: tuple[int, ...],
    classes: tuple[int, ...] | None,
    truncation: float,
    rotate: tuple[float, ...] | None,
    reflect: bool,
    out: Path | None,
) -> None:
    """Draw images from the generator of RUN: a PNG for each class and seed, and grid.png with a row a class.

    An image depends on its class and its seed, not on what else is asked for. With a steerable latent an image can be
    asked for at other angles: --rotate makes a row a class and seed, and a column an angle.

    \b
    Examples:
      steergan sample runs/00000-quickstart
      steergan sample runs/00000-quickstart --seeds 0-63 --classes 3,5 --truncation 0.75 --out threes-and-fives
      steergan sample runs/00001-galaxies-demo --seeds 0-7 --rotate 0-360/12
    """
    from steergan import pictures
    from steergan import run as runs

    mirrored = (False, True) if reflect else (False,)
    turned = [runs.Pose(angle, mirror) for mirror in mirrored for angle in rotate or (0.0,)]
    images = runs.sample(run, seeds, classes, truncation, turned)
    target = out if out is not None else run / "samples"
    names = runs.class_names(run)
    labels = classes if classes is not None else range(len(names))
    for label, of_class in zip(labels, images, strict=True):
        for seed, of_seed in zip(seeds, of_class, strict=True):
            for pose, image in zip(turned, of_seed, strict=True):
                angle = "" if pose == runs.UPRIGHT and len(turned) == 1 else f"-{pose_name(pose)}"
                file = target / f"class{label}-seed{seed:04d}{angle}.png"
                pictures.save_png(pictures.grid(image[None], 1, scale=1, pad=0), file)
    if len(turned) > 1:
        rows = [f"{names[label]} {seed}" for label in labels for seed in seeds]
        columns = len(turned)
    else:
        rows, columns = [names[label] for label in labels], len(seeds)
        if len(rows) == 1 and columns > WIDEST:
            rows, columns = rows + [""] * ((columns - 1) // WIDEST), WIDEST
    pictures.save_png(pictures.grid(images.flatten(0, 2), columns, labels=rows), target / "grid.png")
    click.echo(f"{len(labels) * len(seeds) * len(turned)} images and grid.png in {target}")


def pose_name(pose: "Pose") -> str:
    """`030`, `mirrored-022.5`."""
    degrees = f"{pose.degrees:0{ANGLE_DIGITS + 4}.{ANGLE_DIGITS}f}".rstrip("0").removesuffix(".")
    return f"mirrored-{degrees}" if pose.reflected else degrees
