"""How the entries of a tensor change when the network's input is acted on: the values of the proof's calculus.

Let v(x) be a tensor that a network computes from its input x. A law says what v(g x) is for every claimed element g,
for all x and all weights at once, in integers: each entry of v is plus or minus an *atom*, an unknown number that
depends on x, and g permutes the atoms up to sign.

A worked example: one trivial channel on a map of 2 x 2 pixels, under C4. Its four entries are four atoms,

    v(x) = 0 1     and after a quarter turn, counterclockwise,     v(g x) = 1 3
           2 3                                                              0 2

which says: the entry at the upper left is then equal to what stood at the upper right, whatever x is. That is the row
of g in the law's table `index`, and since (g v)[p] = v[g^-1 p], it is read as "where does the entry come from":

    >>> from steergan.symmetry import gspace, trivial_type
    >>> from steergan.verification.elements import grid_elements
    >>> image, shape = trivial_type(gspace("C4"), 1), torch.Size((1, 1, 2, 2))
    >>> elements = tuple(grid_elements(image.gspace))  # by 0, 90, 180 and 270 degrees
    >>> v = written_out(Fields(image), shape, elements)
    >>> v.ids.view(2, 2).tolist(), v.index[1].view(2, 2).tolist()
    ([[0, 1], [2, 3]], [[1, 3], [0, 2]])

One step of the calculus: sums over the rows. A sum forgets the order of its arguments, so that the atoms of the result
are multisets of atoms, here {0, 1} and {2, 3}. A quarter turn makes of them {1, 3} and {0, 2}, sums over columns, which
are atoms too, but no entry of the result: the turned result is not the result turned, whichever way.

    >>> from steergan.verification.laws.multisets import gathered
    >>> rows = gathered(v, shape, torch.tensor([[0, 1], [2, 3]]), torch.Size((2,)), "odd", len(elements))
    >>> rows.ids.tolist(), rows.index[1][rows.ids].tolist()  # atoms: 0 {1, 3}, 1 {0, 2}, 2 {0, 1}, 3 {2, 3}
    ([2, 3], [0, 1])

The sum over all four is one multiset, {0, 1, 2, 3}, and every element leaves it as it is. So it is invariant:

    >>> whole = gathered(v, shape, torch.tensor([[0, 1, 2, 3]]), torch.Size((1,)), "odd", len(elements))
    >>> whole.index.tolist(), unmoved(whole, elements) is None
    ([[0], [0], [0], [0]], True)
    >>> print(unmoved(rows, elements))
    under the rotation by 90 degrees, entry (0,) of the result moves
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan.verification.elements import NAMES, ChannelAction, Matrix, channel_action, pixel_action

LARGEST = 40_000_000
"""Entries times elements up to which a law is written out; beyond, it is lost rather than run out of memory."""


@dataclass(frozen=True)
class Fixed:
    """v(g x) = v(x): constants, weights, labels, conditioning vectors, and what is computed from invariants.

    Attributes:
        ids: int64 in the tensor's shape; entries with equal ids are equal whatever the weights are.
        made_of: names of the weights and constants of the network that it was computed from; then it has the same
            values whatever the input is, and of constants alone entries that are equal by value have equal ids. None
            for labels, random numbers and what depends on them or on the input.
    """

    ids: Tensor
    made_of: frozenset[str] | None = None


@dataclass(frozen=True)
class Turning:
    """v[o] = atom[ids[o]], and under g atom[n] becomes sign[g, n] * atom[index[g, n]].

    Attributes:
        ids: int64 in the tensor's shape.
        index: (E, N) int64, a row for each claimed element.
        sign: (E, N) int64, +1 or -1.
        atoms: whose numbers the atoms are: laws that are equal in it speak of the same ones, as those of the slices of
            one map do. Else nobody knows; a law that is made anew is equal to no other. Of sums and maxima of entries
            of one map it says what they were made of (`steergan.verification.laws.commuting.Multisets`).

    Row e of both is a signed permutation of the N atoms, of which not every one has to be an entry.
    """

    ids: Tensor
    index: Tensor
    sign: Tensor
    atoms: Any = field(default_factory=object, compare=False)


@dataclass(frozen=True)
class Fields:
    """v is a feature map (B, C, H, W) of this field type: channels and pixels move as escnn says."""

    type: FieldType


@dataclass(frozen=True)
class Lost:
    """Nothing is known of v(g x).

    Attributes:
        reason: why.
        place: path of the module in which it was lost; empty until somebody knows.
    """

    reason: str
    place: str = ""

    def __str__(self) -> str:
        return f"in {self.place}: {self.reason}" if self.place else self.reason


Law = Fixed | Turning | Fields | Lost


@dataclass(frozen=True)
class Mismatch:
    """Where a tensor does not transform as its field type says."""

    matrix: Matrix
    where: str

    def __str__(self) -> str:
        return f"under {NAMES[self.matrix]}, {self.where}"


def distinct(shape: torch.Size) -> Tensor:
    """Ids of free entries: every entry its own."""
    return torch.arange(shape.numel()).view(shape)


def by_value(value: Tensor) -> Tensor:
    """Ids of a constant: entries that are equal numbers share one, 0.0 and -0.0 among them."""
    if value.numel() == 0:
        return torch.zeros(value.shape, dtype=torch.int64)
    if value.is_complex():
        return distinct(value.shape)
    ids: Tensor = torch.unique(value.detach().cpu(), return_inverse=True)[1]
    return ids.view(value.shape)


def is_uniform(law: Law) -> bool:
    """Whether all entries are one and the same invariant number."""
    return isinstance(law, Fixed) and (law.ids.numel() <= 1 or bool((law.ids == law.ids.flatten()[0]).all()))


def is_zero(tensor: Tensor, law: Law) -> bool:
    """Whether all entries are the number 0, made of nothing that a network holds."""
    if not isinstance(law, Fixed) or law.made_of != frozenset() or not tensor.numel() or not is_uniform(law):
        return False
    return bool(tensor.flatten()[0] == 0)


def written_out(law: Turning | Fields, shape: torch.Size, elements: tuple[Matrix, ...]) -> Turning | Lost:
    """A law entry by entry: each entry of a feature map is an atom of its own.

    Args:
        law: of the tensor.
        shape: of the tensor; of a feature map (B, C, H, W).
        elements: that are claimed.

    Returns:
        The law as `Turning`, or why it can't be written out.
    """
    if isinstance(law, Turning):
        return law
    if shape.numel() * len(elements) > LARGEST:
        return Lost(f"a map of {tuple(shape)} is too large to be followed entry by entry")
    if len(shape) != 4 or shape[1] != law.type.size:
        return Lost(f"a tensor of shape {tuple(shape)} was taken for fields of {law.type}")
    index, sign = [], []
    for matrix in elements:
        moved = field_permutation(law.type, matrix, shape)
        if moved is None:
            return Lost(f"{NAMES[matrix]} does not permute the entries of {law.type} on {tuple(shape[2:])}")
        index.append(moved[0])
        sign.append(moved[1])
    return Turning(distinct(shape), torch.stack(index), torch.stack(sign))


def field_permutation(field_type: FieldType, matrix: Matrix, shape: torch.Size) -> tuple[Tensor, Tensor] | None:
    """(g v).flatten() == sign * v.flatten()[index] for v (B, C, H, W) of a field type; both (B * C * H * W,) int64."""
    channels, pixels = channel_action(field_type, matrix), pixel_action(matrix, *shape[2:])
    return None if channels is None or pixels is None else map_permutation(channels, pixels, shape)


def map_permutation(channels: ChannelAction, pixels: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """(g v).flatten() == sign * v.flatten()[index] for v (B, C, H, W) whose channels and pixels are moved so."""
    batch, size, area = shape[0], shape[1], shape[2] * shape[3]
    # (g v)[b, c, p] = sign[c] * v[b, index[c], g^-1 p], and entry (b, c, p) lies at (b * size + c) * area + p.
    rows = torch.arange(batch)[:, None, None] * size * area
    index = rows + channels.index[None, :, None] * area + pixels[None, None, :]
    sign = channels.sign[None, :, None].expand(batch, size, area)
    return index.flatten(), sign.flatten()


def mismatch(law: Law, field_type: FieldType, shape: torch.Size, elements: tuple[Matrix, ...]) -> Mismatch | str | None:
    """Why a tensor with this law does not transform as a field type says; None if it does."""
    if isinstance(law, Lost):
        return str(law)
    if isinstance(law, Fields) and law.type == field_type:
        return None
    wanted = written_out(Fields(field_type), shape, elements)
    if isinstance(wanted, Lost):
        return str(wanted)
    found = written_out(law, shape, elements) if isinstance(law, Fields) else law
    if isinstance(found, Lost):
        return str(found)
    ids = found.ids.flatten()
    for e, matrix in enumerate(elements):
        # Found: v(g x)[o] = sign[g, ids[o]] * atom[index[g, ids[o]]]. Wanted: v(g x)[o] = wanted.sign[g, o] *
        # v(x)[wanted.index[g, o]], and the entry there is the atom ids[wanted.index[g, o]]. Both are compared as atoms.
        moved, sign = (found.index[e][ids], found.sign[e][ids]) if isinstance(found, Turning) else (ids, None)
        wrong = moved != ids[wanted.index[e]]
        wrong |= wanted.sign[e] != (1 if sign is None else sign)
        if wrong.any():
            return Mismatch(matrix, place(int(wrong.nonzero()[0, 0]), shape, field_type))
    return None


def as_map(shape: torch.Size) -> torch.Size:
    """Of vectors (B, C) the shape of a map of one pixel; other shapes as they are."""
    return torch.Size((*shape, 1, 1)) if len(shape) == 2 else shape


def unmoved(law: Law, elements: tuple[Matrix, ...], shape: torch.Size | None = None) -> Mismatch | str | None:
    """Why a tensor with this law is not invariant; None if it is. A feature map is, if `shape` shows that it is."""
    if isinstance(law, Fields) and shape is not None:
        law = written_out(law, shape, elements)
    if isinstance(law, Lost):
        return str(law)
    if isinstance(law, Fixed):
        return None
    if isinstance(law, Fields):
        return f"the result still turns as {law.type}"
    for e, matrix in enumerate(elements):
        wrong = (law.index[e][law.ids] != law.ids) | (law.sign[e][law.ids] != 1)
        if wrong.any():
            return Mismatch(matrix, f"entry {tuple(wrong.nonzero()[0].tolist())} of the result moves")
    return None


def settled(law: Law) -> Law:
    """A law as it was, or `Fixed` where no element moves an entry."""
    if not isinstance(law, Turning):
        return law
    ids = law.ids.flatten()
    still = bool((law.index[:, ids] == ids).all()) and bool((law.sign[:, ids] == 1).all())
    return Fixed(law.ids) if still else law


def place(position: int, shape: torch.Size, field_type: FieldType) -> str:
    """An entry in words."""
    rest, column = divmod(position, shape[3])
    rest, row = divmod(rest, shape[2])
    channel = rest % shape[1]
    field, start = 0, 0
    for field, representation in enumerate(field_type.representations):  # noqa: B007
        if channel < start + representation.size:
            break
        start += representation.size
    name = field_type.representations[field].name
    return f"channel {channel} (field {field}, {name}) at row {row}, column {column} is not what the field type says"
