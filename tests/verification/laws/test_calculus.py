"""The calculus on laws that are written by hand: what they say of tuples and multisets is what happens to numbers."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Size, Tensor

from steergan.verification.laws.calculus import combined, joined, overwritten, pointwise, rearranged
from steergan.verification.laws.law import Fields, Fixed, Lost, Turning, distinct, is_uniform
from steergan.verification.laws.memory import places
from tests.verification.laws.programs import elements_of, field_type

ELEMENTS = elements_of("C4")
"""Of these tests, in which an element's action on atoms is written by hand: 4 atoms in a ring."""

RING = torch.stack([(torch.arange(4) + e) % 4 for e in range(4)])
ONES = torch.ones_like(RING)
ALTERNATING = torch.tensor([[1] * 4, [-1] * 4, [1] * 4, [-1] * 4])


def ring(ids: list[Any], sign: Tensor = ONES) -> Turning:
    return Turning(torch.tensor(ids), RING, sign)


def value_under(law: Turning | Fixed, atoms: Tensor, e: int) -> Tensor:
    """v(g x), by definition."""
    if isinstance(law, Fixed):
        return atoms[law.ids]
    return law.sign[e][law.ids] * atoms[law.index[e][law.ids]]


def test_rearranged_entries_keep_their_atoms() -> None:
    law = ring([[0, 1, 2], [3, 0, 1]])
    moved = rearranged(law, Size((2, 3)), lambda v: v.t().flip(0), ELEMENTS)
    assert isinstance(moved, Turning)
    atoms = torch.randn(4)
    for e in range(4):
        assert torch.equal(value_under(moved, atoms, e), value_under(law, atoms, e).t().flip(0))
    fixed = rearranged(Fixed(torch.tensor([5, 7])), Size((2,)), lambda v: v.repeat(2), ELEMENTS)
    assert isinstance(fixed, Fixed)
    assert fixed.ids.tolist() == [5, 7, 5, 7]
    assert rearranged(Lost("why"), Size((2,)), lambda v: v, ELEMENTS) == Lost("why")


def test_pointwise_functions_keep_signs_only_if_they_are_odd() -> None:
    signed = ring([0, 1, 2, 3], ALTERNATING)
    assert pointwise(signed, "odd") is signed
    assert isinstance(pointwise(signed, "general"), Lost)
    even = pointwise(signed, "even")
    assert isinstance(even, Turning)
    assert bool((even.sign == 1).all())
    plain = ring([0, 1])
    assert pointwise(plain, "general") is plain
    assert isinstance(pointwise(Fields(field_type("C4", "signs")), "general"), Lost)
    regular = Fields(field_type("C4", "regular"))
    assert pointwise(regular, "general") == regular


@pytest.mark.parametrize("signs", ["sum", "product", "general"])
@pytest.mark.parametrize("left", [ONES, ALTERNATING], ids=["plain", "signed"])
@pytest.mark.parametrize("right", [ONES, ALTERNATING, None], ids=["plain", "signed", "constant"])
def test_combined_entries_are_tuples_of_atoms(signs: str, left: Tensor, right: Tensor | None) -> None:
    a = ring([[0], [1], [2]], left)
    b = Fixed(torch.tensor([[0, 1]])) if right is None else ring([[1, 3]], right)
    functions = {
        "sum": lambda u, v: u + 2 * v,
        "product": lambda u, v: u * v,
        "general": lambda u, v: (u - 3 * v).exp(),
    }
    law = combined([a, b], [Size((3, 1)), Size((1, 2))], Size((3, 2)), signs, ELEMENTS)
    same_signs = right is not None and bool((left == right).all())
    may = signs == "product" or (same_signs and (signs == "sum" or left is ONES)) or (right is None and left is ONES)
    assert isinstance(law, Turning) == may
    if not isinstance(law, Turning):
        return
    f, atoms, other = functions[signs], torch.randn(4), torch.randn(4)
    plain = f(value_under(a, atoms, 0), value_under(b, other if right is None else atoms, 0))
    known = dict(zip(law.ids.flatten().tolist(), plain.flatten().tolist(), strict=True))
    for e in range(4):
        found = f(value_under(a, atoms, e), value_under(b, other if right is None else atoms, e)).flatten().tolist()
        for n, value in zip(law.ids.flatten().tolist(), found, strict=True):
            image = int(law.index[e, n])
            if image in known:
                assert value == pytest.approx(int(law.sign[e, n]) * known[image], abs=1e-6)


def test_combined_constants_stay_constants_and_uniform_ones_change_nothing() -> None:
    one = Fixed(torch.zeros((), dtype=torch.int64))
    both = combined([Fixed(torch.tensor([0, 1])), one], [Size((2,)), Size(())], Size((2,)), "sum", ELEMENTS)
    assert isinstance(both, Fixed)
    assert is_uniform(combined([one, one], [Size(()), Size(())], Size((3,)), "general", ELEMENTS))
    fields, shape = Fields(field_type("C4", "signs")), Size((1, 2, 3, 3))
    assert combined([fields, fields], [shape, shape], shape, "sum", ELEMENTS) == fields
    assert combined([fields, one], [shape, Size(())], shape, "product", ELEMENTS) == fields
    assert isinstance(combined([fields, one], [shape, Size(())], shape, "sum", ELEMENTS), Lost)


def test_joined_laws_keep_their_atoms_apart() -> None:
    parts = joined([ring([0, 1]), Fixed(torch.tensor([0, 4])), ring([2], ALTERNATING)])
    assert isinstance(parts, list)
    assert all(isinstance(part, Turning) for part in parts)
    ids = [set(part.ids.tolist()) for part in parts]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]
    assert not ids[1] & ids[2]
    _, fixed, signed = parts
    assert isinstance(fixed, Turning)
    assert isinstance(signed, Turning)
    assert bool((fixed.index[:, fixed.ids] == fixed.ids).all())
    assert signed.sign[:, signed.ids[0]].tolist() == [1, -1, 1, -1]
    assert joined([ring([0]), Lost("why")]) == Lost("why")
    both = joined([Fixed(torch.tensor([0, 1])), Fixed(torch.tensor([0]))])
    assert isinstance(both, list)
    assert set(both[0].ids.tolist()).isdisjoint(both[1].ids.tolist())


def views(whole: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Two tensors in one memory: what is kept, and what is written."""
    yield whole, whole[1:, ::2]
    yield whole[0], whole[:, 1]
    yield whole.t(), whole[:2, :2]
    yield whole[1:], whole[0]
    yield whole[:, :1].expand(-1, 2), whole[1:2]


@pytest.mark.parametrize("number", range(5))
def test_what_was_written_to_shared_memory_is_seen_where_it_is_shared(number: int) -> None:
    whole = torch.arange(12.0).view(3, 4)
    kept, target = list(views(whole))[number]
    old = Turning(distinct(kept.shape) % 4, RING, ONES)
    new = Fixed(distinct(target.shape))
    law = overwritten(old, places(kept), new, places(target))
    assert isinstance(law, Turning)
    before = kept.clone()
    target.add_(100.0)
    changed = kept != before
    for e in range(4):
        still = law.index[e][law.ids] == law.ids
        assert bool(still[changed].all()), "what was written is fixed"
        assert bool((still[~changed] == (e == 0)).all()), "the rest still turns"
