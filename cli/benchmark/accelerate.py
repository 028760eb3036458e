"""The command `steergan benchmark accelerate`."""

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

GROUPS = ("C4", "D4")
WIDTHS = ("small", "wide")
MODELS = ("C8 classifier", "D4 ResNet", "C4 U-Net", "SO2 Fourier", "D4 actor")
"""The benchmark's; a test compares them."""


@click.command()
@click.option("--group", "groups", type=click.Choice(GROUPS), multiple=True, help="Only models of it; repeatable.")
@click.option("--width", "widths", type=click.Choice(WIDTHS), multiple=True, help="Only such models; repeatable.")
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True, help="Only this model; repeatable.")
@click.option("--batch-size", type=click.IntRange(min=2), default=8, show_default=True, help="Images in a batch.")
@click.option("--repeats", type=click.IntRange(min=1), default=7, show_default=True, help="Timed calls of each rival.")
@click.option("--profile", is_flag=True, help="Say which operators take the time of a training step, too.")
@threads_option
@device_option
@json_option
@record_option
def accelerate(
    groups: tuple[str, ...],
    widths: tuple[str, ...],
    models: tuple[str, ...],
    batch_size: int,
    repeats: int,
    profile: bool,
    device: str,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time models of escnn's own modules before and after `steergan.accelerate`: training steps and inference.

    The models are escnn's introductory example with C4 and with D4, at two widths, and with C8; a wide residual network
    with strides (D4), a U-Net (C4), a network of Fourier ELUs (SO(2)), and an actor (D4).

    \b
    Examples:
      steergan benchmark accelerate --width small
      steergan benchmark accelerate --model "D4 ResNet" --model "C4 U-Net" --profile
      steergan benchmark accelerate --threads 2 --record docs/results/accelerate.json
    """
    from steergan.benchmark import acceleration as measured

    where = chosen_device(device)
    pairs = [] if models and not (groups or widths) else [(g, w) for w in widths or WIDTHS for g in groups or GROUPS]
    chosen = models or (() if groups or widths else MODELS)
    found: list[measured.Saving] = []
    for group, width in [*pairs, *((name.split()[0], name.split()[1]) for name in chosen)]:
        with Countdown(f"{group} {width} call") as countdown:
            saving = measured.measure(
                group, width, repeats, batch_size, device=where, profile=profile, progress=countdown
            )
        found.append(saving)
    present(measured.report(found, where, batch_size), file=file, record=record)
