"""What a process of its own takes is its own."""

import pytest
import torch

from steergan.benchmark.fresh import fresh
from steergan.errors import RunError
from tests.benchmark.tiny import recipe


def test_memory_is_what_a_step_needs_and_not_what_the_parent_had() -> None:
    """Between a small step and a large one the parent grows by far more than the steps differ."""
    small = fresh(recipe(batch_size=2), "cpu")
    ballast = torch.zeros(500_000_000, dtype=torch.uint8).fill_(1)
    large = fresh(recipe(batch_size=128), "cpu")
    assert small.peak_memory > 0
    assert small.construction > 0
    # An image of the largest feature map alone: 12 channels of 16 x 16 numbers, of both networks.
    assert 126 * 2 * 12 * 16 * 16 * 4 < large.peak_memory - small.peak_memory < len(ballast)


def test_a_process_that_dies_is_told() -> None:
    askew = recipe().generator.model_copy(update={"upsamplings": 5})
    with pytest.raises(RunError, match="exit code 1"):
        fresh(recipe().model_copy(update={"generator": askew}), "cpu")
