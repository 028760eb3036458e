"""The command `steergan resume`."""

from pathlib import Path

import click

from .options import chosen_device, device_option, moved_data_option, run_argument, switch_convolution_option
from .progress import follow

LOGGERS = ("tensorboard", "wandb", "trackio")
"""As in the recipe; a test compares them."""


@click.command()
@run_argument
@device_option
@moved_data_option
@switch_convolution_option
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="End at step N, in place of the recipe's number; a finished run takes more.",
)
@click.option(
    "--log", "loggers", type=click.Choice(LOGGERS), multiple=True,
    help="Tell these from here on, in place of the recipe's logging.to; repeatable.",
)  # fmt: skip
def resume(
    run: Path,
    device: str,
    data_path: str | None,
    switch_convolution: bool,
    steps: int | None,
    loggers: tuple[str, ...],
) -> None:
    """Continue the training in the folder RUN from its last checkpoint.

    On the CPU the result is the same, to the last bit, as if the run had never stopped; where the convolutions would be
    computed in another way than before, nothing goes on without --switch-convolution. A finished run takes more steps
    with --steps, to the bits of one that was asked for so many at once.

    \b
    Examples:
      steergan resume runs/00000-quickstart
      steergan resume runs/mine --data /elsewhere/mnist
      steergan resume runs/00000-quickstart --steps 2400
      steergan resume runs/mine --log tensorboard
    """
    from steergan import run as runs
    from steergan.training import joined, own_device

    where = own_device(chosen_device(device))
    with joined(where) as processes:
        follow(
            lambda report: runs.resume(
                run,
                report=report,
                place=runs.Place(str(where), data_path, processes),
                switch_convolution=switch_convolution,
                steps=steps,
                loggers=loggers or None,
            ),
            several=processes.count > 1,
        )
