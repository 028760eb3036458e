"""What there is: originals, prepared sets, and what was stopped."""

from pathlib import Path

import numpy as np
import pytest

from steergan.data import (
    originals_bundled,
    originals_found,
    originals_wanted,
    prepare,
    prepared_found,
    unfinished_found,
)
from steergan.recipe.data import SOURCES, Npz
from tests.data.files import write_mnist


def test_all_sources_are_told() -> None:
    assert {*originals_bundled(), *originals_wanted([])} == set(SOURCES)


def test_what_is_found_is_not_wanted_any_more(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path / "data"))
    write_mnist(tmp_path / "data" / "mnist")
    np.savez(tmp_path / "data" / "x.npz", images=np.zeros((9, 8, 8), np.uint8))
    found = originals_found()
    assert [(one.name, one.what) for one in found] == [("rotmnist", "MNIST"), ("npz", "arrays")]
    assert originals_wanted(found).keys() == SOURCES.keys() - {"rotmnist", "npz"} - originals_bundled().keys()


def test_prepared_and_unfinished_sets_are_told_apart(cache: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((9, 8, 8), np.uint8))
    made = prepare(Npz(path=str(tmp_path / "x.npz")))
    left = cache / "prepared" / ".patches-0123.partial"
    left.mkdir()
    (left / "train-images.npy").write_bytes(bytes(70))
    root, prepared = prepared_found()
    assert root == cache
    assert [folder for folder, _ in prepared] == [made.folder]
    assert [(one.folder, one.size) for one in unfinished_found()] == [(left, 70)]
