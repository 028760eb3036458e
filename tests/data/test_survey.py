"""A survey says what loading would give, and writes nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, survey
from steergan.recipe.data import SOURCES, Npz, RotMNIST


def write_npz(folder: Path) -> str:
    draw = np.random.default_rng(0)
    path = folder / "images.npz"
    np.savez(path, images=draw.integers(0, 255, (60, 9, 9), dtype=np.uint8), labels=np.arange(60) % 3)
    return str(path)


@pytest.mark.parametrize("fraction", [1.0, 0.5])
@pytest.mark.parametrize("name", ["digits", "npz"])
def test_survey_agrees_with_what_is_loaded(name: str, fraction: float, tmp_path: Path) -> None:
    path = write_npz(tmp_path) if name == "npz" else ""
    settings = SOURCES[name](path=path, fraction=fraction)
    found, train = survey(settings), load(settings, "train")
    assert (found.image_shape, found.class_names, found.train) == (train.image_shape, train.class_names, len(train))
    assert found.held_out == len(load(settings, "held_out"))


def test_survey_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("STEERGAN_CACHE", str(cache))
    survey(Npz(path=write_npz(tmp_path)))
    assert not cache.exists()


@pytest.mark.skipif("STEERGAN_DATA" not in os.environ, reason="STEERGAN_DATA names no folder with MNIST")
def test_rotated_mnist_is_surveyed_without_preparing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    found = survey(RotMNIST(fraction=0.1))
    assert (found.image_shape, len(found.class_names), found.train, found.held_out) == ((1, 28, 28), 10, 1200, 50_000)
    assert not (tmp_path / "cache").exists()
