"""The command `python -m benchmarks metrics`."""

from pathlib import Path

import click

from steergan_cli.benchmark.present import present
from steergan_cli.options import record_option


@click.command()
@record_option
def metrics(record: Path | None) -> None:
    """Compare FID and KID of two fixed sets of images with clean-fid's, through the same extractor.

    \b
    Examples:
      python -m benchmarks metrics
      python -m benchmarks metrics --record docs/results/metric-parity.json
    """
    from benchmarks import metric_parity as measured

    found = measured.compare(measured.fixed_extractor(), *measured.fixed_images())
    present(measured.report(found), record=record)
