"""Filter banks as matrices that multiply vectors without being made.

Row s of a block gathers the free weights of its fields. Instead of the weights, the vector can be gathered: for each s,
the sum of the vector's entries that meet the same weight. What is left is one product with the weights, as they are.
They are |G| times fewer numbers than the bank of regular fields, and products with vectors take as long as reading.
"""

from dataclasses import dataclass

from torch import Tensor

from steergan.layers.filters.expansion import OrbitTable, gather_entries


@dataclass(frozen=True)
class GatheredMatrix:
    """A bank of gathered weights: M[(o, s), (c, l)] = entry_sign[s, l] * weight[o, c, entry[s, l]].

    Products with vectors are written as for a tensor, `matrix @ v` and `matrix.mT @ u`. Gradients of every order flow
    to the weight.

    Args:
        weight: (n_out, n_in, N).
        table: its `OrbitTable`.
    """

    weight: Tensor
    table: OrbitTable

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, length = self.table.entry.shape
        return (len(self.weight) * rows, self.weight.shape[1] * length)

    def __matmul__(self, vector: Tensor) -> Tensor:
        """(columns,) -> (rows,)."""
        n_in, count = self.weight.shape[1:]
        source = vector.view(1, 1, n_in, -1).expand(1, len(self.table.entry), -1, -1)
        members = gather_entries(source, self.table.member, self.table.member_sign)
        summed = members[0].unflatten(2, (-1, count)).sum(2)
        return (self.weight.flatten(1) @ summed.flatten(1).mT).flatten()

    @property
    def mT(self) -> "TransposedMatrix":
        """The transpose, for products with vectors from the other side."""
        return TransposedMatrix(self)


@dataclass(frozen=True)
class TransposedMatrix:
    """The transpose of a `GatheredMatrix`."""

    matrix: GatheredMatrix

    def __matmul__(self, vector: Tensor) -> Tensor:
        """(rows of the matrix,) -> (its columns,)."""
        weight, table = self.matrix.weight, self.matrix.table
        met = vector.view(len(weight), -1).mT @ weight.flatten(1)
        met = met.view(1, len(table.entry), *weight.shape[1:])
        return gather_entries(met, table.entry, table.entry_sign).sum((0, 1)).flatten()


@dataclass(frozen=True)
class BasisMatrix:
    """A bank of coefficients of a sampled basis: M[(o, s), (c, l)] = sum_b weight[o, c, b] * basis[b, s, l].

    Args:
        weight: (n_out, n_in, count).
        basis: (count, S rows, L = in size * taps).
    """

    weight: Tensor
    basis: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        _, rows, length = self.basis.shape
        return (len(self.weight) * rows, self.weight.shape[1] * length)

    def __matmul__(self, vector: Tensor) -> Tensor:
        """(columns,) -> (rows,)."""
        count, rows, length = self.basis.shape
        met_CBS = vector.view(-1, length) @ self.basis.view(count * rows, length).mT
        met_CB_S = met_CBS.view(-1, count, rows).flatten(0, 1)
        return (self.weight.flatten(1) @ met_CB_S).flatten()

    @property
    def mT(self) -> "TransposedBasisMatrix":
        """The transpose, for products with vectors from the other side."""
        return TransposedBasisMatrix(self)


@dataclass(frozen=True)
class TransposedBasisMatrix:
    """The transpose of a `BasisMatrix`."""

    matrix: BasisMatrix

    def __matmul__(self, vector: Tensor) -> Tensor:
        """(rows of the matrix,) -> (its columns,)."""
        weight, basis = self.matrix.weight, self.matrix.basis
        met_CB_S = weight.flatten(1).mT @ vector.view(len(weight), -1)
        return (met_CB_S.view(weight.shape[1], -1) @ basis.flatten(0, 1)).flatten()
