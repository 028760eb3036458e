"""From free weights to the filter bank of one pair of representations: by orbits, or by escnn's basis.

Between regular fields the bank is K[a, b](x) = w[a^-1 b](a^-1 x): row a holds the weights w, the identity's row, with
the elements renamed and the taps turned. As numbers that is a gather, K[a].flatten() = w.flatten()[entry[a]], where
`filter_orbits` finds the table once. Every other signed permutation representation has such a table too, with signs.

A gather in torch has a scattered sum for its derivative, which is slow and adds in no fixed order. Both directions are
gathers here: an orbit's sum over a row is made of a fixed number M of slots, of which some may be empty (sign 0).
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray
from torch import Tensor

from steergan.layers.filters.bases import BasisExpansion, sampled_basis
from steergan.layers.filters.orbits import FilterOrbits, filter_orbits

IntArray = NDArray[np.int64]


class OrbitTable(NamedTuple):
    """The two gathers between weights (n_out, n_in, N orbits) and blocks (n_out, S rows, n_in, L = in size * taps).

    entry (S, L): the orbit of each entry; entry_sign (S, L) or None where all are 1.
    member (S, M * N): the entries of each orbit in each row, in M slots; member_sign: alike, 0 in empty slots, or None.
    """

    entry: Tensor
    entry_sign: Tensor | None
    member: Tensor
    member_sign: Tensor | None


def gather_entries(weight: Tensor, index: Tensor, sign: Tensor | None) -> Tensor:
    """Entries of (n_out, n_in, N) or (n_out, S, n_in, L), times signs -> (n_out, S, n_in, length of index)."""
    (rows, length), (n_out, n_in) = index.shape, (weight.shape[0], weight.shape[-2])
    source = weight.unsqueeze(1).expand(-1, rows, -1, -1) if weight.dim() == 3 else weight
    gathered = torch.gather(source, 3, index.view(1, rows, 1, length).expand(n_out, rows, n_in, length))
    return gathered if sign is None else gathered * sign.view(1, rows, 1, length)


class Expand(torch.autograd.Function):
    """Weights -> block. `Contract` is its adjoint and its derivative, so derivatives of every order exist."""

    @staticmethod
    def forward(weight: Tensor, table: OrbitTable) -> Tensor:
        """(n_out, n_in, N) -> (n_out, S, n_in, L)."""
        return gather_entries(weight, table.entry, table.entry_sign)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, OrbitTable], output: Tensor) -> None:
        """What the derivative needs: the table, which is constant."""
        ctx.table, ctx.count = inputs[1], inputs[0].shape[2]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """The adjoint of a gather of entries is the sum over the members."""
        return Contract.apply(grad, ctx.table, ctx.count), None


class Contract(torch.autograd.Function):
    """Block -> for each orbit, the signed sum over its members."""

    @staticmethod
    def forward(block: Tensor, table: OrbitTable, count: int) -> Tensor:
        """(n_out, S, n_in, L) -> (n_out, n_in, N = count)."""
        return gather_entries(block, table.member, table.member_sign).unflatten(3, (-1, count)).sum((1, 3))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, OrbitTable, int], output: Tensor) -> None:
        """What the derivative needs: the table, which is constant."""
        ctx.table = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """The adjoint of a sum over the members is the gather of entries."""
        return Expand.apply(grad, ctx.table), None, None


class OrbitExpansion(torch.nn.Module):
    """One free weight per orbit; each entry of the bank is a weight, its negative, or zero.

    Args:
        orbits: the table of `filter_orbits`.
    """

    entry: Tensor
    entry_sign: Tensor | None
    member: Tensor
    member_sign: Tensor | None
    scale: Tensor
    size: Tensor

    def __init__(self, orbits: FilterOrbits) -> None:
        super().__init__()
        rows, self.count = len(orbits.index), orbits.count
        entry, sign = orbits.index.reshape(rows, -1), orbits.sign.reshape(rows, -1)
        member, member_sign = _members(entry, sign, orbits.count)
        self.is_identity = bool(rows == 1 and (sign == 1).all() and np.array_equal(entry[0], np.arange(orbits.count)))
        size = np.bincount(entry.ravel(), np.abs(sign).ravel(), minlength=orbits.count)
        # An orbit of `size` entries shows up size / rows times in a row of the bank; this keeps the row's length.
        scale = np.sqrt(rows / size)
        for name, array in (("entry", entry), ("member", member)):
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        for name, array in (("entry_sign", sign), ("member_sign", member_sign)):
            signs = None if (array == 1).all() else torch.from_numpy(array).to(torch.get_default_dtype())
            self.register_buffer(name, signs, persistent=False)
        self.register_buffer("scale", torch.from_numpy(scale).to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("size", torch.from_numpy(size).to(torch.get_default_dtype()), persistent=False)

    @property
    def table(self) -> OrbitTable:
        """The buffers as `gather_entries` takes them."""
        return OrbitTable(self.entry, self.entry_sign, self.member, self.member_sign)

    def forward(self, weight: Tensor) -> Tensor:
        """(n_out, n_in, count) -> (n_out, out size, n_in, in size * k * k)."""
        if self.is_identity:
            return weight.unsqueeze(1)
        # A trace can't hold a function whose arguments are tuples of tensors.
        if torch.jit.is_tracing():  # type: ignore[attr-defined]
            return gather_entries(weight, self.entry, self.entry_sign)
        block: Tensor = Expand.apply(weight, self.table)
        return block

    def fit(self, block: Tensor) -> Tensor:
        """The weights whose block lies nearest: the mean over each orbit."""
        total: Tensor = Contract.apply(block, self.table, self.count)
        return total / self.size


def _members(entry: IntArray, sign: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """The entries of each orbit in each row, in as many slots as the fullest needs: positions and signs, (S, M * N).

    Slot m of orbit n in row s is member[s, m * N + n]: `Contract` unflattens to (M, N) and sums over M.
    """
    row, place = np.nonzero(sign)
    key = row * count + entry[row, place]
    order = key.argsort(kind="stable")
    row, place, key = row[order], place[order], key[order]
    # Sorted by (row, orbit), an entry's slot is how far it stands behind the first entry of its key.
    slot = np.arange(len(key)) - np.searchsorted(key, key)
    member = np.zeros((len(entry), slot.max() + 1, count), dtype=np.int64)
    member_sign = np.zeros_like(member)
    member[row, slot, entry[row, place]] = place
    member_sign[row, slot, entry[row, place]] = sign[row, place]
    return member.reshape(len(entry), -1), member_sign.reshape(len(entry), -1)


def pair_expansion(
    space: GSpace2D,
    out_representation: Representation,
    in_representation: Representation,
    kernel_size: int,
    exact: bool,
) -> OrbitExpansion | BasisExpansion | None:
    """The expansion for one pair of representations (`exact`: by orbits), or None if only zero is equivariant."""
    if exact:
        orbits = filter_orbits(space, out_representation, in_representation, kernel_size)
        return OrbitExpansion(orbits) if orbits.count else None
    basis = sampled_basis(space, out_representation, in_representation, kernel_size)
    return None if basis is None else BasisExpansion(basis)
