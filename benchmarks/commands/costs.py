"""The command `python -m benchmarks costs`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.options import chosen_device, device_option, record_option, threads_option

DATA_SETS = ("anhir", "lysto", "cifar10", "food101")
"""The paper's; a test compares them with the benchmark's."""


@click.command()
@click.option(
    "--recipes", type=click.Path(path_type=Path, file_okay=False), default=Path("recipes/paper"), show_default=True,
    help="The folder with the paper's recipes.",
)
@click.option("--data", "names", type=click.Choice(DATA_SETS), multiple=True, help="Only this one; repeatable.")
@click.option("--batch-size", type=click.IntRange(min=2), default=2, show_default=True, help="Images in a batch.")
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed steps of each pair.")
@threads_option
@device_option
@record_option
def costs(
    recipes: Path,
    names: tuple[str, ...],
    batch_size: int,
    repeats: int,
    device: str,
    record: Path | None,
) -> None:
    """Compare what the paper's image experiments cost with a G-CNN and with a CNN. No data set is needed.

    Parameters, multiply-adds, seconds of a training step, peak memory, for ANHIR, LYSTO, CIFAR-10 and Food-101.

    \b
    Examples:
      python -m benchmarks costs --data cifar10
      python -m benchmarks costs --threads 2 --record docs/results/costs.json
    """
    from benchmarks import costs as measured

    where = chosen_device(device)
    found: list[measured.Cost] = []
    for name in names or DATA_SETS:
        with Countdown(f"{name} step") as countdown:
            found += measured.measure(recipes, [name], repeats, batch_size, device=where, progress=countdown)
    present(measured.report(found, where, batch_size), record=record)
