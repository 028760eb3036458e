"""The command `python -m benchmarks accelerator`."""

from pathlib import Path

import click

from steergan_cli.options import chosen_device, device_option


@click.command()
@device_option
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write every check as JSON.")
def accelerator(device: str, json_path: Path | None) -> None:
    """Try on an accelerator what CI, which has none, cannot: second derivatives, precisions, graphs, resuming, traces.

    \b
    Examples:
      python -m benchmarks accelerator --device cuda
      bash benchmarks/gpu.sh out 500
    """
    from benchmarks.accelerator import checks
    from steergan.files import write_json

    found = []
    for check in checks(chosen_device(device)):
        click.echo(check.line)
        found.append(check._asdict())
        if json_path is not None:
            write_json(json_path, found)
    if not all(check["holds"] for check in found):
        raise click.exceptions.Exit(1)
