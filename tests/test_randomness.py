"""Streams depend on (seed, stream, step) and nothing else."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from steergan.randomness import numpy_stream, stream_seed, torch_stream


def test_known_seed_stays_what_it_was() -> None:
    # A changed derivation would silently change every run.
    assert stream_seed(0, "batch", 7) == 3759606055871170824


@given(st.integers(0, 10**6), st.text(max_size=20), st.integers(0, 10**6))
def test_streams_repeat(seed: int, stream: str, step: int) -> None:
    first, second = torch_stream(seed, stream, step), torch_stream(seed, stream, step)
    assert torch.equal(torch.rand(3, generator=first), torch.rand(3, generator=second))
    assert np.array_equal(numpy_stream(seed, stream, step).random(3), numpy_stream(seed, stream, step).random(3))


def test_any_part_of_the_key_changes_the_stream() -> None:
    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "a/1", 0), (11, "a", 0), (1, "1/a", 0)]
    assert len({stream_seed(*key) for key in keys}) == len(keys)


def test_history_does_not_matter() -> None:
    wanted = torch.rand(2, generator=torch_stream(3, "x"))
    torch.manual_seed(0)
    torch.rand(100)
    torch_stream(3, "y")
    assert torch.equal(torch.rand(2, generator=torch_stream(3, "x")), wanted)
