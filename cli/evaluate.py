"""steergan evaluate"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .options import chosen_device, device_option, run_argument
from .progress import Progress


@click.command()
@run_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the whole protocol.")
@device_option
@click.option("--data", "data_path", metavar="PATH", help="Where the originals are now, if they moved.")
def evaluate(run: Path, as_json: bool, device: str, data_path: str | None) -> None:
    """Measure the generator of RUN against held-out images: Frechet distances, KID, precision, recall, label agreement.

    Figures can be compared only where their protocols agree: the extractor and its hash, and the numbers of images.

    \b
    Examples:
      steergan evaluate runs/00000-quickstart
      steergan evaluate runs/00000-quickstart --json > quickstart.json
    """
    from steergan import run as runs

    progress = Progress()
    with progress.watching():
        found = runs.evaluate(run, device=chosen_device(device), data_path=data_path, report=progress)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(as_text(found))


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


def shown(value: Any) -> str:
    """A value for people: four digits are enough."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
