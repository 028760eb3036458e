"""Fields of any group as regular fields of its pixel group: the subgroup among C2, C4, D1, D2, D4 that permutes pixels.

Under the pixel group H a field of another group is still a field. A regular field of C8 is two of C4, one for the even
and one for the odd elements: the same channels in another order. In general an isometry E takes the channels to regular
fields, with padding where their numbers do not match (`pixel_algebra`). A bank K between the channels becomes
E_out K E_in^T between regular fields, of which the kernels take the identity's rows.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.layers.filters.pixel_algebra import free_orbits, isometry, regular_fields
from steergan.symmetry import group_name, group_order, gspace, pixel_group


class Reorder(torch.autograd.Function):
    """Channels in another order; its derivative is the other way around, so derivatives of every order exist.

    torch's own derivative of `index_select` adds into zeros, which is slower.
    """

    @staticmethod
    def forward(x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        """(B, C, ...) -> (B, C, ...), channel c being channel order[c] of x."""
        return x.index_select(1, order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        """What the derivative needs: both orders, which are constant."""
        ctx.order, ctx.inverse = inputs[1:]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """The adjoint of a permutation is its inverse."""
        return Reorder.apply(grad, ctx.inverse, ctx.order), None, None


@dataclass(frozen=True)
class PixelFields:
    """The channels of a field type as regular fields of the pixel group.

    Attributes:
        group: the pixel group's name.
        count: how many regular fields.
        blocks: channels and regular fields fall into so many equal blocks, one after the other.
        order: which channel each channel of the regular fields is, (count * |H|,) int64, if it is a permutation.
        inverse: the other way around.
        matrix: otherwise E of one block, (regular channels, channels) float64.
    """

    group: str
    count: int
    blocks: int
    order: Tensor | None
    inverse: Tensor | None
    matrix: Tensor | None

    @property
    def size(self) -> int:
        """|H|."""
        return group_order(gspace(self.group))

    @property
    def channels(self) -> int:
        """How many the field type has."""
        return self.count * self.size if self.matrix is None else self.blocks * self.matrix.shape[1]

    @property
    def plain(self) -> bool:
        """Whether the channels are those of regular fields as they stand."""
        return self.order is None and self.matrix is None

    def to_regular(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> (B, count * |H|, ...)."""
        return x if self.plain else self._changed(x, self.order, self.inverse, False)

    def from_regular(self, y: Tensor) -> Tensor:
        """The transpose of `to_regular`: (B, count * |H|, ...) -> (B, C, ...)."""
        return y if self.plain else self._changed(y, self.inverse, self.order, True)

    def _changed(self, x: Tensor, order: Tensor | None, inverse: Tensor | None, back: bool) -> Tensor:
        if order is not None:
            # A trace holds torch's own operators only.
            if torch.jit.is_tracing():  # type: ignore[attr-defined]
                return x.index_select(1, order)
            reordered: Tensor = Reorder.apply(x, order, inverse)
            return reordered
        assert self.matrix is not None
        matrix = (self.matrix.mT if back else self.matrix).to(x.dtype)
        fields = x.reshape(x.shape[0], self.blocks, matrix.shape[1], -1)
        return torch.matmul(matrix, fields).reshape(x.shape[0], -1, *x.shape[2:])

    def identity_rows(self, bank: Tensor) -> Tensor:
        """The identity's rows of E times a bank, one for each regular field: (C, ...) -> (count, ...)."""
        if self.matrix is None:
            return bank[:: self.size] if self.order is None else bank.index_select(0, self.order[:: self.size])
        seeds = self.matrix[:: self.size].to(bank.dtype)
        return (seeds @ bank.reshape(self.blocks, seeds.shape[1], -1)).reshape(self.count, *bank.shape[1:])

    @property
    def block(self) -> "PixelFields":
        """One block by itself."""
        order = None if self.order is None else self.order[: len(self.order) // self.blocks]
        inverse = None if self.inverse is None else self.inverse[: len(self.inverse) // self.blocks]
        return PixelFields(self.group, self.count // self.blocks, 1, order, inverse, self.matrix)

    @property
    def work(self) -> float:
        """Multiplications that take a pixel there: those of a matrix, or what a copy is worth."""
        if self.matrix is None:
            return 0.0 if self.order is None else COPY * len(self.order)
        return float(self.matrix.numel() * self.blocks)


COPY = 30.0
"""What reordering a channel costs, in multiplications of a dense convolution; measured, see docs/convolution.md."""


def pixel_fields(field_type: FieldType) -> PixelFields | None:
    """How a type's channels are regular fields of its pixel group; None where only the identity permutes pixels.

    Examples:
        >>> from steergan.symmetry import fourier_representation, regular_type
        >>> pixel_fields(regular_type(gspace("C8"), 1)).order.tolist()  # even elements, odd elements
        [0, 2, 4, 6, 1, 3, 5, 7]
        >>> fourier = fourier_representation(gspace("SO2"), 3)
        >>> pixel_fields(FieldType(gspace("SO2"), [fourier])).matrix.shape  # two fields, one number of padding
        torch.Size([8, 7])
    """
    group = group_of_pixels(field_type.gspace)
    return None if group is None else _pixel_fields(tuple(field_type.representations), field_type.gspace, group)


@lru_cache(maxsize=64)
def group_of_pixels(space: GSpace2D) -> str | None:
    """The name of a gspace's pixel group; None for the trivial one, and for gspaces that have no name."""
    try:
        group = pixel_group(group_name(space))
    except SymmetryError:
        return None
    return None if group == "trivial" else group


def regular_count(field_type: FieldType) -> int:
    """How many regular fields of the pixel group a type's channels need, which must not be trivial.

    Examples:
        >>> from steergan.symmetry import trivial_type
        >>> regular_count(trivial_type(gspace("C8"), 3))  # each takes a whole regular field of C4
        3
    """
    group = group_of_pixels(field_type.gspace)
    assert group is not None
    return regular_fields(tuple(field_type.representations), field_type.gspace, group)


@lru_cache(maxsize=128)
def _pixel_fields(representations: tuple[Representation, ...], space: GSpace2D, group: str) -> PixelFields:
    kinds = set(representations)
    permuted = all(free_orbits(r, space, group) is not None for r in kinds)
    length, blocks = len(representations), 1
    if len(kinds) == 1:
        # The shortest run of fields that needs no more padding than all of them together.
        whole = regular_fields(representations, space, group)
        length = next(
            n for n in range(1, length + 1)
            if length % n == 0 and regular_fields(representations[:n], space, group) * (length // n) == whole
        )  # fmt: skip
        blocks = len(representations) // length
    matrix = isometry(representations[:length], space, group)
    count = len(matrix) // group_order(gspace(group)) * blocks
    if not permuted:
        return PixelFields(group, count, blocks, None, None, torch.from_numpy(matrix))
    places = matrix.argmax(1)
    order = torch.from_numpy((np.arange(blocks)[:, None] * len(places) + places).ravel())
    if bool((order == torch.arange(len(order))).all()):
        return PixelFields(group, count, blocks, None, None, None)
    return PixelFields(group, count, blocks, order, order.argsort(), None)
