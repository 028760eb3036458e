"""Layers under elements that move no pixel: where channels alone are transformed, nothing is interpolated.

What is left is representation theory, and near machine precision where that is right, at any angle: for layers that
look at one pixel at a time f(rho(g) x) = rho(g) f(x), and for filters, as functions of the plane, K(g x) = rho_out(g)
K(x) rho_in(g)^-1.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from escnn.group import GroupElement
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType
from torch import Tensor, nn

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    FourierPointwise,
    Gated,
    GroupConvolution,
    GroupPool,
    InvariantMap,
    Pointwise,
)
from steergan.layers.filters.bases import basis_at
from steergan.motions import element_at
from steergan.symmetry import is_continuous, is_grid_group
from steergan.verification.subject import twin_of
from steergan.verification.surroundings import in_mode

PIXELWISE = (Pointwise, FourierPointwise, Gated, FieldBatchNorm, ConditionalBatchNorm, GroupPool, InvariantMap)
POINTS = 8
"""At which filters are compared."""
BETWEEN = 10.0
"""Degrees at which no sample of a Fourier field meets another."""


class FibreError(NamedTuple):
    """Of one layer under one rotation."""

    path: str
    layer: str
    degrees: float
    error: float
    """Relative to the layer's largest output, or the filters' largest entry."""


def own_angle(space: GSpace2D) -> float:
    """The smallest rotation at which a group's layers are to be exact: its own, or that of 16 samples."""
    rotations = 16
    if not is_continuous(space):
        matrices = [np.asarray(space.basespace_action(g)) for g in space.fibergroup.elements]
        rotations = sum(bool(np.linalg.det(m) > 0) for m in matrices)
    return 360.0 / rotations


@torch.no_grad()
def fibre_errors(module: nn.Module) -> list[FibreError]:
    """Every layer off the grid that looks at one pixel at a time, and every filter, in float32.

    At the group's smallest rotation; layers of continuous groups at an angle between their samples too, where what a
    nonlinearity makes beyond the samples' frequencies folds back.
    """
    found: list[FibreError] = []
    for path, layer in in_mode(twin_of(module).float(), training=False).named_modules():
        if not isinstance(layer, EquivariantModule) or is_grid_group(layer.in_type.gspace):
            continue
        space = layer.in_type.gspace
        angles = (own_angle(space), BETWEEN) if is_continuous(space) else (own_angle(space),)
        for degrees in angles:
            element = element_at(space, degrees)
            if isinstance(layer, PIXELWISE):
                found.append(FibreError(path, type(layer).__name__, degrees, pixelwise_error(layer, element)))
            elif isinstance(layer, GroupConvolution) and degrees == angles[-1]:
                worst = max(filter_errors(layer, element))
                found.append(FibreError(path, type(layer).__name__, degrees, worst))
    return found


def pixelwise_error(layer: EquivariantModule, element: GroupElement) -> float:
    """The error max |f(rho(g) x) - rho(g) f(x)| over max |f(x)|, on random pixels."""
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(2, layer.in_type.size, 4, 4, generator=stream)
    others: tuple[Tensor, ...] = ()
    if isinstance(layer, ConditionalBatchNorm):
        others = (torch.randn(2, layer.scale.in_features, generator=stream),)
    y = layer(layer.in_type(x), *others).tensor
    moved = layer(layer.in_type(transformed(x, layer.in_type, element)), *others).tensor
    wanted = transformed(y, layer.out_type, element)
    return float((moved - wanted).abs().max() / y.abs().max().clamp_min(1e-12))


def transformed(x: Tensor, field_type: FieldType, element: GroupElement) -> Tensor:
    """rho(g) x, no pixel moved."""
    parts = []
    sizes = [representation.size for representation in field_type.representations]
    for representation, part in zip(field_type.representations, x.split(sizes, dim=1), strict=True):
        rho = torch.from_numpy(np.asarray(representation(element))).to(x)
        parts.append(torch.einsum("ij,bjhw->bihw", rho, part))
    return torch.cat(parts, dim=1)


def filter_errors(layer: GroupConvolution, element: GroupElement) -> Iterator[float]:
    """For each pair of representations, max |K(g x) - rho_out(g) K(x) rho_in(g)^-1| over max |K|, at random points."""
    space, size = layer.in_type.gspace, layer.kernel_size
    stream = torch.Generator().manual_seed(0)
    points = (torch.rand(POINTS, 2, generator=stream, dtype=torch.float64) - 0.5) * size
    turned = points @ torch.from_numpy(np.asarray(space.basespace_action(element))).mT
    yield 0.0
    for out in dict.fromkeys(layer.out_type.representations):
        for into in dict.fromkeys(layer.in_type.representations):
            before = basis_at(space, out, into, size, points)
            if not len(before):
                continue
            after = basis_at(space, out, into, size, turned)
            rho_out, rho_in = (torch.from_numpy(np.asarray(r(element))) for r in (out, into))
            wanted = torch.einsum("ij,bjkp,lk->bilp", rho_out, before, rho_in)
            yield float((after - wanted).abs().max() / before.abs().max().clamp_min(1e-12))


def is_between(found: FibreError, space: GSpace2D) -> bool:
    """Whether an error may be one of sampling: a nonlinearity's, between its samples."""
    return found.layer == "FourierPointwise" and found.degrees != own_angle(space)
