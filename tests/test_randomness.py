"""Streams depend on (seed, stream, step) and nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steergan.randomness import numpy_stream, seed_torch, stream_seed, torch_stream


def test_known_seed_stays_what_it_was() -> None:
    # A changed derivation would silently change every run.
    assert stream_seed(0, "batch", 7) == 3759606055871170824


@given(st.integers(0, 10**6), st.text("aZ0/ ä漢", max_size=20), st.integers(0, 10**6))
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


def test_torch_is_seeded_as_by_torch_and_no_stack_trace_is_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(6)
    traces: list[str] = []

    def format_stack() -> list[str]:
        traces.append("a trace")
        return traces

    monkeypatch.setattr("traceback.format_stack", format_stack)
    seed_torch(5)
    assert torch.equal(torch.rand(3), wanted)
    if not torch.accelerator.is_available():
        assert not traces


def test_devices_in_use_are_seeded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    monkeypatch.setattr("torch.cuda.manual_seed_all", seeds.append)
    seed_torch(5)
    assert seeds == [5]
