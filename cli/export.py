"""The command `steergan export`."""

from collections.abc import Mapping
from pathlib import Path

import click

from .field_types import in_type_option, out_type_option, types_of
from .options import OutputFolder, at_option, output
from .other_inputs import others_of, others_option
from .verify_equivariance import names_function

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
@click.argument("target", metavar="TARGET", type=click.Path())
@click.option("--to", type=click.Choice(TARGETS), required=True, help="What to make of it.")
@click.option(
    "--part",
    type=click.Choice(PARTS),
    help="Of a run: generator (the default), discriminator, synthesis (from the seed map to the image) or trunk (from "
    "the image to the last feature map).",
)
@click.option("--batch", metavar="N|any", default="any", show_default=True, callback=batch_size, help="Images at once.")
@at_option
@click.option("--size", type=click.IntRange(min=1), help="Side of a module's input in pixels. Default: one it accepts.")
@in_type_option
@out_type_option
@others_option
@click.option("--no-certify", is_flag=True, help="Don't verify a module's symmetry; it is measured anyhow.")
@click.option(
    "--out",
    type=OutputFolder(),
    help="A new folder, or that of an older export. Default: RUN/exports/PART-TO, of a module exports/FUNCTION-TO.",
)
def export(
    target: str,
    to: str,
    part: str | None,
    batch: int | str,
    at: str,
    size: int | None,
    in_type: tuple[str, ...],
    out_type: tuple[str, ...],
    others: tuple[str, ...],
    no_certify: bool,
    out: Path | None,
) -> None:
    """Write a network for others: plain torch, ONNX, a program of torch.export, or a folder for a model hub.

    TARGET is a run folder, or package.module:function (or file.py:function), which returns an escnn module. Filters
    become constants; what is written needs neither steergan nor escnn. It is compared with the network on 32 seeded
    inputs (with --to onnx in ONNX Runtime, too), equal entries of its filters are compared bit by bit, and its symmetry
    is measured; export.json says so, with hashes. Nothing is uploaded.

    \b
    Examples:
      steergan export runs/00000-quickstart --to onnx
      steergan export runs/00000-quickstart --to torch --part discriminator --out scorer
      steergan export runs/00000-quickstart --to hub --out for-the-hub
      steergan export my_models.py:build --to onnx --size 64
      steergan export my_package.models:actor --to torch --in-type 3*trivial@D4 --out-type irrep_1,1@D4
    """
    from steergan.run.exporting import default_folder, export_function, export_run, summary

    of_module = {"--size": size, "--in-type": in_type, "--out-type": out_type, "--other": others}
    of_module["--no-certify"] = no_certify
    if names_function(target):
        refuse({"--part": part, "--at": None if at == "last" else at}, f"is for run folders; {target} is none")
        types = types_of(in_type, "--in-type")
        found = export_function(
            target, size=size, to=to, batch=batch, out=output(out, default_folder(target, to)),
            certify=not no_certify, in_type=types, out_type=types_of(out_type, "--out-type"),
            others=others_of(others, types),
        )  # fmt: skip
    else:
        refuse(of_module, f"is for module:function; {target} is none")
        run, part = Path(target), part or PARTS[0]
        out = output(out, run / "exports" / f"{part}-{to}")
        found = export_run(run, to=to, part=part, batch=batch, out=out, at=at)
    for line in summary(found):
        click.echo(line)


def refuse(options: Mapping[str, object], why: str) -> None:
    """The first option that came and makes no sense.

    Raises:
        click.UsageError: there is one.
    """
    for name, value in options.items():
        if value:
            raise click.UsageError(f"{name} {why}")
