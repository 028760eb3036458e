"""python -m benchmarks metrics"""

from pathlib import Path

import click

from steergan_cli.options import command_line, record_option, save_record


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
    from steergan.tables import markdown

    found = measured.compare(measured.fixed_extractor(), *measured.fixed_images())
    click.echo(markdown(measured.table(found)))
    click.echo("\n" + measured.verdict(found))
    if record is not None:
        save_record(measured.claim(found, record.stem, command_line()), record)
