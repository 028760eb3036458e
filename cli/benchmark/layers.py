"""The command `steergan benchmark layers`."""

from pathlib import Path

import click

from ..options import (
    chosen_device,
    device_option,
    json_option,
    record_option,
    threads_option,
)
from .countdown import Countdown
from .present import present


@click.command()
@click.option("--only", metavar="WORD", multiple=True, help="Layers whose names hold it, such as pool; repeatable.")
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed calls of each rival.")
@threads_option
@device_option
@json_option
@record_option
def layers(
    only: tuple[str, ...],
    repeats: int,
    device: str,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time single layers against torch's own, escnn's and hand-written ones: forward, backward, and as R1 does.

    Convolutions in the group's Fourier basis (on the CPU, where the kernels are) also against conv2d with filters that
    need not be expanded, with their errors and the targets.

    \b
    Examples:
      steergan benchmark layers --only pool --only D4
      steergan benchmark layers --threads 2 --record docs/results/layers.json
    """
    from steergan.benchmark import layers as measured

    where = chosen_device(device)
    cases = [case for case in measured.CASES if not only or any(word in case.name for word in only)]
    if not cases:
        names = "; ".join(case.name for case in measured.CASES)
        raise click.BadParameter(f"no layer's name holds {' or '.join(only)}; there are {names}", param_hint="'--only'")
    with Countdown("row") as countdown:
        found = measured.time_layers(repeats, cases, device=where, progress=countdown)
    present(measured.report(found, where), file=file, record=record)
