"""What a process of its own takes is its own.

The processes are forked from a warm one that has imported what a fresh one would have to.
"""

import inspect
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from steergan.benchmark.fresh import fresh
from steergan.errors import RunError
from steergan.run.pace import resident
from tests.benchmark.tiny import recipe
from tests.processes import warm_for_fresh

BALLAST = 500_000_000


@pytest.fixture
def warm() -> Iterator[None]:
    with warm_for_fresh():
        yield


def test_memory_is_what_a_step_needs(warm: None) -> None:
    small, large = fresh(recipe(batch_size=2), "cpu"), fresh(recipe(batch_size=128), "cpu")
    assert small.peak_memory > 0
    assert small.construction > 0
    # An image of the largest feature map alone: 12 channels of 16 x 16 numbers, of both networks.
    assert 126 * 2 * 12 * 16 * 16 * 4 < large.peak_memory - small.peak_memory < BALLAST


def test_memory_of_a_fresh_process_is_not_what_the_parent_had() -> None:
    ballast = np.ones(BALLAST, dtype=np.uint8)
    code = "import resource; from pathlib import Path\n" + inspect.getsource(resident) + "print(resident())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(told.stdout) < len(ballast) < resident()


def test_a_process_that_dies_is_told(warm: None) -> None:
    askew = recipe().generator.model_copy(update={"upsamplings": 5})
    with pytest.raises(RunError, match="exit code 1"):
        fresh(recipe().model_copy(update={"generator": askew}), "cpu")
