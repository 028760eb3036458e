"""Whether two runs are the same, to the last bit."""

from pathlib import Path
from typing import Any

import torch

from steergan.training import load_state, load_weights


def same(a: Any, b: Any) -> bool:
    """Whether two nested states agree to the last bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def assert_same_run(a: Path, b: Path) -> None:
    """Of the tiny recipe, six steps."""
    assert same(load_state(a / "state-000006.pt"), load_state(b / "state-000006.pt"))
    for name in ("generator", "discriminator"):
        assert same(load_weights(a / f"{name}.safetensors")[0], load_weights(b / f"{name}.safetensors")[0])
    assert (a / "metric-frechet.jsonl").read_text() == (b / "metric-frechet.jsonl").read_text()
