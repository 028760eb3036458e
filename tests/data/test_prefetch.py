"""Prefetched batches are the batches, in whatever order they are asked for."""

import threading
import time

import pytest
import torch
from torch import Tensor

from steergan.data import Prefetch


def batch(step: int, update: int) -> tuple[Tensor, Tensor]:
    return torch.tensor([step]), torch.tensor([update])


def numbers(found: tuple[Tensor, Tensor]) -> tuple[int, int]:
    return int(found[0]), int(found[1])


@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_every_batch_is_the_one_that_was_asked_for(depth: int) -> None:
    asked = [(step, update) for step in range(3, 8) for update in range(3)]
    asked += [(2, 1), (2, 2), (9, 0), (9, 0), (3, 0)]  # back, ahead, and again
    with Prefetch(batch, 3, depth) as batches:
        assert [numbers(batches(*which)) for which in asked] == asked


def test_the_next_ones_are_made_while_the_caller_works_and_none_twice() -> None:
    made: list[tuple[int, int, int]] = []

    def slow(step: int, update: int) -> tuple[Tensor, Tensor]:
        made.append((step, update, threading.get_ident()))
        return batch(step, update)

    with Prefetch(slow, 2, 2) as batches:
        batches(1, 0)
        deadline = time.monotonic() + 120
        while len(made) < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert sorted(made)[:3] == sorted(made)
        assert [entry[:2] for entry in sorted(made)] == [(1, 0), (1, 1), (2, 0)]
        for which in [(1, 1), (2, 0), (2, 1)]:
            assert numbers(batches(*which)) == which
    own = [entry[:2] for entry in made if entry[2] == threading.get_ident()]
    assert own == [(1, 0)]
    assert len({entry[:2] for entry in made}) == len(made)


def test_an_error_reaches_the_caller_at_its_own_batch() -> None:
    def broken(step: int, update: int) -> tuple[Tensor, Tensor]:
        if step == 2:
            raise OSError("the disk is gone")
        return batch(step, update)

    with Prefetch(broken, 1, 2) as batches:
        assert numbers(batches(1, 0)) == (1, 0)
        with pytest.raises(OSError, match="the disk is gone"):
            batches(2, 0)


def test_the_thread_ends_with_the_block() -> None:
    before = set(threading.enumerate())
    with Prefetch(batch, 1, 3) as batches:
        batches(1, 0)
        assert set(threading.enumerate()) != before
    assert set(threading.enumerate()) == before
