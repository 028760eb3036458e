"""The command `python -m benchmarks restate`."""

from pathlib import Path

import click


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
def restate(records: tuple[Path, ...]) -> None:
    """Write the comparisons and the verdicts of studies' RECORDS anew, from the figures of the seeds in them.

    Nothing is measured and no figure of a run changes: for records that were written when comparisons were made or said
    in another way. Then write the page (`python -m benchmarks page`).

    \b
    Examples:
      python -m benchmarks restate docs/results/rotmnist-small.json
      python -m benchmarks page
    """
    from benchmarks.restate import restated
    from steergan.results import read_result, write_result

    for path in records:
        found = restated(read_result(path))
        write_result(path, found)
        click.echo(f"{path}: {found.verdict}")
