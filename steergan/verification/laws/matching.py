"""Which rows of numbers are equal, up to sign and up to rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor

APART = 4.0
"""Rows that are taken for two have to differ by so many times the tolerance."""

MATRIX_ROUNDING = 2.0**-20
"""How far matrices that were made in float32 may be from commuting with the group, relative to their largest entry."""

BASIS_ROUNDING = 2.0**-16
"""Largest relative violation of a filter, or of an element of a basis of filters, that sampling in float32 explains.

escnn evaluates angles and radii in float32 and then scales elements up, those near a cutoff by as much as ten times:
4e-6 is common. A basis that is wrong (too high a cutoff) is off by 1e-2 and more.
"""

WORK = 4_000_000_000
"""Numbers that are compared with one another at most."""


@dataclass(frozen=True)
class Matches:
    """Which of some rows others are.

    Attributes:
        classes: (V,) int64, for every row the number of the first that is equal to it.
        number: (M,) int64, the class of each of the others.
        sign: (M,) int64, +1, or -1 where it is minus the row; +1 where both are true.
        bound: the largest sum over a row of what differs, relative to the largest row sum; 0 where nothing does.
    """

    classes: Tensor
    number: Tensor
    sign: Tensor
    bound: float


def unique_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows of integers: (U,) where the first of each stands, and (M,) the number of each row's own.

    Rows are told apart by a hash, which is then checked entry by entry.

    Args:
        rows: (M, N) int64.
    """
    weights = torch.randint(-(2**62), 2**62, (rows.shape[1],), generator=torch.Generator().manual_seed(0))
    count, number = _numbered((rows * weights).sum(1))
    first = _first(number, count)
    if not torch.equal(rows, rows[first[number]]):
        distinct, number = torch.unique(rows, dim=0, return_inverse=True)
        first = _first(number, len(distinct))
    return first, number


def _numbered(keys: Tensor) -> tuple[int, Tensor]:
    distinct, number = torch.unique(keys, return_inverse=True)
    return len(distinct), number


def _first(number: Tensor, count: int) -> Tensor:
    """The first position of each number."""
    first = torch.full((count,), len(number), dtype=torch.int64)
    return first.scatter_reduce_(0, number, torch.arange(len(number)), "amin")


def bits_of(rows: Tensor) -> Tensor:
    """Numbers in float64 as integers that are equal where they are, -0 and 0 too."""
    return (rows + 0.0).view(torch.int64)


def matched(rows: Tensor, others: Tensor, tolerance: float) -> Matches | None:
    """Each of the others is plus or minus one of the rows: which; None if one is not, or if that is not clear.

    Args:
        rows: (V, N) float64.
        others: (M, N) float64.
        tolerance: largest difference of two entries, relative to the largest entry of `rows`; 0: bit for bit.
    """
    exactly = _bit_for_bit(rows, others)
    if exactly is not None or not tolerance:
        return exactly
    return _nearest(rows, others, tolerance)


def _bit_for_bit(rows: Tensor, others: Tensor) -> Matches | None:
    size = len(rows)
    _, number = unique_rows(bits_of(torch.cat([rows, -rows, others])))
    # Of each distinct row: the first of `rows` that is it, or, `size` further on, of those that are minus it.
    holder = torch.full((int(number.max()) + 1,), 2 * size)
    holder.scatter_reduce_(0, number[: 2 * size], torch.arange(2 * size), "amin")
    found = holder[number[2 * size :]]
    if bool((found == 2 * size).any()):
        return None
    return Matches(holder[number[:size]], found % size, 1 - 2 * (found >= size).long(), 0.0)


def _nearest(rows: Tensor, others: Tensor, tolerance: float) -> Matches | None:
    """The same up to the tolerance. Rows have to be equal up to it or far apart, or two could be taken for one.

    Then what an element makes of classes is a permutation up to sign, and products of elements make products of
    permutations, because three differences within the tolerance do not reach from one class to another.
    """
    width = rows.shape[1]
    first, number = unique_rows(bits_of(rows))
    if (len(others) + len(first)) * len(first) * width > WORK:
        return None
    scale = rows.abs().max().clamp_min(1e-300)
    signed = torch.cat([rows[first], -rows[first]]) / scale
    others = others / scale
    reach = tolerance * width**0.5  # the largest Euclidean distance of rows whose entries differ by the tolerance
    between = torch.cdist(signed, signed)
    near = between <= reach
    label = near.long().argmax(1)
    if bool((near != (label[:, None] == label)).any()) or bool((between[~near] < APART * reach).any()):
        return None
    found = label[torch.cdist(others, signed).argmin(1)]
    off = torch.cat([(others - signed[found]).abs(), (signed - signed[label]).abs()])
    if not bool((off <= tolerance).all()):
        return None
    distinct = len(first)
    # `label` is the first that is near: one of the rows themselves, where plus and minus a row are one class.
    bound = float(off.sum(1).max() / signed.abs().sum(1).max())
    classes = first[label[:distinct] % distinct][number]
    return Matches(classes, first[found % distinct], 1 - 2 * (found >= distinct).long(), bound)


def scaled(values: Tensor) -> Tensor:
    """Values whose largest is between 1 and 2: divided by a power of two, which rounds nothing."""
    largest = values.abs().max() if values.numel() else values.new_ones(())
    return values / 2.0 ** largest.clamp_min(1e-300).log2().floor()
