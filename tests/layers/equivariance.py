"""How far a layer is from commuting with its group, and types with fields of every kind to try it on."""

from typing import Any

import numpy as np
import torch
from escnn.group import GroupElement
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType
from torch import Tensor

from steergan.layers import shared_filters
from steergan.symmetry import fourier_representation, gated_representation, gspace


def grid_elements(space: GSpace2D) -> list[Any]:
    """The elements that map the pixel grid onto itself: all of them, or those at multiples of 90 degrees."""
    matrices = {element: space.basespace_action(element) for element in space.fibergroup.elements}
    return [element for element, matrix in matrices.items() if np.abs(matrix - matrix.round()).max() < 1e-9]


def equivariance_error(
    layer: EquivariantModule, size: int, *arguments: torch.Tensor, dtype: torch.dtype = torch.float64
) -> float:
    """max |layer(g x) - g layer(x)| / max |layer(x)| over all elements, on a random map of size x size pixels."""
    stream = torch.Generator().manual_seed(size)
    layer = layer.to(dtype)
    x = layer.in_type(torch.randn(2, layer.in_type.size, size, size, generator=stream, dtype=dtype))
    arguments = tuple(argument.to(dtype) for argument in arguments)
    # One filter for all elements: in training mode, spectral norm would otherwise move in between.
    with torch.no_grad(), shared_filters(layer):
        y = layer(x, *arguments)
        assert tuple(y.shape) == layer.evaluate_output_shape(tuple(x.shape))
        assert y.tensor.dtype == dtype
        assert y.type == layer.out_type
        worst = max(
            float((layer(x.transform(element), *arguments).tensor - y.transform(element).tensor).abs().max())
            for element in grid_elements(layer.in_type.gspace)
        )
        return worst / float(y.tensor.abs().max())


def every_irrep(space: GSpace2D) -> FieldType:
    """A type with a trivial field between regular ones, all irreps, and a quotient where the group has one."""
    representations = [space.regular_repr, space.trivial_repr, *space.fibergroup.irreps(), space.regular_repr]
    if space.name.startswith("C4"):
        representations.insert(2, space.quotient_repr(2))
    if space.fibergroup.name == "D4":
        representations.insert(2, space.quotient_repr((0, 1)))
    return FieldType(space, representations)


def permutation_type(space: GSpace2D) -> FieldType:
    """Fields of different sizes in no order: trivial, regular, a quotient where the group has one."""
    representations = [space.trivial_repr, space.regular_repr, space.trivial_repr, space.regular_repr]
    if space.fibergroup.name == "C4":
        representations.insert(1, space.quotient_repr(2))
    return FieldType(space, representations)


def random_map(field_type: FieldType, size: int = 6, dtype: torch.dtype = torch.float32) -> Any:
    """A feature map of two samples."""
    return field_type(torch.randn(2, field_type.size, size, size, dtype=dtype))


def largest_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """Relative to the largest entry of b."""
    return float(((a - b).abs().max() / b.abs().max()).detach())


def randomise(layer: torch.nn.Module) -> None:
    """Normal numbers in place of all parameters."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()


def fourier(name: str, frequency: int = 3, fields: int = 2) -> FieldType:
    """Fourier fields of a continuous group."""
    return FieldType(gspace(name), [fourier_representation(gspace(name), frequency)] * fields)


def gated(name: str, frequency: int = 2, fields: int = 2) -> FieldType:
    """Fourier fields behind gates."""
    return FieldType(gspace(name), [gated_representation(gspace(name), frequency)] * fields)


def acted_on(x: Tensor, field_type: FieldType, element: GroupElement) -> Tensor:
    """rho(g) x, no pixel moved."""
    rho = torch.from_numpy(np.asarray(field_type.representation(element))).to(x)
    return torch.einsum("ij,bjhw->bihw", rho, x)


def fibre_error(layer: EquivariantModule, element: GroupElement) -> float:
    """max |f(rho(g) x) - rho(g) f(x)| over max |f(x)|, for layers that look at one pixel at a time."""
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(2, layer.in_type.size, 3, 3, generator=stream, dtype=torch.float64)
    with torch.no_grad():
        y = layer(layer.in_type(x)).tensor
        moved = layer(layer.in_type(acted_on(x, layer.in_type, element))).tensor
    return float((moved - acted_on(y, layer.out_type, element)).abs().max() / y.abs().max())
