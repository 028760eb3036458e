"""The command `steergan evaluate`."""

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import click

from .options import at_option, chosen_device, device_option, run_argument
from .progress import TerminalReporter

SIGNIFICANT = 0.01
"""A p-value below which samples count as closer to the training images than held-out ones are."""


@click.command()
@run_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the whole protocol.")
@click.option(
    "--neighbours",
    metavar="OUT.png",
    type=click.Path(path_type=Path),
    help="Look for memorised images: a picture of samples beside the nearest training images, and figures.",
)
@click.option(
    "--group",
    type=click.Choice(["trivial", "C2", "C4", "D1", "D2", "D4"]),
    help="Over which --neighbours compares. Default: the larger one of the networks.",
)
@at_option
@device_option
@click.option("--data", "data_path", metavar="PATH", help="Where the originals are now, if they moved.")
def evaluate(
    run: Path, as_json: bool, neighbours: Path | None, group: str | None, at: str, device: str, data_path: str | None
) -> None:
    """Measure the generator of RUN against held-out images: Frechet distances, KID, precision, recall, label agreement.

    Figures can be compared only where their protocols agree: the extractor and its hash, and the numbers of images.

    \b
    Examples:
      steergan evaluate runs/00000-quickstart
      steergan evaluate runs/00000-quickstart --at best:recall
      steergan evaluate runs/00000-quickstart --json > quickstart.json
      steergan evaluate runs/00000-quickstart --neighbours neighbours.png
    """
    from steergan import run as runs

    if neighbours is not None and neighbours.suffix != ".png":
        raise click.BadParameter(f"{neighbours.name!r} came; NAME.png was wanted", param_hint="'--neighbours'")
    report = TerminalReporter()
    aside = redirect_stdout(sys.stderr) if as_json else nullcontext()  # what is said on the way is no JSON
    with report.watching(), aside:
        found = runs.evaluate(
            run,
            device=chosen_device(device),
            data_path=data_path,
            report=report,
            neighbours=neighbours,
            group=group,
            at=at,
        )
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    copied = found.pop("memorisation", None)
    click.echo(as_text(found))
    if copied is not None:
        click.echo("\n" + memorised(copied))
        click.echo(f"{neighbours}: samples beside their nearest training images")


def as_text(found: Mapping[str, Any]) -> str:
    """Figures beside what real images get in the generator's place, then the protocol under which they hold."""
    real = {key.removeprefix("floor_"): value for key, value in found.items() if key.startswith("floor_")}
    real["label_agreement"] = found.get("label_agreement_real")
    figures = [key for key in found if key in real and key != "count"]
    rows = [("", "generated", "real"), *((key, shown(found[key]), shown(real[key])) for key in figures)]
    protocol = [key for key in found if key not in {*figures, *(f"floor_{key}" for key in figures)}]
    rows += [("", "", ""), *((key, shown(found[key]), "") for key in protocol if key != "label_agreement_real")]
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{key.replace('_', ' '):<{width}}  {value:<12}  {floor}".rstrip() for key, value, floor in rows)


def memorised(found: Mapping[str, Any]) -> str:
    """What the nearest training images say, in two lines."""
    return (
        f"nearest training images, over {found['group']}: {found['closer_share']:.1%} of {found['sample_count']} "
        f"samples lie closer than the closest {found['quantile']:.0%} of {found['held_out_count']} "
        f"{found['held_out']}\n"
        f"a sample lies closer than one of these with probability {found['probability_closer']:.3f} "
        f"(p = {found['p_value']:.2g} that 0.5 or less gives so much): {verdict(found)}"
    )


def verdict(found: Mapping[str, Any]) -> str:
    """Whether samples look copied, in plain words."""
    copied = found["p_value"] < SIGNIFICANT and found["closer_share"] > found["quantile"]
    return "samples lie closer to the training images than fresh ones do: copies?" if copied else "no sign of copying"


def shown(value: Any) -> str:
    """A value for people: four digits are enough."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
