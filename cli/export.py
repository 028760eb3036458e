"""The command `steergan export`."""

from pathlib import Path

import click

from .options import OutputFolder, at_option, output, run_argument

TARGETS = ("torch", "onnx", "torch-export", "hub")
PARTS = ("generator", "discriminator", "synthesis", "trunk")


def batch_size(ctx: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """`any`, or a number of images from 1 on.

    Raises:
        click.BadParameter: something else.
    """
    if value == "any":
        return value
    if value.isascii() and value.isdecimal() and 0 < len(value) < 7 and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r}: a number of images from 1 on, or any, was wanted")


@click.command()
@run_argument
@click.option("--to", type=click.Choice(TARGETS), required=True, help="What to make of it.")
@click.option(
    "--part",
    type=click.Choice(PARTS),
    default="generator",
    show_default=True,
    help="synthesis: from the seed map to the image; trunk: from the image to the last feature map.",
)
@click.option("--batch", metavar="N|any", default="any", show_default=True, callback=batch_size, help="Images at once.")
@at_option
@click.option(
    "--out",
    type=OutputFolder(),
    help="A new folder, or that of an older export. Default: RUN/exports/PART-TARGET.",
)
def export(run: Path, to: str, part: str, batch: int | str, at: str, out: Path | None) -> None:
    """Write a network of RUN for others: plain torch, ONNX, a program of torch.export, or a folder for a model hub.

    Filters become constants; what is written needs neither steergan nor escnn. It is compared with the network on 32
    seeded inputs (with --to onnx in ONNX Runtime, too), equal entries of its filters are compared bit by bit, and its
    symmetry is measured; export.json says so, with hashes. Nothing is uploaded.

    \b
    Examples:
      steergan export runs/00000-quickstart --to onnx
      steergan export runs/00000-quickstart --to torch --part discriminator --out scorer
      steergan export runs/00000-quickstart --to hub --out for-the-hub
    """
    from steergan.run.exporting import export_run, summary

    out = output(out, run / "exports" / f"{part}-{to}")
    found = export_run(run, to=to, part=part, batch=batch, out=out, at=at)
    for line in summary(found):
        click.echo(line)
