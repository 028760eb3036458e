"""The runs of `divided_runs` on a device that holds no numbers: sizes, types and devices are checked, and who waits.

In a process of its own, because torch knows one such device, for good.
"""

import json
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import steergan
from steergan.copies import copied
from steergan.training import Engine, RunState, Step, ema
from steergan.training.protocols import as_module
from tests.training import divided_runs

DEVICE = "pretended"
PACKAGE = str(Path(steergan.__file__).parent)


def place() -> str:
    """The line of ours that is running."""
    ours = [frame for frame in traceback.extract_stack() if frame.filename.startswith(PACKAGE)]
    return f"{Path(ours[-1].filename).name}: {ours[-1].line}" if ours else "a test"


class Waits(TorchDispatchMode):
    """Notes copies for which the CPU waits: to the device unless they say otherwise, and from it always.

    Reading a number needs no note: the device has none, and torch refuses.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            source = args[-1] if func is torch.ops.aten._to_copy.default else args[1]
            there, on_its_way = (tensor.device.type == DEVICE for tensor in (source, made))
            free = bool((kwargs or {}).get("non_blocking")) or (len(args) > 2 and bool(args[2]))
            if there != on_its_way and (there or not free):
                self.places.add(place())
        return made


def twin(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=DEVICE)


def moved(network: nn.Module) -> Any:
    """A copy on the device, which has sizes instead of numbers."""
    twins: dict[int, Any] = {}
    for parameter in nn.Module.parameters(network):
        twins[id(parameter)] = nn.Parameter(twin(parameter), parameter.requires_grad)
    for buffer in nn.Module.buffers(network):
        twins[id(buffer)] = twin(buffer)
    with unset_fake_temporarily():  # escnn's objects may hold tensors, which stay as they are
        copy = copied(network)
    for mine, its in zip(nn.Module.modules(network), nn.Module.modules(copy), strict=True):
        for found, made in ((mine._parameters, its._parameters), (mine._buffers, its._buffers)):
            made.update((name, None if tensor is None else twins[id(tensor)]) for name, tensor in found.items())
    return copy


def run(case: divided_runs.Case) -> list[str]:
    """Two steps; where the CPU waited."""
    state, settings = divided_runs.start(case)
    # The average copies its network, and torch can't copy a tensor without numbers.
    with FakeTensorMode(allow_non_fake_inputs=True), mock.patch.object(ema, "copied", moved):
        generator, discriminator = (moved(as_module(network)) for network in state.networks)
        state = RunState.start(generator, discriminator, settings, case.augmentation)
        step = Step(state, settings, case.loss, engine=Engine(case.performance))
        with Waits() as waits:
            for _ in range(2):
                metrics = step(divided_runs.batches)
        assert all(metric.device.type == DEVICE for metric in metrics.values())
    return sorted(waits.places)


def work(path: Path, names: Sequence[str]) -> None:
    """Write a JSON object: for each of these runs, what stopped it (or null) and where the CPU waited for it."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _setup_privateuseone_for_python_backend(DEVICE)
    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name] = {"stopped": None, "waits": run(divided_runs.CASES[name])}
        except Exception as error:
            found[name] = {"stopped": "".join(traceback.format_exception(error)), "waits": []}
    path.write_text(json.dumps(found))
