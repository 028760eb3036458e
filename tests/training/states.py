"""State_dicts: copies that training can't change, and where two of them differ."""

from typing import Any

import torch


def frozen_copy(state: Any) -> Any:
    """A copy that training can't change."""
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
