"""The command `steergan interpolate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from .options import OutputFile, at_option, beside, chosen_classes, output, run_argument


@click.command()
@run_argument
@click.option(
    "--seeds", nargs=2, metavar="A B", type=click.IntRange(0), default=(0, 1), help="Latents at the ends. Default: 0 1."
)
@click.option(
    "--between",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Two classes, names or numbers, between which a row of labels goes; more than once for more rows. Default: "
    "every class and the next.",
)
@click.option(
    "--labels",
    type=click.Choice(["linear", "spherical"]),
    default="linear",
    show_default=True,
    help="How labels go over: along a straight line (the paper's Figure 3b), or a great circle (3a).",
)
@click.option("--images", type=click.IntRange(2), default=10, show_default=True, help="Images in a row.")
@at_option
@click.option("--out", type=OutputFile(), help="PNG to write. Default: RUN/interpolation.png.")
def interpolate(
    run: Path,
    seeds: tuple[int, int],
    between: tuple[tuple[str, str], ...],
    labels: Literal["linear", "spherical"],
    images: int,
    at: str,
    out: Path | None,
) -> None:
    """Draw paths through what the generator of RUN has learned, as in the paper's Figure 3.

    First a row for each class, along a great circle between two latents; then a row for each class, at the first
    latent, from its embedding to the next class's. If the latent is steerable, a third time a row for each class: the
    first latent turned all the way around. With --between only the classes that it names are drawn.

    \b
    Examples:
      steergan interpolate runs/00000-quickstart
      steergan interpolate runs/00000-quickstart --seeds 4 9 --images 16 --out paths.png
      steergan interpolate runs/00000-quickstart --between 3 8 --between 1 7 --labels spherical
    """
    from steergan import pictures
    from steergan import run as runs

    target = output(out, run / f"{beside('interpolation', at)}.png", OutputFile)
    names = runs.class_names(run)
    pairs = [one_pair(pair, names) for pair in between] or [(k, (k + 1) % len(names)) for k in range(len(names))]
    rows = runs.interpolate(run, seeds, images, at, pairs=pairs, labels=labels)
    own = [names[label] for label in dict.fromkeys(label for pair in pairs for label in pair)]
    titles = [*own, *(f"{names[first]} to {names[last]}" for first, last in pairs)]
    titles += [f"{name}, turned" for name in own][: len(rows) - len(titles)]
    pictures.save_png(pictures.grid(rows.flatten(0, 1), images, labels=titles), target)
    click.echo(f"{len(rows)} rows in {target}")


def one_pair(pair: tuple[str, str], names: Sequence[str]) -> tuple[int, int]:
    """Two classes, by name or number, as numbers."""
    first, last = (chosen_classes(word, names, "--between") for word in pair)
    if len(first) != 1 or len(last) != 1:
        raise click.UsageError(f"--between {pair[0]} {pair[1]}: two classes were wanted, one in each place")
    return first[0], last[0]
