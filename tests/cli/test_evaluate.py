"""`steergan evaluate --neighbours`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import Result
from PIL import Image

Invoke = Callable[..., Result]


def test_neighbours_are_drawn_and_counted(invoke: Invoke, tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "neighbours.png"
    result = invoke("evaluate", tiny_run, "--device", "cpu", "--neighbours", out, "--group", "D4")
    assert result.exit_code == 0, result.output
    assert "nearest training images, over D4" in result.output
    with Image.open(out) as picture:
        assert len(np.unique(np.asarray(picture))) > 10
    found = json.loads(invoke("evaluate", tiny_run, "--device", "cpu", "--neighbours", out, "--json").output)[
        "memorisation"
    ]
    assert (found["group"], found["sample_count"], found["held_out_count"], found["train_count"]) == ("C4", 16, 16, 24)
    assert 0 <= found["p_value"] <= 1


def test_neighbours_want_a_png(invoke: Invoke, tiny_run: Path) -> None:
    result = invoke("evaluate", tiny_run, "--neighbours", "x.jpg")
    assert result.exit_code == 2
    assert "NAME.png was wanted" in result.output
