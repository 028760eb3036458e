"""A step on an accelerator, without one: devices never mix, nothing waits, CUDA graphs' memory is not kept."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration

from tests.processes import PATIENCE, forked
from tests.thorough import asked
from tests.training import divided_runs as runs
from tests.training import simulated_accelerator

RUNS = [name for name in runs.CASES if asked() or name not in runs.REDUNDANT]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of every run on a device without numbers."""
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this torch has no devices made in Python")
    path = tmp_path_factory.mktemp("accelerator") / "found.json"
    with forked(simulated_accelerator.work, path, RUNS) as process:
        process.join(PATIENCE)
        assert process.exitcode == 0
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("name", RUNS)
def test_devices_never_mix_and_a_step_never_waits_for_one(simulated: dict[str, Any], name: str) -> None:
    assert simulated[name]["stopped"] is None
    assert simulated[name]["waits"] == []


def tensors(found: Any) -> list[Tensor]:
    """All tensors of nested results."""
    if isinstance(found, Tensor):
        return [found]
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else ()
    return [tensor for part in parts for tensor in tensors(part)]


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_read_from_the_memory_of_an_earlier_replay(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """CUDA graphs return the same memory every time: here it is spoilt where a new update begins."""
    returned: list[Tensor] = []
    modes = []

    def replayed(function: Any, *, mode: str, **options: Any) -> Any:
        modes.append(mode)

        def call(*arguments: Any) -> Any:
            found = function(*arguments)
            returned.extend(tensors(found))
            return found

        return call

    def begun() -> None:
        for tensor in returned:
            tensor.detach().fill_(float("nan"))
        returned.clear()

    case = runs.CASES[name]
    plain = outcome(case)
    monkeypatch.setattr(torch, "compile", replayed)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", begun)
    settings = case.performance.model_copy(update={"compile": "cuda-graphs"})
    assert outcome(case._replace(performance=settings)) == plain
    assert set(modes) == {"reduce-overhead"}


def outcome(case: Any) -> tuple[list[Any], list[float]]:
    """The row of a few steps, which are read together, and the sums of all weights."""
    found = runs.result(case, steps=3, record_every=3)
    weights = [found["state"][name].values() for name in ("generator", "discriminator")]
    return found["rows"], [float(weight.sum()) for some in weights for weight in some]
