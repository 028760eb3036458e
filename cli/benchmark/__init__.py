"""steergan benchmark: one file for each of its commands."""

import click

from .accelerate import accelerate
from .layers import layers
from .step import step


@click.group(no_args_is_help=True)
def benchmark() -> None:
    """Time what steergan does against what could be used instead: in one process, in turns.

    \b
    Examples:
      steergan benchmark step
      steergan benchmark step --recipe recipes/rotmnist.toml --repeats 5
      steergan benchmark layers --only convolution
    """


for command in (step, layers, accelerate):
    benchmark.add_command(command)
