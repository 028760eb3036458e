"""steergan evaluate"""

import json
from pathlib import Path

import click

from .options import chosen_device, device_option, run_argument


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

    found = runs.evaluate(run, device=chosen_device(device), data_path=data_path)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    width = max(len(key) for key in found)
    for key, value in found.items():
        click.echo(f"{key.replace('_', ' '):<{width}}  {shown(value)}")


def shown(value: object) -> str:
    """A figure for people: six digits are enough."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
