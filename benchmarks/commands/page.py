"""The command `python -m benchmarks page`."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("docs/results"))
def page(folder: Path) -> None:
    """Write the results page from the measured results in FOLDER (default: docs/results); it goes beside the folder.

    A result is a JSON file that `--record` wrote (of `steergan study`, `steergan benchmark`, or a command beside this).

    \b
    Examples:
      python -m benchmarks page
      python -m benchmarks page docs/results
    """
    from benchmarks.page import render
    from steergan.files import write_whole
    from steergan.results import read_results

    found = read_results(folder)
    file = folder.parent / f"{folder.name}.md"
    write_whole(file, render(found).encode())
    click.echo(f"{file}: {len(found)} results")
