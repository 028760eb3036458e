"""steergan benchmark: one file for each of its commands."""

import click

from .accelerate import accelerate
from .convolution import convolution
from .costs import costs
from .groups import groups
from .layers import layers
from .metrics import metrics
from .performance import performance
from .scaling import scaling
from .step import step
from .sweep import sweep


@click.group(no_args_is_help=True)
def benchmark() -> None:
    """Time what steergan does against what could be used instead: in one process, in turns.

    \b
    Examples:
      steergan benchmark step
      steergan benchmark step --recipe recipes/rotmnist.toml --repeats 5
      steergan benchmark convolution --only limit
    """


for command in (step, layers, sweep, performance, scaling, accelerate, convolution, costs, groups, metrics):
    benchmark.add_command(command)
