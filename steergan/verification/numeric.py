"""Equivariance errors of a network on real numbers, at every element that permutes pixels."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.symmetry import GROUPS, grid_elements, group_name, gspace, is_grid_group
from steergan.verification.action import transform

SINGLE = 1e-5
DOUBLE = 1e-12
DOUBLE_ON_BASIS = 1e-6
"""Largest relative errors of a right network: rounding; more off the grid, where escnn samples bases in float32."""


@dataclass(frozen=True)
class EquivarianceErrors:
    """What was measured of one function: relative errors per group element, in single and in double precision."""

    name: str
    claim: str
    group: str
    elements: tuple[str, ...]
    float32: tuple[float, ...]
    float64: tuple[float, ...]

    @property
    def worst32(self) -> float:
        """The largest, or nan if there is one."""
        return float(np.max(self.float32))

    @property
    def worst64(self) -> float:
        """The same in double precision."""
        return float(np.max(self.float64))

    @property
    def holds(self) -> bool:
        """Whether the errors are no larger than rounding explains; nan never is."""
        exact = self.group not in GROUPS or is_grid_group(gspace(self.group))
        return self.worst32 < SINGLE and self.worst64 < (DOUBLE if exact else DOUBLE_ON_BASIS)


def relative_errors(
    function: Callable[[Tensor], Tensor], x: Tensor, in_type: FieldType, out_type: FieldType | None
) -> list[float]:
    """max |f(g x) - g f(x)| / max |f(x)| for every g that permutes pixels; without an out_type, f(g x) - f(x).

    A constant zero has no error to speak of and counts as infinite: it would prove nothing.
    """
    with torch.no_grad():
        reference = function(x)
        scale = reference.abs().max().item()
        errors = []
        for position in range(len(grid_elements(in_type.gspace))):
            moved = function(transform(x, in_type, position))
            wanted = reference if out_type is None else transform(reference, out_type, position)
            error = (moved - wanted).abs().max().item()
            errors.append(error / scale if scale > 0 else float("inf"))
    return errors


def equivariance_errors(
    name: str,
    module: nn.Module,
    apply: Callable[[Any, Tensor], Tensor],
    x: Tensor,
    in_type: FieldType,
    out_type: FieldType | None,
) -> EquivarianceErrors:
    """Errors of `apply(module, x)` in float32 and float64, in evaluation mode, on copies: the module stays as it is.

    Args:
        name: for the report.
        module: any network; `apply` says how it is called on a plain tensor and has to follow x's dtype.
        x: (B, C, H, W) input.
        in_type: how x transforms.
        out_type: how the result transforms; None where it should not change at all.
    """
    measured = []
    for dtype in (torch.float32, torch.float64):
        twin = copy.deepcopy(module).to(dtype).eval()
        with exact_float32():
            measured.append(relative_errors(partial(apply, twin), x.to(dtype), in_type, out_type))
    space = in_type.gspace
    elements = tuple(str(space.fibergroup.elements[i]) for i in grid_elements(space))
    claim = "invariant" if out_type is None else "equivariant"
    return EquivarianceErrors(name, claim, group_name(space), elements, tuple(measured[0]), tuple(measured[1]))


@contextmanager
def exact_float32() -> Iterator[None]:
    """Float32 without TF32, which rounds to 10 bits; the setting is put back."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
