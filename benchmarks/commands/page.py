"""The command `python -m benchmarks page`."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("docs/results"))
def page(folder: Path) -> None:
    """Write the pages of results and of claims from the measured results in FOLDER (default: docs/results).

    They go beside the folder. Claims are listed in claims.toml there: which record each figure in the documentation is
    from; without such a file there is no page of them. What disagrees, or is not covered, is told.

    A result is a JSON file that `--record` wrote (of `steergan study`, `steergan benchmark`, or a command beside this).

    \b
    Examples:
      python -m benchmarks page
      python -m benchmarks page docs/results
    """
    from benchmarks.claims import FILE, faults, read_claims
    from benchmarks.claims import page as claims_page
    from benchmarks.page import render
    from steergan.files import write_whole
    from steergan.results import read_results

    found = read_results(folder)
    file = folder.parent / f"{folder.name}.md"
    write_whole(file, render(found).encode())
    click.echo(f"{file}: {len(found)} results")
    listed = folder.parent / FILE
    if listed.is_file():
        claims = read_claims(listed)
        write_whole(listed.with_suffix(".md"), claims_page(claims).encode())
        click.echo(f"{listed.with_suffix('.md')}: {len(claims)} sentences")
        for fault in faults(listed.resolve().parents[1], claims, found):
            click.echo(fault, err=True)
