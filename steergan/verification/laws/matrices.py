"""Laws of sums with coefficients: a matrix that the group leaves alone, times what it moves.

An entry of A v is a sum of atoms with coefficients, sum_j A[i, j] v[j]. Write its atoms in rising order, so that the
entry is a pair: a *set* of atoms, and a *row* of coefficients, one for each. An element takes the atoms of the set to
those of another one, in another order and up to sign; so it takes the pair to another pair: the same coefficients, in
the order and with the signs of the other set. Where all rows that arise so are plus or minus rows of the matrix, the
element permutes pairs up to sign, and they are the atoms of the result. Two channels that change places, for example:

    A = ( 1  2 )   and (v0, v1) becomes (v1, v0):   row (1, 2) of {v0, v1} becomes row (2, 1) of {v0, v1},
        ( 2  1 )                                    which is the second: (A v)[0] becomes (A v)[1].

Rows are compared as numbers of free weights, each its own, where that suffices: then the result holds of all values of
the weights. Else they are compared by their values, bit for bit, and if need be up to float32's rounding. In that case
the mean over the group of what elements make of the matrix is another one, A', for which all of this is exact, and A
differs from it by no more than the bound that is given: what is proved is proved of the network with A' in place of A.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from steergan.verification.laws.calculus import TOO_LARGE, combined
from steergan.verification.laws.law import LARGEST, Fixed, Law, Lost, Turning
from steergan.verification.laws.matching import MATRIX_ROUNDING, bits_of, matched, scaled, unique_rows
from steergan.verification.laws.operations import Operation


class Coefficients(NamedTuple):
    """A matrix that the group leaves alone.

    Attributes:
        leads: whether it stands to the left.
        operands: that it is made of.
        numbers: (B, R, N) int64, equal where entries are equal for all values of the weights.
        values: (B, R, N) float64, at hand, scaled so that the largest is between 1 and 2.
    """

    leads: bool
    operands: list[Tensor]
    numbers: Tensor
    values: Tensor


def by_matrix(call: Operation, moving: Turning, matrix: Coefficients, added: Tensor | None) -> Law:
    """The law of a product with a matrix, and of what is added, in the shape of the result.

    Args:
        call: of the product.
        moving: of the other operand; its ids are those of columns that every row of the matrix meets, (B, K, N).
        matrix: (B, R, N).
        added: broadcast to the result, or None.
    """
    law, columns = moving, moving.ids
    if max(columns.numel(), call.out.numel()) * len(call.elements) > 2 * LARGEST:
        return Lost(TOO_LARGE)
    in_place = call.func.overloadpacket.__name__.endswith("_")  # then what was added is there no more
    rows = None if added is None or in_place else _with_a_number_for_each_row(call, added, columns, matrix)
    if rows is not None:
        # One more coefficient, of an atom that stands for the number one: every element leaves it alone.
        one = torch.full((len(law.index), 1), law.index.shape[1])
        columns = torch.cat([columns, one[0].expand(*columns.shape[:2], 1)], 2)
        law = Turning(columns, torch.cat([law.index, one], 1), torch.cat([law.sign, torch.ones_like(one)], 1))
        matrix, added = rows, None
    product = combinations(call, law, columns, matrix)
    if isinstance(product, Turning):
        ids = product.ids if matrix.leads else product.ids.mT
        product = replace(product, ids=ids.reshape(call.out.shape))
    if added is None:
        return product
    shapes = [call.out.shape, added.shape]
    return combined([product, call.law_of(added)], shapes, call.out.shape, "sum", call.elements)


def _with_a_number_for_each_row(
    call: Operation, added: Tensor, columns: Tensor, matrix: Coefficients
) -> Coefficients | None:
    """The matrix with what is added as its last column; None where that is not one number for each row."""
    law, (batch, count, _), rows = call.law_of(added), columns.shape, matrix.numbers.shape[1]
    if not isinstance(law, Fixed):
        return None
    parts = []
    for part, entries in ((matrix.numbers, law.ids.reshape(added.shape)), (matrix.values, scaled(added.double()))):
        spread = entries.expand(call.out.shape).reshape((batch, rows, count) if matrix.leads else (batch, count, rows))
        of_rows = spread if matrix.leads else spread.mT
        if not bool((of_rows == of_rows[..., :1]).all()):
            return None
        parts.append(torch.cat([part, of_rows[..., :1]], 2))
    return Coefficients(matrix.leads, [*matrix.operands, added], *parts)


def combinations(call: Operation, law: Turning, columns: Tensor, matrix: Coefficients) -> Law:
    """The law of sums with coefficients, its ids in the shape (B, R, K)."""
    found = Columns(law, columns)
    if not found.closed:
        return Lost("the claimed elements do not form a group")
    result = found.combined(matrix.numbers.double() + 1, 0.0)
    if result is not None:
        call.numbers = [] if found.still else matrix.operands
        return result[0]
    if all(call.knows(operand) for operand in matrix.operands):
        result = found.combined(matrix.values, MATRIX_ROUNDING)
        if result is not None:
            call.values, call.bound = matrix.operands, result[1]
            return result[0]
    return Lost("what an element makes of a row of the matrix is no row of it")


class Columns:
    """Columns of atoms as sets of atoms, each in one of a few orders, and what elements do to them.

    Args:
        law: of the atoms.
        columns: ids, (B, K, N).

    Attributes:
        closed: whether elements take sets to sets; nothing else holds where they do not.
        still: whether elements leave coefficients where they are: then the result holds of any matrix.
    """

    def __init__(self, law: Turning, columns: Tensor) -> None:
        flat, orders = columns.flatten(0, 1).sort(dim=1, stable=True)
        every = torch.cat([flat, *(index[flat].sort(1)[0] for index in law.index)])
        first, number = unique_rows(every)
        self.sets = every[first]
        self.set_of = number[: len(flat)].view(columns.shape[:2])  # (B, K)
        first, order_of = unique_rows(orders)
        self.orders, self.order_of = orders[first], order_of.view(columns.shape[:2])
        moved, patterns = [], []
        for index, sign in zip(law.index, law.sign, strict=True):
            # Position m of the moved set holds what position source[m] held: its coefficient moves along, and gets
            # the sign. A pattern is 1 + source with that sign.
            atoms, source = index[self.sets].sort(dim=1, stable=True)
            moved.append(atoms)
            patterns.append((source + 1) * sign[self.sets].gather(1, source))
        size, count = len(self.sets), len(law.index)
        found, number = unique_rows(torch.cat([self.sets, *moved]))
        self.closed = len(found) == size
        place = torch.empty(len(found), dtype=torch.int64)
        place[number[:size]] = torch.arange(size)
        self.image = place[number[size:]].view(count, size)  # (E, S): to which set an element takes a set
        every = torch.cat(patterns)
        first, number = unique_rows(every)
        self.patterns, self.pattern_of = every[first], number.view(count, size)
        self.still = len(self.patterns) == 1  # that of the identity

    def combined(self, coefficients: Tensor, tolerance: float) -> tuple[Turning, float] | None:
        """The law of A v, ids (B, R, K), and the bound up to which it holds.

        Args:
            coefficients: A, (B, R, N) float64.
            tolerance: for equal coefficients, relative to the largest.

        Returns:
            None, if what becomes of a row is no row.
        """
        flat = coefficients.flatten(0, 1)
        first, row = unique_rows(bits_of(flat))
        row = row.view(coefficients.shape[:2])
        # Rows in the orders in which they meet sets.
        pairs = row[:, :, None] * len(self.orders) + self.order_of[:, None, :]
        distinct, pairs = torch.unique(pairs, return_inverse=True)
        rows = flat[first][distinct // len(self.orders)].gather(1, self.orders[distinct % len(self.orders)])
        if rows.numel() * len(self.patterns) > LARGEST:
            return None
        images = torch.cat([rows[:, pattern.abs() - 1] * pattern.sign() for pattern in self.patterns])
        found = matched(rows, images, tolerance)
        if found is None:
            return None
        number, sign = (part.view(len(self.patterns), -1) for part in (found.number, found.sign))
        size = len(self.sets)
        entries = found.classes[pairs] * size + self.set_of[:, None, :]

        def moved(atoms: Tensor) -> tuple[Tensor, Tensor]:
            pattern = self.pattern_of[:, atoms % size]
            of = atoms // size
            return number[pattern, of] * size + self.image[:, atoms % size], sign[pattern, of]

        atoms = entries.unique()
        atoms = torch.cat([atoms, moved(atoms)[0].flatten()]).unique()
        images, signs = moved(atoms)
        index = torch.searchsorted(atoms, images).clamp_max(len(atoms) - 1)
        if not torch.equal(atoms[index], images):
            return None
        return Turning(torch.searchsorted(atoms, entries), index, signs), found.bound
