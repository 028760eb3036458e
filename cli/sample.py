"""The command `steergan sample`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import (
    ANGLE_DIGITS,
    OutputFolder,
    angles,
    at_option,
    beside,
    chosen_classes,
    numbers,
    output,
    positive,
    run_argument,
)

if TYPE_CHECKING:
    from steergan.run import Pose

LONGEST_NAME = 60
"""Characters of a class's name in the name of a file."""
WIDEST = 10
"""Images in a row of the grid, where there is a single class."""


@click.command()
@run_argument
@click.option("--seeds", metavar="0-63", default="0-7", show_default=True, callback=numbers, help="A column each.")
@click.option("--classes", metavar="cat,dog", help="Class names, or their numbers: 3,5 or 0-4. Default: all.")
@click.option(
    "--truncation",
    type=float,
    default=1.0,
    show_default=True,
    callback=positive,
    help="Factor on the latent; below 1 gives more typical, less varied images.",
)
@click.option(
    "--rotate",
    metavar="0-360/12",
    callback=angles,
    help="Turn a steerable latent: angles in degrees, counterclockwise, or a range in equal steps. A column each.",
)
@click.option("--reflect", is_flag=True, help="The same latents reflected left and right too (D_N and O2).")
@at_option
@click.option(
    "--out",
    type=OutputFolder(),
    help="Folder for the images. Default: RUN/samples, or RUN/samples-best and the like with --at.",
)
def sample(
    run: Path,
    seeds: tuple[int, ...],
    classes: str | None,
    truncation: float,
    rotate: tuple[float, ...] | None,
    reflect: bool,
    at: str,
    out: Path | None,
) -> None:
    """Draw images from the generator of RUN: a PNG for each class and seed, and grid.png with a row a class.

    An image depends on its class and its seed, not on what else is asked for. With a steerable latent an image can be
    asked for at other angles: --rotate makes a row a class and seed, and a column an angle.

    \b
    Examples:
      steergan sample runs/00000-quickstart
      steergan sample runs/00000-quickstart --at best
      steergan sample runs/00000-quickstart --seeds 0-63 --classes 3,5 --truncation 0.75 --out threes-and-fives
      steergan sample runs/00001-galaxies-demo --seeds 0-7 --rotate 0-360/12
    """
    from steergan import pictures
    from steergan import run as runs

    target = output(out, run / beside("samples", at))
    mirrored = (False, True) if reflect else (False,)
    turned = [runs.Pose(angle, mirror) for mirror in mirrored for angle in rotate or (0.0,)]
    names = runs.class_names(run)
    labels = range(len(names)) if classes is None else chosen_classes(classes, names)
    images = runs.sample(run, seeds, labels, truncation, turned, at)
    for label, of_class in zip(labels, images, strict=True):
        for seed, of_seed in zip(seeds, of_class, strict=True):
            for pose, image in zip(turned, of_seed, strict=True):
                angle = "" if pose == runs.UPRIGHT and len(turned) == 1 else f"-{pose_name(pose)}"
                file = target / f"{file_stem(label, names[label])}-seed{seed:04d}{angle}.png"
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
    if classes is not None:
        click.echo("classes: " + ", ".join(names[label] for label in labels))


def file_stem(label: int, name: str) -> str:
    """`class7` where names are numbers, else `class1-cat`: what a file's name says of its class."""
    if name.isascii() and name.isdecimal():
        return f"class{name}"
    return f"class{label}-" + re.sub(r"[^\w.-]+", "_", name)[:LONGEST_NAME]


def pose_name(pose: "Pose") -> str:
    """`030`, `mirrored-022.5`."""
    degrees = f"{pose.degrees:0{ANGLE_DIGITS + 4}.{ANGLE_DIGITS}f}".rstrip("0").removesuffix(".")
    return f"mirrored-{degrees}" if pose.reflected else degrees
