"""A cache of its own for each test that prepares a set."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from steergan.data import rotmnist
from steergan.data.writing import write_prepared
from tests.data.pieces import IDENTITY, contents, whole_plan


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for one test, and no STEERGAN_DATA."""
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def small_mnist(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol scaled down to what `write_mnist` writes: 250 images, 100 to train on, 140 held out."""
    monkeypatch.setattr(rotmnist, "MNIST_COUNT", 250)
    monkeypatch.setattr(rotmnist, "COUNTS", {"train": 100, "held_out": 140})


@pytest.fixture
def expected(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, bytes]:
    """What an uninterrupted preparation of `whole_plan` writes."""
    monkeypatch.setenv("STEERGAN_CACHE", str(cache / "elsewhere"))
    found = contents(write_prepared(whole_plan(), IDENTITY, {}).folder)
    monkeypatch.setenv("STEERGAN_CACHE", str(cache))
    return found
