"""The command `steergan translate`."""

from pathlib import Path
from typing import Any

import click

from .options import (
    OutputFolder,
    at_option,
    beside,
    chosen_device,
    device_option,
    output,
    range_option,
    run_argument,
    threads_option,
)


@click.command()
@run_argument
@click.argument("images", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--tile",
    type=click.IntRange(min=0),
    help="Pixels a side of a tile; 0: no tiles. Default: 512 for images of more than a megapixel.",
)
@click.option("--overlap", type=click.IntRange(min=0), default=64, show_default=True, help="Pixels that tiles share.")
@click.option("--half", type=click.Choice(["left", "right"]), help="The input is one half of each file.")
@range_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of dropout's noise.")
@at_option
@device_option
@threads_option
@click.option(
    "--out",
    type=OutputFolder(),
    help="Folder for the translations. Default: RUN/translations, or RUN/translations-best and the like with --at.",
)
def translate(
    run: Path,
    images: Path,
    tile: int | None,
    overlap: int,
    half: str | None,
    seed: int,
    at: str,
    device: str,
    out: Path | None,
    **reading: Any,
) -> None:
    """Translate the images in FOLDER (or one image) with the generator of RUN: a PNG of the same name for each.

    Images may have any size: sides that the network's halvings don't divide are mirrored at the borders and cropped
    again; large ones go through in tiles that overlap and are blended.

    \b
    Examples:
      steergan translate runs/00000-relief-demo maps/
      steergan translate runs/00000-maps maps/val --half right --out translated
      steergan translate runs/00001-stains slides/ --tile 1024 --overlap 128
    """
    from steergan.run.translating import Wish, in_words
    from steergan.run.translating import translate as translate_images

    from .progress import TerminalReporter

    target = output(out, run / beside("translations", at))
    wish = Wish(tile, overlap, seed, chosen_device(device), half or "", reading["range"])
    written = translate_images(run, images, target, wish=wish, report=TerminalReporter(), at=at)
    click.echo(f"{len(written.files)} images translated, in {target}")
    for line in in_words(written):
        click.echo(line)
    for line in written.left_out:
        click.echo(f"steergan: left out: {line}", err=True)
    if written.left_out:
        raise click.exceptions.Exit(1)
