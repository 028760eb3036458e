"""Laws of what is computed from tensors whose laws are known: tuples, multisets and rearrangements of atoms.

Three constructions carry all operations. Where entries move (views, slices, flips), ids move with them, and the table
of atoms stays. Where f(u, v) meets one entry of each operand, the atoms are *tuples* (m, n), and g takes (m, n) to (g
m, g n). Where f is symmetric in its arguments (sums, maxima), the atoms are *multisets* {m, n, ...}, and g takes them
to {g m, g n, ...}. New atoms are numbered by sorting; nothing else about them is kept. An atom is worth a number only
with its sign: f of tuples whose signs change has a law where the sign of f is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from steergan.symmetry import is_permutation
from steergan.verification.elements import Matrix
from steergan.verification.laws.law import LARGEST, Fields, Fixed, Law, Lost, Turning, distinct, is_uniform, written_out

TOO_LARGE = "the tensor is too large to be followed entry by entry"


def rearranged(law: Law, shape: torch.Size, move: Callable[[Tensor], Tensor], elements: tuple[Matrix, ...]) -> Law:
    """The law of a tensor that `move` makes of entries of another: views, slices, permutations, repetitions.

    Args:
        law: of the tensor that is moved.
        shape: of the tensor that is moved.
        move: takes ids in float64 (exact below 2^53) where the operation takes the tensor.
        elements: that are claimed.
    """
    if isinstance(law, Fields):
        out = written_out(law, shape, elements)
        return out if isinstance(out, Lost) else rearranged(out, shape, move, elements)
    if isinstance(law, Lost):
        return law
    # The operation itself runs on the ids, as numbers; float64 holds them exactly, and torch moves it like any other.
    # In one piece of memory, so that every view that the tensor itself admits is one of them.
    ids = move(law.ids.double().reshape(shape).contiguous()).long()
    return Fixed(ids) if isinstance(law, Fixed) else replace(law, ids=ids)


def pointwise(law: Law, parity: str) -> Law:
    """The law of f(v), f a function of one number that is "odd", "even" or "general"."""
    if isinstance(law, Fixed | Lost) or parity == "odd":
        return law
    if isinstance(law, Fields):
        return law if _is_permutation_type(law) else Lost(SIGNS)
    if parity == "even":
        return Turning(law.ids, law.index, torch.ones_like(law.sign))
    # Of a slice, atoms that it left behind don't count, but those that elements make of its own do.
    met = torch.zeros(law.index.shape[1], dtype=torch.bool)
    met[law.index[:, law.ids.flatten()].flatten()] = True
    return law if bool((law.sign[:, met] == 1).all()) else Lost(SIGNS)


SIGNS = "a function that is not odd was applied to entries that change sign"


def _is_permutation_type(law: Fields) -> bool:
    return all(is_permutation(r) for r in set(law.type.representations))


def combined(
    laws: Sequence[Law], shapes: Sequence[torch.Size], shape: torch.Size, signs: str, elements: tuple[Matrix, ...]
) -> Law:
    """The law of f(u, v, ...), f a function of one entry of each, broadcast to `shape`.

    Args:
        laws: of the operands.
        shapes: of the operands.
        shape: of the result.
        signs: "sum" where f(-u, -v) = -f(u, v), "product" where signs multiply, else "general".
        elements: that are claimed.
    """
    for law in laws:
        if isinstance(law, Lost):
            return law
    varying = [(law, s) for law, s in zip(laws, shapes, strict=True) if not is_uniform(law)]
    constants = len(varying) < len(laws)
    if not varying:
        return Fixed(torch.zeros(shape, dtype=torch.int64))
    if all(isinstance(law, Fields) and law == varying[0][0] and s == shape for law, s in varying):
        same = varying[0][0]
        if signs == "sum" and not constants:
            return same
        if signs == "product" and len(varying) == 1:
            return same
        found = pointwise(same, "general")
        if signs != "product" or not isinstance(found, Lost):
            return found
    alone, own = varying[0]
    if len(varying) == 1 and isinstance(alone, Turning) and own == shape:
        found = pointwise(alone, "odd" if signs == "product" or (signs == "sum" and not constants) else "general")
        return Turning(found.ids, found.index, found.sign) if isinstance(found, Turning) else found  # other numbers
    tables: list[Fixed | Turning] = []
    for law, own in varying:
        table = written_out(law, own, elements) if isinstance(law, Fields) else law
        if isinstance(table, Lost):
            return table
        assert not isinstance(table, Lost | Fields)
        tables.append(table)
    ids = [
        table.ids.reshape(own).broadcast_to(shape).flatten() for table, (_, own) in zip(tables, varying, strict=True)
    ]
    if all(isinstance(table, Fixed) for table in tables):
        return Fixed(_unique_tuples(ids)[1].view(shape))
    return _tuples(tables, ids, shape, "general" if constants and signs == "sum" else signs, len(elements))


def _unique_tuples(columns: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    """Distinct tuples, column by column, and for each position the number of its own.

    Args:
        columns: (N,) int64 each; position n holds the tuple (columns[0][n], columns[1][n], ...).

    Returns:
        The distinct tuples in sorted order, in columns again, and (N,) int64 with the number of each position's.
    """
    key, inverse = columns[0], columns[0]
    for column in columns[1:]:
        # Mixed radix: key * (largest + 1) + column is one number for each pair. Numbering the keys anew before keeps
        # them below the number of positions, so that the product stays far below 2^63.
        _, key = torch.unique(key, return_inverse=True)
        key = key * (int(column.max()) + 1) + column
    values, inverse = torch.unique(key, return_inverse=True)
    # The first position that holds each distinct tuple: there its entries are read off.
    first = torch.full((len(values),), len(key), dtype=torch.int64)
    first.scatter_reduce_(0, inverse, torch.arange(len(key)), "amin")
    return [column[first] for column in columns], inverse


def _tuples(tables: list[Fixed | Turning], ids: list[Tensor], shape: torch.Size, signs: str, count: int) -> Law:
    """Tuples of atoms as new atoms: those that occur, and those that elements make of them."""
    if ids[0].numel() * count > LARGEST:
        return Lost(TOO_LARGE)
    aligned = _entries_moved(tables, ids, count)
    if aligned is not None:
        sign = _signs(tables, ids, signs, count)
        return Lost(SIGNS) if sign is None else Turning(distinct(shape), aligned, sign)
    tuples, inverse = _unique_tuples(ids)
    moved = [
        torch.cat([column] + [table.index[e][column] for e in range(count)])
        if isinstance(table, Turning)
        else column.repeat(count + 1)
        for table, column in zip(tables, tuples, strict=True)
    ]
    # A group's images of a set are closed under it, so one round of images closes the set of tuples.
    atoms, number = _unique_tuples(moved)
    size = len(tuples[0])
    # `moved` begins with the tuples themselves: number[:size] is what each is called among all atoms.
    lookup = number[:size][inverse].view(shape)
    sign = _signs(tables, atoms, signs, count)
    if sign is None:
        return Lost(SIGNS)
    index = []
    for e in range(count):
        images = [
            table.index[e][column] if isinstance(table, Turning) else column
            for table, column in zip(tables, atoms, strict=True)
        ]
        found = _positions(atoms, images)
        if found is None:
            return Lost("the claimed elements do not form a group")
        index.append(found)
    return Turning(lookup, torch.stack(index), sign)


def _entries_moved(tables: list[Fixed | Turning], ids: list[Tensor], count: int) -> Tensor | None:
    """Which entry each element makes of each, (E, N), where it takes entries to entries; None where it does not.

    If the entries of one operand are atoms of their own, and their images are entries too, they say where tuples go.
    """
    for table, column in zip(tables, ids, strict=True):
        if not isinstance(table, Turning):
            continue
        size = table.index.shape[1]
        if bool((column.bincount(minlength=size) > 1).any()):
            continue
        place = torch.full((size,), -1)
        place[column] = torch.arange(len(column))
        index = place[table.index[:, column]]
        if bool((index < 0).any()):
            return None
        for other, entries in zip(tables, ids, strict=True):
            image = other.index[:, entries] if isinstance(other, Turning) else entries.expand(count, -1)
            if not torch.equal(entries[index], image):
                return None
        return index
    return None


def _positions(atoms: list[Tensor], images: list[Tensor]) -> Tensor | None:
    """Which atom each image is, or None if one is none of them.

    Atoms and images are numbered together. If the images are atoms, no new number comes up, and number[:size] is a
    bijection between atoms and numbers; its inverse takes the number of an image to the atom.
    """
    both = [torch.cat(pair) for pair in zip(atoms, images, strict=True)]
    distinct_atoms, number = _unique_tuples(both)
    size = len(atoms[0])
    if len(distinct_atoms[0]) != size:
        return None
    position = torch.empty(size, dtype=torch.int64)
    position[number[:size]] = torch.arange(size)
    return position[number[size:]]


def _signs(tables: list[Fixed | Turning], atoms: list[Tensor], signs: str, count: int) -> Tensor | None:
    """The sign of f on tuples of atoms that change signs, or None if it has none."""
    each = [
        table.sign[:, column] if isinstance(table, Turning) else torch.ones(count, len(column), dtype=torch.int64)
        for table, column in zip(tables, atoms, strict=True)
    ]
    if signs == "product":
        out = each[0]
        for sign in each[1:]:
            out = out * sign
        return out
    if any(bool((sign != each[0]).any()) for sign in each[1:]):
        return None
    if signs == "general" and bool((each[0] != 1).any()):
        return None
    return each[0]


def viewed(law: Law, shape: torch.Size) -> Law:
    """A law, written out, of the same entries in the same order in another shape."""
    return law if isinstance(law, Lost | Fields) else replace(law, ids=law.ids.reshape(shape))


def first_places(law: Turning) -> Tensor:
    """For each atom the first entry, in the order of memory, that is it; -1 if none is: (N,) int64."""
    ids = law.ids.flatten()
    places = torch.full((law.index.shape[1],), -1)
    return places.scatter_reduce_(0, ids, torch.arange(len(ids)), "amin", include_self=False)


def joined(laws: Sequence[Law]) -> list[Turning | Fixed] | Lost:
    """The laws of several tensors over one set of atoms; none of them `Fields`.

    Laws of parts of one tensor share its atoms, but for parts with an entry in common: of `cat([x, x])`, each x is to
    turn by itself, as two fields do. All others have atoms of their own.
    """
    for law in laws:
        if isinstance(law, Lost):
            return law
    # Atoms of law k are numbered from its start on; an invariant entry is an atom that index maps to itself, sign +1.
    end, shifted, index, sign = 0, [], [], []
    parts: dict[Any, list[tuple[int, Tensor]]] = {}  # starts of those that were met, and which of their atoms were
    count = next((len(law.index) for law in laws if isinstance(law, Turning)), 0)
    for law in laws:
        assert isinstance(law, Fixed | Turning)
        of_it = parts.setdefault(law.atoms, []) if isinstance(law, Turning) else []
        start, met = next((part for part in of_it if not bool(part[1][law.ids].any())), (end, None))
        if met is None:
            size = law.index.shape[1] if isinstance(law, Turning) else int(law.ids.max()) + 1 if law.ids.numel() else 0
            fixed = torch.arange(size).expand(count, -1)
            index.append((law.index if isinstance(law, Turning) else fixed) + start)
            sign.append(law.sign if isinstance(law, Turning) else torch.ones_like(fixed))
            met = torch.zeros(size, dtype=torch.bool)
            of_it.append((start, met))
            end += size
        met[law.ids] = True
        shifted.append(law.ids + start)
    if not count:
        return [Fixed(ids) for ids in shifted]
    whole_index, whole_sign = torch.cat(index, 1), torch.cat(sign, 1)
    return [Turning(ids, whole_index, whole_sign) for ids in shifted]


def overwritten(old: Law, old_places: Tensor, new: Law, new_places: Tensor) -> Law:
    """The law of a tensor after another one, which shares its memory, was written to.

    Args:
        old: of the tensor before, written out.
        old_places: where its entries lie in memory, int64 in its shape.
        new: of the tensor that was written, written out.
        new_places: where its entries lie.
    """
    both = joined([old, new])
    if isinstance(both, Lost):
        return both
    # What lies at each place of the memory after the write: an id of the new tensor's, or -1 where it wrote nothing.
    memory = torch.full((int(max(old_places.max(), new_places.max())) + 1,), -1)
    memory[new_places.flatten()] = both[1].ids.flatten()
    ids = torch.where(memory[old_places] >= 0, memory[old_places], both[0].ids.reshape(old_places.shape))
    return replace(both[0], ids=ids)
