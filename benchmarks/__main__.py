"""`python -m benchmarks`: every measurement that docs/results.md stands on, as a command."""

import click

from steergan_cli.main import FaultGroup, silence_libraries

from .commands.accelerator import accelerator
from .commands.attention import attention
from .commands.costs import costs
from .commands.deformations import deformations
from .commands.exports import exports
from .commands.groups import groups
from .commands.limit import limit
from .commands.metrics import metrics
from .commands.page import page
from .commands.performance import performance
from .commands.restate import restate
from .commands.rulers import rulers
from .commands.scale import scale
from .commands.scaling import scaling
from .commands.shares import shares
from .commands.sweep import sweep
from .commands.textures import textures


@click.group(cls=FaultGroup, no_args_is_help=True)
def benchmarks() -> None:
    """Measure what docs/results.md records, and write that page.

    \b
    Examples:
      python -m benchmarks sweep --picture sweep.png
      python -m benchmarks page
    """


for command in (
    sweep, performance, scaling, costs, groups, deformations, limit, metrics, textures, rulers, scale, shares,
    attention, accelerator, restate, exports, page,
):  # fmt: skip
    benchmarks.add_command(command)

if __name__ == "__main__":
    silence_libraries()
    benchmarks(prog_name="python -m benchmarks")
