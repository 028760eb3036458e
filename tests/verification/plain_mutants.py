"""Ways to break a right network in a line or two of tensor code between its layers."""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from escnn import nn as enn
from escnn.nn import FieldType
from torch import Tensor

from tests.verification.attention import attended, by_column, largest
from tests.verification.breaking import Module, OnTensor, Place, everywhere, follow, mutant, turns
from tests.verification.mutants import pooled_askew


class Changed(OnTensor):
    """A function of the plain tensor."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def change(self, x: Tensor) -> Tensor:
        return self.function(x)


def spread_askew(_: FieldType) -> Module:
    """One symmetric filter for all channels, to twice as many pixels: of the last ones few windows reach."""

    def function(x: Tensor) -> Tensor:
        filters = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).to(x).expand(x.shape[1], 1, 3, 3)
        return F.conv_transpose2d(x, filters, stride=2, padding=1, output_padding=1, groups=x.shape[1])

    return Changed(function)


@mutant("an output padding", "a transposed convolution adds a row and a column, on one side only")
def output_padding(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def stock(field_type: FieldType) -> Module:
        layer = enn.R2ConvTransposed(
            field_type, field_type, 3, stride=2, padding=1, output_padding=1, bias=False, initialize=False
        )
        with torch.no_grad():
            layer.weights.normal_()
            layer.weights *= field_type.size**0.5 / layer.expand_parameters()[0].norm()
        return layer

    return pooled_askew(drawn, rng, [stock, spread_askew], lambda size: 1 < size < 9)


def cuts(field_type: FieldType) -> list[int]:
    """Numbers of first channels that end within a field."""
    ends, channels = set(), 0
    for r in field_type.representations:
        channels += r.size
        ends.add(channels)
    return [n for n in range(1, field_type.size) if n not in ends]


@mutant("a cut through a field", "some channels of a field are treated like this, the others like that")
def cut_field(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def blurred(x: Tensor, cut: int) -> Tensor:
        return torch.cat([F.avg_pool2d(x[:, :cut], 3, 1, 1), x[:, cut:]], 1)

    def normed(x: Tensor, cut: int) -> Tensor:
        return x + torch.cat([F.layer_norm(x[:, :cut], (cut, *x.shape[2:])), x[:, cut:]], 1)

    def grouped(x: Tensor, cut: int) -> Tensor:
        return x + F.group_norm(x, x.shape[1] // cut if x.shape[1] % cut == 0 else x.shape[1])

    def scored(x: Tensor, cut: int) -> Tensor:
        return x + attended(8 * x, scored=cut)

    def headed(x: Tensor, cut: int) -> Tensor:
        return x + attended(8 * x, heads=x.shape[1] // cut if x.shape[1] % cut == 0 else x.shape[1])

    def apart(x: Tensor, cut: int) -> Tensor:
        return torch.stack([3 * channel if n < cut else channel for n, channel in enumerate(x.unbind(1))], 1)

    def change(place: Place) -> bool:
        possible = cuts(place.layer.out_type)
        if not possible:
            return False
        cut, way = rng.choice(possible), rng.choice((blurred, normed, grouped, scored, headed, apart))
        return follow(place, Changed(lambda x: way(x, cut)), rng)

    return everywhere(drawn, rng, change)


@mutant("attention that sees where it is", "pixels look to one side only, or more to one side than to the other")
def one_sided_attention(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def half(x: Tensor) -> Tensor:
        return x + attended(8 * x, positions=x[0, 0].numel() // 2)

    def sideways(x: Tensor) -> Tensor:
        return x + attended(8 * x, bias=lambda offset: 3 * by_column(offset))

    def change(place: Place) -> bool:
        return follow(place, Changed(rng.choice((half, sideways))), rng)

    return everywhere(drawn, rng, change)


@mutant(
    "the largest of signed components", "of channels that change sign only the largest are kept", needs=("irreps",)
)
def largest_signed(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        return turns(place.layer.out_type) and follow(place, Changed(lambda x: largest(x, x, 2)), rng)

    return everywhere(drawn, rng, change)
