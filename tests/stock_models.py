"""Networks of escnn's own layers, as users write them, with weights that are cheap to draw."""

from typing import Any

from escnn import nn as enn
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from torch import nn

from steergan.symmetry import group_name, gspace, regular_type


def convolution(in_type: FieldType, out_type: FieldType, kernel_size: int = 3, **settings: Any) -> enn.R2Conv:
    """An R2Conv with normal weights and biases."""
    settings = {"padding": kernel_size // 2, **settings}
    layer = enn.R2Conv(in_type, out_type, kernel_size, initialize=False, **settings)
    nn.init.normal_(layer.weights, std=0.3)
    if layer.bias is not None:
        nn.init.normal_(layer.bias)
    return layer


def transposed(in_type: FieldType, out_type: FieldType, kernel_size: int = 4, **settings: Any) -> enn.R2ConvTransposed:
    """An R2ConvTransposed with normal weights and biases."""
    layer = enn.R2ConvTransposed(in_type, out_type, kernel_size, initialize=False, **settings)
    nn.init.normal_(layer.weights, std=0.3)
    if layer.bias is not None:
        nn.init.normal_(layer.bias)
    return layer


def mixed(space: GSpace2D) -> FieldType:
    """Fields of different sizes, in no order; a quotient where the group has one of size 2."""
    whole, trivial = space.regular_repr, space.trivial_repr
    quotients: dict[str, list[Any]] = {"C4": [2], "D4": [(None, 2)]}
    names = quotients.get(group_name(space), [])
    return FieldType(space, [whole, trivial, *(space.quotient_repr(n) for n in names), whole, trivial])


def grouped() -> enn.R2Conv:
    """A layer that has no counterpart of ours."""
    fields = regular_type(gspace("C4"), 2)
    return convolution(fields, fields, groups=2)
