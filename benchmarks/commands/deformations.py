"""The command `python -m benchmarks deformations`."""

from pathlib import Path

import click

from steergan_cli.benchmark.present import present
from steergan_cli.options import chosen_device, device_option, json_option, record_option


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@device_option
@json_option
@record_option
def deformations(runs: tuple[Path, ...], device: str, file: Path | None, record: Path | None) -> None:
    """Measure how stable the discriminators of finished RUNs are under small deformations: one recipe, several groups.

    Nothing is trained. Name the runs of one recipe under several groups, with equal seeds.

    \b
    Examples:
      python -m benchmarks deformations runs/trivial-seed0 runs/C4-seed0 runs/D4-seed0 runs/SO2-seed0
    """
    from benchmarks import deformations as measured

    present(measured.report(measured.measure(runs, device=chosen_device(device))), file=file, record=record)
