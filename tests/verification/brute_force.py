"""How far a drawn network is from commuting with its group, on real numbers and with escnn's own action."""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import copy
from typing import Any

import torch
from escnn.gspaces import GSpace2D
from torch import Tensor

from steergan.symmetry import grid_elements, plane_matrices


def element_pairs(in_space: GSpace2D, out_space: GSpace2D) -> list[tuple[Any, Any]]:
    """Elements of both groups that do the same to the pixel grid; the output's group may be the smaller one."""
    matrices = [torch.from_numpy(plane_matrices(space)).round().long() for space in (in_space, out_space)]
    return [
        (in_space.fibergroup.elements[i], out_space.fibergroup.elements[o])
        for o in grid_elements(out_space)
        for i in grid_elements(in_space)
        if torch.equal(matrices[0][i], matrices[1][o])
    ]


def run(module: torch.nn.Module, x: Any, others: tuple[Tensor, ...], noise: int) -> Any:
    """One forward; what is random inside draws the same numbers for the same `noise`."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(noise)
        return module(x, *others)


def random_map(module: Any, size: int, seed: int = 0) -> Any:
    """A normal feature map in float64, two samples."""
    stream = torch.Generator().manual_seed(100 * seed + size)
    return module.in_type(torch.randn(2, module.in_type.size, size, size, generator=stream, dtype=torch.float64))


def ready(drawn: Any) -> tuple[Any, tuple[Tensor, ...]]:
    """A float64 copy in evaluation mode, and the other inputs; the network stays as it is."""
    # escnn's R2Conv keeps its filter as a buffer with a graph if eval() runs outside no_grad.
    with torch.no_grad():
        return copy.deepcopy(drawn.module).double().eval(), tuple(other.double() for other in drawn.others)


def worst_error(drawn: Any, size: int, seed: int = 0) -> float:
    """max |f(g x) - g f(x)| / max |f(x)| over all grid elements g of the output's group, in float64, evaluation mode.

    An output that is no square has no quarter turns: its error is infinite if the group has one.
    """
    module, others = ready(drawn)
    x = random_map(module, size, seed)
    y = run(module, x, others, noise=seed)
    assert y.type == module.out_type
    worst = 0.0
    for into, out in element_pairs(module.in_type.gspace, module.out_type.gspace):
        moved, wanted = run(module, x.transform(into), others, noise=seed).tensor, y.transform(out).tensor
        if moved.shape != wanted.shape:
            return float("inf")
        worst = max(worst, float((moved - wanted).abs().max()))
    return worst / float(y.tensor.abs().max())
