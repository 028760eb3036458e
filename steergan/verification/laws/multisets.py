"""Laws of what is symmetric in its arguments, sums, maxima, norms: multisets of atoms as new atoms."""

import torch
from torch import Tensor

from steergan.verification.laws.calculus import SIGNS, TOO_LARGE
from steergan.verification.laws.law import LARGEST, Fields, Fixed, Law, Lost, Turning, distinct


def gathered(law: Law, shape: torch.Size, sets: Tensor, out_shape: torch.Size, parity: str, count: int) -> Law:
    """The law of a symmetric function of several entries: sums, means, maxima over axes or windows.

    Args:
        law: of the tensor whose entries are gathered, written out.
        shape: of that tensor.
        sets: (M, K) int64, the positions of entry m's arguments; -1 where it has fewer.
        out_shape: of the result, M entries.
        parity: "odd" where f(-v) = -f(v) (sums), "even" where no argument's sign matters (norms), "all even" where
            f(-v) = f(v), all signs being changed at once (variances), else "general".
        count: number of claimed elements.
    """
    if isinstance(law, Lost):
        return law
    assert not isinstance(law, Fields)
    if isinstance(law, Fixed):
        return Fixed(_multisets(law.ids, sets).view(out_shape) if sets.numel() < FEW else distinct(out_shape))
    if sets.numel() * count > 2 * LARGEST:
        return Lost(TOO_LARGE)
    whole = _sets_moved(law, sets, count)
    if whole is not None:
        atoms = law.ids.flatten()[sets]
        each = [_common_sign(law.sign[e][atoms], parity) for e in range(count)]
        known = [sign for sign in each if sign is not None]
        if len(known) < count:
            return Lost(SIGNS)
        return Turning(torch.arange(len(sets)).view(out_shape), whole, torch.stack(known))
    # A further atom that every element leaves alone, with sign 0, stands for "no argument" in shorter multisets: the
    # tables get a column for it, and position -1 of the padded ids is it.
    none = int(law.index.shape[1])
    padded_ids = torch.cat([law.ids.flatten(), torch.tensor([none])])
    rows = padded_ids[sets]
    signs = []
    images = []
    for e in range(count):
        index = torch.cat([law.index[e], torch.tensor([none])])
        sign = torch.cat([law.sign[e], torch.tensor([0])])
        images.append(index[rows].sort(1)[0])  # sorted, a row names its multiset
        signs.append(_common_sign(sign[rows], parity))
        if signs[-1] is None:
            return Lost(SIGNS)
    every = torch.cat([rows.sort(1)[0], *images])
    atoms, number = _unique_rows(every)
    size = len(rows)
    index_rows, sign_rows = [], []
    for e in range(count):
        moved = torch.cat([law.index[e], torch.tensor([none])])[atoms].sort(1)[0]
        found, place = _unique_rows(torch.cat([atoms, moved]))
        if len(found) != len(atoms):  # an image of an atom is no atom
            return Lost("the claimed elements do not form a group")
        atom = torch.empty(len(atoms), dtype=torch.int64)
        atom[place[: len(atoms)]] = torch.arange(len(atoms))
        index_rows.append(atom[place[len(atoms) :]])
        sign_of = _common_sign(torch.cat([law.sign[e], torch.tensor([0])])[atoms], parity)
        if sign_of is None:
            return Lost(SIGNS)
        sign_rows.append(sign_of)
    return Turning(number[:size].view(out_shape), torch.stack(index_rows), torch.stack(sign_rows))


def _sets_moved(law: Turning, sets: Tensor, count: int) -> Tensor | None:
    """Which set each element makes of each, (E, M), where it moves them as they are; None where it does not.

    If no two arguments are one atom, of one set or of two, then every element takes the atoms of a set to as many
    others. Where these all belong to one set, which is no larger, they are that set.
    """
    atoms = law.ids.flatten()[sets]
    if bool((sets < 0).any()) or bool((atoms.flatten().bincount(minlength=law.index.shape[1]) > 1).any()):
        return None
    owner = torch.full((law.index.shape[1],), -1)
    owner[atoms] = torch.arange(len(sets))[:, None].expand_as(sets)
    moved = []
    for e in range(count):
        found = owner[law.index[e][atoms]]
        if found.shape[1] == 0 or bool((found < 0).any()) or bool((found != found[:, :1]).any()):
            return None
        moved.append(found[:, 0])
    return torch.stack(moved)


def _unique_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows of (M, K), in some order, and for each row the number of its own.

    Rows are told apart by one number each, which is compared with the rows themselves: sorting whole rows is slow.
    """
    factors = torch.randint(-(2**62), 2**62, (rows.shape[1],), generator=torch.Generator().manual_seed(0))
    _, number = torch.unique((rows * factors).sum(1), return_inverse=True)
    first = torch.full((int(number.max()) + 1 if len(number) else 0,), len(rows))
    first.scatter_reduce_(0, number, torch.arange(len(rows)), "amin")
    distinct_rows = rows[first]
    if torch.equal(distinct_rows[number], rows):
        return distinct_rows, number
    return torch.unique(rows, dim=0, return_inverse=True)


FEW = 200_000
"""Entries of constants up to which it is looked for equal multisets among them."""


def _multisets(ids: Tensor, sets: Tensor) -> Tensor:
    """(M,) int64: of rows of `sets` with the same ids, in any order, one number."""
    padded = torch.cat([ids.flatten(), torch.tensor([-1])])
    return _unique_rows(padded[sets].sort(1)[0])[1]


def _common_sign(signs: Tensor, parity: str) -> Tensor | None:
    """(M, K) signs, 0 for no argument -> (M,) the sign of the result, or None if it has none."""
    highest = signs.masked_fill(signs == 0, -1).amax(1)
    lowest = signs.masked_fill(signs == 0, 1).amin(1)
    if parity == "even":
        return torch.ones_like(highest)
    mixed = highest > lowest
    if bool(mixed.any()) or (parity == "general" and bool((lowest < 0).any())):
        return None
    return torch.ones_like(lowest) if parity == "all even" else lowest
