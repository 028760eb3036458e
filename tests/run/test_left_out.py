"""A run says how many originals its data lacks, and trains without them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan.recipe import validate
from steergan.run.load import load_data
from tests.notes import Notes


def test_left_out_slides_are_counted_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    slides = tmp_path / "slides"
    slides.mkdir()
    for k in range(2):
        Image.fromarray(np.full((16, 32, 3), 90, np.uint8)).save(slides / f"{k}.png")
    settings = {"name": "patches", "path": str(slides), "size": 16}
    recipe, notes = validate({"name": "x", "data": settings}, "x"), Notes()
    assert len(load_data(recipe, None, notes).train) == 2
    assert notes.messages == []
    (slides / "2.png").write_bytes(b"nothing")
    (slides / "3.png").write_bytes(b"nothing")
    recipe = validate({"name": "x", "data": {**settings, "split": "none"}}, "x")
    assert len(load_data(recipe, None, notes).train) == 4
    assert notes.messages == ["2 damaged or mislabelled files left out: see steergan data list"]
