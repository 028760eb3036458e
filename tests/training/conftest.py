import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def load(name: str) -> ModuleType:
    """A module beside this file; the tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load_module() -> Any:
    return load


@pytest.fixture(scope="session")
def pair() -> ModuleType:
    """A user's own networks and their world."""
    return load("plain_pair")


@pytest.fixture(scope="session")
def steered() -> ModuleType:
    """Networks made of steergan's layers."""
    return load("steered_pair")


def frozen_copy(state: Any) -> Any:
    """A copy of a state_dict that training can't change."""
    if isinstance(state, torch.Tensor):
        return state.detach().clone()
    if isinstance(state, dict):
        return {key: frozen_copy(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(frozen_copy(value) for value in state)
    return state


def differences(a: Any, b: Any, at: str = "state") -> list[str]:
    """Where two states are not equal to the last bit."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return [] if a.dtype == b.dtype and torch.equal(a, b) else [at]
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for key in a for d in differences(a[key], b[key], f"{at}.{key}")]
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{at}[{i}]")]
    return [] if type(a) is type(b) and a == b else [at]


@pytest.fixture(scope="session")
def compare() -> Any:
    return differences


@pytest.fixture(scope="session")
def copy_state() -> Any:
    return frozen_copy
