"""steergan results"""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("docs/results"))
def results(folder: Path) -> None:
    """Write the results page from the measured claims in FOLDER (default: docs/results); it goes beside the folder.

    A claim is a JSON file that `steergan study --record` or `steergan benchmark --record` wrote.

    \b
    Examples:
      steergan results
      steergan results docs/results
    """
    from steergan.files import write_whole
    from steergan.results import read_claims, render

    claims = read_claims(folder)
    page = folder.parent / f"{folder.name}.md"
    write_whole(page, render(claims).encode())
    click.echo(f"{page}: {len(claims)} claims")
