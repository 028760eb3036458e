"""The command `python -m benchmarks textures`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.options import OutputFile, json_option, record_option, threads_option


@click.command()
@click.option("--count", type=click.IntRange(min=20), default=200, show_default=True, help="Images of each set.")
@click.option("--size", type=click.IntRange(min=8), default=64, show_default=True, help="Pixels per side.")
@threads_option
@click.option("--picture", metavar="PNG", type=OutputFile(), help="Draw distances against strengths.")
@json_option
@record_option
def textures(count: int, size: int, picture: Path | None, file: Path | None, record: Path | None) -> None:
    """Test whether the texture metric rises under blur, noise, compression and dropped modes, at five strengths each.

    \b
    Examples:
      python -m benchmarks textures --picture docs/textures.png
      python -m benchmarks textures --record docs/results/textures.json
    """
    from benchmarks import textures as measured
    from steergan.pictures import save_png

    with Countdown() as countdown:
        sets = (measured.tissue(count, size), measured.photographs(count, size))
        found = measured.measure(sets, progress=countdown)
    present(measured.report(found), file=file, record=record)
    if picture is not None:
        save_png(measured.figure(found), picture)
        click.echo(f"drawn in {picture}")
