"""Multisets of atoms on laws that are written by hand: what they say is what happens to numbers."""

from collections.abc import Callable

import pytest
import torch
from torch import Size, Tensor

from steergan.verification.laws.law import Fixed, Lost, Turning
from steergan.verification.laws.multisets import gathered
from tests.verification.laws.test_calculus import ALTERNATING, ONES, ring, value_under


@pytest.mark.parametrize(
    ("parity", "function"),
    [("odd", lambda rows: rows.sum(1)), ("even", lambda rows: rows.norm(dim=1)), ("general", lambda r: r.amax(1))],
)
def test_gathered_entries_are_multisets(parity: str, function: Callable[[Tensor], Tensor]) -> None:
    for sign in (ONES, ALTERNATING):
        law = ring([0, 1, 2, 3, 0], sign)
        sets = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [0, 2], [1, 3]])
        found = gathered(law, Size((5,)), sets, Size((6,)), parity, 4)
        if sign is ALTERNATING and parity == "general":
            assert isinstance(found, Lost)
            continue
        assert isinstance(found, Turning)
        assert len(found.ids.unique()) == 6
        atoms = torch.randn(4)
        plain = function(value_under(law, atoms, 0)[sets])
        known = dict(zip(found.ids.tolist(), plain.tolist(), strict=True))
        for e in range(4):
            moved = function(value_under(law, atoms, e)[sets]).tolist()
            for n, value in zip(found.ids.tolist(), moved, strict=True):
                assert value == pytest.approx(int(found.sign[e, n]) * known[int(found.index[e, n])], abs=1e-6)


def test_sets_of_different_lengths_are_different_and_mixed_signs_have_no_sum() -> None:
    found = gathered(ring([0, 1]), Size((2,)), torch.tensor([[0, 1], [0, -1]]), Size((2,)), "odd", 4)
    assert isinstance(found, Turning)
    assert found.ids[0] != found.ids[1]
    mixed = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1] * 4, [1, -1, 1, -1]])
    assert isinstance(gathered(ring([0, 1], mixed), Size((2,)), torch.tensor([[0, 1]]), Size((1,)), "odd", 4), Lost)
    assert isinstance(gathered(Fixed(torch.arange(2)), Size((2,)), torch.tensor([[0, 1]]), Size((1,)), "odd", 4), Fixed)


def test_constants_in_another_order_make_the_same_sum() -> None:
    law = Fixed(torch.tensor([7, 8, 8, 9]))
    found = gathered(law, Size((4,)), torch.tensor([[0, 1], [2, 0], [0, 3], [1, 2], [1, -1]]), Size((5,)), "odd", 4)
    assert isinstance(found, Fixed)
    ids = found.ids.tolist()
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
