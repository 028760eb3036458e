"""How updates are computed, which changes nothing but speed, memory and the last bits."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from steergan.errors import RecipeError
from steergan.recipe import PerformanceSettings
from steergan.training.parallel import ALONE, Processes

PLAIN = PerformanceSettings(joint_scores=False, precision="float32", prefetch=0)
"""The path that every other is compared with."""
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Engine:
    """Which processes compute a run's updates, and how."""

    performance: PerformanceSettings = PLAIN
    processes: Processes = ALONE

    def compiled(self, function: Function) -> Function:
        """The function, as one compiled graph if the performance settings say so."""
        kind = self.performance.compile
        if kind == "off":
            return function
        # Gradients inside what is compiled: R1.
        torch._dynamo.config.trace_autograd_ops = True
        mode = "reduce-overhead" if kind == "cuda-graphs" else "default"
        # Messages between processes, which batch norms send, are outside the graphs.
        whole = self.processes.count == 1
        return cast(Function, torch.compile(function, fullgraph=whole, dynamic=False, mode=mode))

    def begin(self) -> None:
        """Another update begins: what CUDA graphs returned in the one before may be overwritten."""
        if self.performance.compile == "cuda-graphs":
            torch.compiler.cudagraph_mark_step_begin()

    def kept(self, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
        """What a compiled function returned, to be read after the next update has begun."""
        if self.performance.compile == "cuda-graphs":
            return {name: metric.clone() for name, metric in metrics.items()}
        return metrics

    def narrow(self, device: torch.device, allowed: bool = True) -> AbstractContextManager[Any]:
        """Forwards inside are in bfloat16, if the settings say so and it is allowed."""
        if self.performance.precision == "bfloat16" and allowed:
            return torch.autocast(device.type, torch.bfloat16)
        return nullcontext()

    @contextmanager
    def products(self) -> Iterator[None]:
        """Products of float32 on GPUs inside take what precision the settings say; as before behind it."""
        wanted = self.performance.precision != "float32"
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32
        matmul.allow_tf32 = cudnn.allow_tf32 = wanted
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32 = before


def check_device(performance: PerformanceSettings, device: torch.device | str) -> None:
    """Refuse what a device can't do.

    Raises:
        RecipeError: CUDA graphs away from CUDA.
    """
    name = torch.device(device).type
    if performance.compile == "cuda-graphs" and name != "cuda":
        raise RecipeError(
            f'performance.compile = "cuda-graphs" needs an NVIDIA GPU, and this computes on {name}; say "on" or "off", '
            "or --device cuda"
        )


def compilation_notice(performance: PerformanceSettings) -> str | None:
    """What explains the silence of the first step."""
    return None if performance.compile == "off" else "the first step compiles both updates: a minute or two"


REFERENCE = Engine()
"""One process, plain path."""
