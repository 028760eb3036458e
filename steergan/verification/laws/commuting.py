"""Sums and maxima that a program spells out one by one: a pool written as the sum of the slices of a map.

Of f(f(a, b), c) the calculus makes tuples of tuples, which keep an order that a sum does not have. Where a, b and c are
entries of one map, their atoms are spoken of together, and f, commutative and associative (+ up to rounding), makes the
multiset {a, b, c} of them, as a sum over an axis does:

    x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]

has the atoms of an average pool of 2 x 2.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from steergan.verification.laws.law import Law, Turning
from steergan.verification.laws.multisets import gathered
from steergan.verification.laws.operations import Operation

PARITIES = {"add": "odd", "maximum": "general", "minimum": "general"}
"""Functions of two numbers that are commutative and associative, and what becomes of signs."""


@dataclass(frozen=True, eq=False)
class Multisets:
    """What atoms are made of, as `Turning.atoms`: atom n is the function of atoms rows[n] of another law.

    Attributes:
        function: a key of `PARITIES`.
        of: the other law; where its atoms stand does not matter.
        rows: (N, K) int64, in any order within a row.
    """

    function: str
    of: Turning
    rows: Tensor


def together(call: Operation) -> Law | None:
    """The law of a sum or maximum of entries of one map; None where it is not one, or too large to be followed so.

    Of floating-point numbers alone: sums of truth values and of short integers are none, but end at their largest.
    """
    if call.name not in PARITIES or call.kwargs.get("alpha", 1) != 1 or call.kwargs.keys() - {"alpha"}:
        return None
    first, second = call.args[:2]
    if not all(a.is_floating_point() for a in (first, second, call.out) if isinstance(a, Tensor)):
        return None
    if call.name == "add" and isinstance(first, Tensor) and not isinstance(second, Tensor) and second == 0:
        call.spell.same(call.out, first)
        return call.law_of(first)  # Python's sum() begins with 0
    if not all(isinstance(a, Tensor) and a.shape == call.out.shape for a in (first, second)):
        return None
    for added, to in ((first, second), (second, first)):
        if call.name == "add" and any(to is zero for zero in call.zeros):
            return call.written_out(added)  # a sum that begins with a tensor of zeros
    laws = [call.written_out(a) for a in (first, second)]
    if not all(isinstance(law, Turning) for law in laws):
        return None
    parts = [members(law, call.name) for law in laws if isinstance(law, Turning)]
    of = parts[0][0]
    if parts[1][0].atoms != of.atoms:
        return None
    entries = torch.cat([ids for _, ids in parts], -1).flatten(0, -2)
    sets, count = torch.arange(entries.numel()).view(entries.shape), len(call.elements)
    found = gathered(replace(of, ids=entries), entries.shape, sets, call.out.shape, PARITIES[call.name], count)
    if not isinstance(found, Turning):
        return None
    # Every atom is one that the result has, or an image of one: g takes {m, n, ...} to {g m, g n, ...}.
    rows = torch.empty((found.index.shape[1], entries.shape[1]), dtype=torch.int64)
    met = found.ids.flatten()
    rows[met] = entries
    for e in range(count):
        rows[found.index[e, met]] = of.index[e][entries]
    return replace(found, atoms=Multisets(call.name, of, rows))


def members(law: Turning, function: str) -> tuple[Turning, Tensor]:
    """A law, and of which of its atoms each entry is the function: itself, or what it was made of by the same one."""
    if isinstance(law.atoms, Multisets) and law.atoms.function == function:
        return law.atoms.of, law.atoms.rows[law.ids]
    return law, law.ids[..., None]


def scaled(atoms: Any, call: Operation, by: tuple[str, ...]) -> Any:
    """Whose numbers atoms are after one function was applied to all of them, with sums seen through multiplications.

    s (a + b) = s a + s b: the atoms are still sums, of atoms that were multiplied.
    """
    if isinstance(atoms, Multisets) and atoms.function == "add" and call.name in ("mul", "div") and not call.kwargs:
        return replace(atoms, of=replace(atoms.of, atoms=(atoms.of.atoms, *by)))
    return (atoms, *by)
