"""A run on two processes is the run on one."""

from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from steergan.errors import RecipeError
from steergan.training import ALONE, Processes
from tests.processes import PATIENCE, forked, launched
from tests.thorough import asked
from tests.training import divided_runs as runs

TOLERANCE = 1e-5
"""Relative, in float64, after so many steps that an adaptive probability has moved."""


@pytest.fixture(scope="module")
def on_two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes came to, in each case."""
    path = tmp_path_factory.mktemp("parallel") / "two.pt"
    store = TCPStore("127.0.0.1", 0, is_master=True)
    with ExitStack() as stack:
        both = [stack.enter_context(forked(runs.work, path, CASES, launched(store.port, rank))) for rank in (0, 1)]
        for process in both:
            process.join(PATIENCE)
        assert [process.exitcode for process in both] == [0, 0]
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found


def distance(a: Any, b: Any) -> float:
    """The largest difference of two states, relative to each tensor's largest number.

    Numbers below 1e-4 are taken as such: a bias of scores, which a relativistic loss can't see, is rounding noise.
    """
    if isinstance(a, torch.Tensor):
        wide = b.double()
        return float((a.double() - wide).abs().max() / wide.abs().max().clamp(min=1e-4)) if a.numel() else 0.0
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max((distance(a[key], b[key]) for key in a), default=0.0)
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        return max(map(distance, a, b), default=0.0)
    if isinstance(a, float):
        return abs(a - b) / max(abs(b), 1e-3)
    assert a == b
    return 0.0


CASES = [name for name in runs.CASES if asked() or name not in runs.REDUNDANT]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_compute_the_losses_and_weights_of_one(on_two: dict[str, Any], name: str) -> None:
    alone = runs.result(runs.CASES[name], ALONE)
    assert len(alone["rows"]) == runs.STEPS
    assert distance(on_two[name]["rows"], alone["rows"]) < TOLERANCE
    assert distance(on_two[name]["state"], alone["state"]) < TOLERANCE


def test_no_other_case_is_left_out() -> None:
    assert set(runs.CASES) - set(CASES) <= runs.REDUNDANT < set(runs.CASES)


def test_another_seed_would_be_noticed(on_two: dict[str, Any]) -> None:
    other = runs.result(runs.CASES["wasserstein"], ALONE)
    assert distance(on_two["hinge"]["state"]["generator"], other["state"]["generator"]) > 100 * TOLERANCE


def test_rows_of_all_processes_and_parts_are_the_batch_in_order() -> None:
    for count in (1, 2, 3):
        for parts in (1, 2):
            rows = [Processes(rank, count).rows(12, parts) for rank in range(count)]
            batch = list(range(12))
            assert [i for part in range(parts) for own in rows for i in batch[own[part]]] == batch


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    told = r"batch_size = 10 can't be divided by 6 \(training.accumulate = 2, 3 processes\); choose a multiple of 6"
    with pytest.raises(RecipeError, match=told):
        Processes(0, 3).rows(10, 2)
