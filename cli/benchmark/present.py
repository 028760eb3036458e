"""How a benchmark's report reaches its user."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import command_line, save_record

if TYPE_CHECKING:
    from steergan.benchmark.report import Report


def present(report: "Report", *, file: Path | None = None, record: Path | None = None) -> None:
    """Print a report, and write what was asked for.

    Args:
        report: what was found.
        file: receives every figure as JSON.
        record: receives the result for docs/results.md.
    """
    from steergan.files import write_json

    click.echo(report.text())
    if file is not None:
        write_json(file, report.as_json())
    if record is not None:
        save_record(report.result(record.stem, command_line()), record)
