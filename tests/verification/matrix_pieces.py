"""Layers with a matrix on the channels, escnn's and a user's own, for networks that are drawn at random."""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import torch
import torch.nn.functional as F
from escnn import nn as enn
from escnn.group import CyclicGroup
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.verification.elements import group_elements


class OnFibres(EquivariantModule):
    """A fixed matrix on the channels, by an einsum, a linear layer of channels last or a convolution of one tap.

    The mean over the whole group of what it makes of a matrix commutes with it.
    """

    matrix: Tensor

    def __init__(self, in_type: FieldType, out_type: FieldType, way: str) -> None:
        super().__init__()
        self.in_type, self.out_type, self.way = in_type, out_type, way
        elements = group_elements(in_type.gspace)
        start = torch.randn(out_type.size, in_type.size, dtype=torch.float64)
        moved = [
            torch.from_numpy(out_type.representation(g)) @ start @ torch.from_numpy(in_type.representation(~g))
            for g in elements
        ]
        matrix = torch.stack(moved).mean(0)
        self.register_buffer("matrix", (matrix * (out_type.size**0.5 / matrix.norm())).float())

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        maps: Tensor = x.tensor
        if self.way == "einsum":
            return self.out_type(torch.einsum("oi,bihw->bohw", self.matrix, maps))
        if self.way == "linear":
            return self.out_type(F.linear(maps.permute(0, 2, 3, 1), self.matrix).permute(0, 3, 1, 2).contiguous())
        return self.out_type(F.conv2d(maps, self.matrix[:, :, None, None]))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (input_shape[0], self.out_type.size, *input_shape[2:])


class Exported(EquivariantModule):
    """A convolution of escnn as its own `export` leaves it: a plain one with filters in float32."""

    def __init__(self, layer: enn.R2Conv) -> None:
        super().__init__()
        self.in_type, self.out_type = layer.in_type, layer.out_type
        with torch.no_grad():
            self.plain = layer.export()

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(self.plain(x.tensor))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (input_shape[0], self.out_type.size, *input_shape[2:])


def sampled(space: GSpace2D, fields: int, function: str) -> EquivariantModule:
    """A function of samples of all irreps, at as many rotations (and reflections) as the group has."""
    group = space.fibergroup
    order = int(group.order())
    rotations = order if isinstance(group, CyclicGroup) else order // 2
    irreps = [irrep.id for irrep in group.irreps()]
    return enn.FourierPointwise(space, fields, irreps, type="regular", N=rotations, function=function, inplace=False)
