"""Ways to break a right network in a matrix on the channels: a fixed one, one of weights, or one that is claimed."""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor

from steergan.symmetry import group_name
from steergan.verification.subject import twin_of
from tests.verification.breaking import Module, Place, everywhere, follow, mutant, override, turns
from tests.verification.matrix_pieces import Exported, OnFibres
from tests.verification.mutants import Headed
from tests.verification.plain_mutants import Changed

OFF = 1e-2
SMALL = ("C2", "C4", "D1", "D2")


def one_entry_off(matrix: Tensor, rng: random.Random) -> Tensor:
    changed = matrix.clone(memory_format=torch.contiguous_format)
    changed.view(-1)[rng.randrange(matrix.numel())] += OFF
    return changed


def two_rows_swapped(matrix: Tensor, rng: random.Random) -> Tensor:
    order = list(range(len(matrix)))
    if len(order) > 1:
        one, other = rng.sample(order, 2)
        order[one], order[other] = other, one
    return matrix[order]


@mutant(
    "a fixed matrix that is another one",
    "two rows of a matrix on the channels are swapped, or an entry of it is off by 1e-2",
    needs=("fixed matrix", "samples", "disentangled"),
)
def other_matrix(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        layer = place.layer
        if not isinstance(layer, OnFibres | enn.FourierPointwise | enn.DisentangleModule):
            return False
        matrices = [name for name, b in layer.named_buffers() if b.ndim == 2 and b.is_floating_point() and len(b) > 1]
        if not matrices:
            return False
        name = rng.choice(matrices)
        # A new buffer: the old one may be another layer's too.
        setattr(layer, name, rng.choice((one_entry_off, two_rows_swapped))(layer.get_buffer(name), rng))
        return True

    return everywhere(drawn, rng, change)


@mutant(
    "an exported filter with an entry that is off",
    "one weight of a plain convolution, which was a steerable one, is off by 1e-2",
    groups=SMALL,
    needs=("exported",),
)
def exported_entry(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        if not isinstance(place.layer, Exported):
            return False
        plain = place.layer.plain
        plain.weight = torch.nn.Parameter(one_entry_off(plain.weight.detach(), rng))
        return True

    return everywhere(drawn, rng, change)


@mutant(
    "wrong coefficients of a tensor product",
    "columns of the matrix on products of two channels have changed places",
    groups=SMALL,
    needs=("tensor product",),
)
def tensor_coefficients(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        layer = place.layer
        if not isinstance(layer, enn.TensorProductModule) or layer.hidden_type.representations[0].size == 1:
            return False
        order = rng.sample(range(columns := layer.hidden_type.representations[0].size), columns)
        override(layer, "expand_parameters", lambda self, before: before(self)[:, order], patched=rng.random() < 0.5)
        return True

    return everywhere(drawn, rng, change)


@mutant("a norm over part of a field", "fields are divided by the length of all of their channels but one")
def part_of_a_field(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        sizes = [int(r.size) for r in place.layer.out_type.representations]
        if max(sizes) == 1 or not turns(place.layer.out_type):
            return False

        def function(x: Tensor) -> Tensor:
            fields = x.split(sizes, 1)
            lengths = [field[:, : max(1, field.shape[1] - 1)].square().sum(1, keepdim=True) for field in fields]
            return torch.cat([field / (1 + square).sqrt() for field, square in zip(fields, lengths, strict=True)], 1)

        return follow(place, Changed(function), rng)

    return everywhere(drawn, rng, change)


SUBGROUPS: dict[str, tuple[tuple[Any, Any], ...]] = {
    "D2": (((0, 1), (1, 1)),),
    "D4": (((0, 1), (1, 1)), ((0, 1), (2, 1)), ((0, 2), (1, 2))),
}
"""escnn's names of a subgroup with some mirrors, and of one that has as many elements and other mirrors."""


class Restricted(Module):
    """The fields under one subgroup, called those under another."""

    def __init__(self, in_type: FieldType, right: Any, wrong: Any) -> None:
        super().__init__()
        self.in_type = in_type
        group = in_type.gspace.fibergroup
        fields = [group.restrict_representation(wrong, r) for r in in_type.representations]
        self.out_type = FieldType(in_type.restrict(right).gspace, fields)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(x.tensor)


@mutant(
    "a restriction to a wrong subgroup",
    "channels are said to move under a mirror as they do under another one",
    groups=tuple(SUBGROUPS),
)
def wrong_subgroup(drawn: Any, rng: random.Random) -> Iterator[Any]:
    field_type = drawn.module.out_type
    for right, wrong in SUBGROUPS.get(group_name(field_type.gspace), ()):
        if turns(field_type):
            module = twin_of(drawn.module)
            yield replace(drawn, module=Headed(module, Restricted(field_type, right, wrong)))
