"""Rows that are equal up to sign and rounding are found, and none is where two could be meant."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steergan.verification.laws.matching import bits_of, matched, unique_rows

TOLERANCE = 2.0**-20


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 12), width=st.integers(1, 6), off=st.sampled_from([0, 1e-7]))
def test_rows_that_were_shuffled_negated_and_rounded_are_found(seed: int, count: int, width: int, off: float) -> None:
    stream = torch.Generator().manual_seed(seed)
    rows = torch.randint(-3, 4, (count, width), generator=stream).double()
    rows[0, 0] = 3  # the scale
    order = torch.randint(0, count, (2 * count,), generator=stream)
    sign = 1 - 2 * torch.randint(0, 2, (2 * count, 1), generator=stream).double()
    noise = off * (2 * torch.rand(2 * count, width, generator=stream, dtype=torch.float64) - 1)
    found = matched(rows, rows[order] * sign + 3 * noise, TOLERANCE)
    assert found is not None
    wanted = rows[order] * sign
    assert torch.equal(rows[found.number] * found.sign[:, None], wanted)
    assert torch.equal(rows[found.classes], rows)
    assert torch.equal(found.classes[found.number], found.number)
    assert found.bound <= 2 * off * width
    assert (found.bound > 0) == (off > 0)
    plus = (rows[:, None] == wanted[None]).all(2).any(0)
    assert torch.equal(found.sign == 1, plus)


def test_a_row_that_is_none_is_not_taken_for_one() -> None:
    rows = torch.tensor([[1.0, 2], [2, 1]]).double()
    assert matched(rows, torch.tensor([[1.0, -2]]).double(), TOLERANCE) is None
    assert matched(rows, torch.tensor([[2.0, 1 + 3e-6]]).double(), TOLERANCE) is None
    assert matched(rows, torch.tensor([[2.0, 1 + 1e-6]]).double(), TOLERANCE) is not None
    assert matched(rows, torch.tensor([[2.0, 1 + 1e-6]]).double(), 0) is None
    assert matched(rows, torch.tensor([[2.0, float("nan")]]).double(), TOLERANCE) is None


def test_rows_between_equal_and_apart_are_not_told_apart() -> None:
    third = torch.tensor([[1.0 + 1e-7, 2]]).double()
    for gap, told in ((1e-8, True), (3e-6, False), (1e-4, True)):
        rows = torch.tensor([[1.0, 2], [1.0 + gap, 2]]).double()
        found = matched(rows, third, TOLERANCE)
        assert (found is not None) == told, gap
        if gap == 1e-8:
            assert found is not None
            assert found.classes.tolist() == [0, 0]


def test_rows_in_a_chain_of_equal_neighbours_are_not_one() -> None:
    rows = torch.stack([torch.tensor([1.0, n * 0.9e-6]) for n in range(4)]).double()
    assert matched(rows, rows[:1] * (1 + 1e-8), TOLERANCE) is None


def test_minus_zero_is_zero() -> None:
    zeros = torch.tensor([[0.0], [-0.0]]).double()
    assert bits_of(zeros).unique().numel() == 1


def test_a_collision_of_hashes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.tensor([[1, 2], [2, 1], [1, 2]])
    first, number = unique_rows(rows)
    assert torch.equal(rows[first[number]], rows)
    assert len(first) == 2
    blind = torch.zeros(2, dtype=torch.int64)
    monkeypatch.setattr(torch, "randint", lambda *a, **k: blind)
    first, number = unique_rows(rows)
    assert torch.equal(rows[first[number]], rows)
    assert len(first) == 2
