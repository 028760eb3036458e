"""Networks whose groups have elements between the angles of the grid."""

from typing import Any

import torch
from escnn.nn import FieldType, SequentialModule

from steergan.layers import FourierPointwise, GroupConvolution, GroupPool, InvariantMap, Pointwise
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type


def fourier(name: str = "SO2", frequency: int = 2) -> FieldType:
    return FieldType(gspace(name), [fourier_representation(gspace(name), frequency)] * 2)


class Invariant(torch.nn.Module):
    """Group convolutions, and the mean over pixels of what does not move."""

    def __init__(self, name: str, kernel_size: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        space = gspace(name)
        self.in_type = trivial_type(space, 1)
        fields = fourier(name) if name in ("SO2", "O2") else regular_type(space, 4)
        act: Any = FourierPointwise(fields) if name in ("SO2", "O2") else Pointwise(fields, "relu")
        last: Any = InvariantMap(fields) if name in ("SO2", "O2") else GroupPool(fields)
        convolutions = [GroupConvolution(i, fields, kernel_size) for i in (self.in_type, fields)]
        self.layers = SequentialModule(convolutions[0], act, convolutions[1], last)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(self.in_type(image)).tensor.square().mean((2, 3)).sum(1)
