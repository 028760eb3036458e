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
        parity: "odd" where f(-v) = -f(v) (sums), "even" (norms), else "general".
        count: number of claimed elements.
    """
    if isinstance(law, Lost):
        return law
    assert not isinstance(law, Fields)
    if isinstance(law, Fixed):
        return Fixed(_multisets(law.ids, sets).view(out_shape) if sets.numel() < FEW else distinct(out_shape))
    if sets.numel() * count > 2 * LARGEST:
        return Lost(TOO_LARGE)
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
    atoms, number = torch.unique(every, dim=0, return_inverse=True)
    size = len(rows)
    index_rows, sign_rows = [], []
    for e in range(count):
        moved = torch.cat([law.index[e], torch.tensor([none])])[atoms].sort(1)[0]
        found, place = torch.unique(torch.cat([atoms, moved]), dim=0, return_inverse=True)
        if len(found) != len(atoms):  # an image of an atom is no atom
            return Lost("the claimed elements do not form a group")
        index_rows.append(place[len(atoms) :])  # `atoms` is sorted, as `found` is
        sign_of = _common_sign(torch.cat([law.sign[e], torch.tensor([0])])[atoms], parity)
        if sign_of is None:
            return Lost(SIGNS)
        sign_rows.append(sign_of)
    return Turning(number[:size].view(out_shape), torch.stack(index_rows), torch.stack(sign_rows))


FEW = 200_000
"""Entries of constants up to which it is looked for equal multisets among them."""


def _multisets(ids: Tensor, sets: Tensor) -> Tensor:
    """(M,) int64: of rows of `sets` with the same ids, in any order, one number."""
    padded = torch.cat([ids.flatten(), torch.tensor([-1])])
    return torch.unique(padded[sets].sort(1)[0], dim=0, return_inverse=True)[1]


def _common_sign(signs: Tensor, parity: str) -> Tensor | None:
    """(M, K) signs, 0 for no argument -> (M,) the sign of the result, or None if it has none."""
    highest = signs.masked_fill(signs == 0, -1).amax(1)
    lowest = signs.masked_fill(signs == 0, 1).amin(1)
    if parity == "even":
        return torch.ones_like(highest)
    mixed = highest > lowest
    if bool(mixed.any()) or (parity == "general" and bool((lowest < 0).any())):
        return None
    return lowest
