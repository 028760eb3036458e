"""A large share of a set lies on disk, whole or made again."""

from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, loading, prepare
from steergan.recipe.data import Npz

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 1, 16, 16), dtype=np.uint8)


@pytest.fixture
def settings(cache: Path, tmp_path: Path) -> Npz:
    """Half of 40 training images."""
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.arange(50) % 2)
    return Npz(path=str(tmp_path / "x.npz"), fraction=0.5)


def test_a_large_share_lies_on_disk_and_is_the_same(settings: Npz, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = load(settings, "train")
    monkeypatch.setattr(loading, "IN_MEMORY", 0)
    on_disk = load(settings, "train")
    assert isinstance(on_disk.images.base, np.memmap)
    assert not isinstance(in_memory.images.base, np.memmap)
    assert on_disk.checksum == in_memory.checksum
    np.testing.assert_array_equal(on_disk.images, in_memory.images)
    np.testing.assert_array_equal(on_disk.labels, in_memory.labels)
    monkeypatch.setattr("steergan.data.shares.copy_rows", lambda *a: pytest.fail("copied again"))
    assert load(settings, "train").checksum == in_memory.checksum


@pytest.mark.parametrize("file", ["share.json", "train-images.npy", "train-labels.npy"])
def test_a_damaged_share_is_made_again(settings: Npz, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    monkeypatch.setattr(loading, "IN_MEMORY", 0)
    before = load(settings, "train")
    made = prepare(settings)
    assert made.folder is not None
    [share] = made.folder.glob("share-*")
    content = (share / file).read_bytes()
    (share / file).unlink()
    (share / file).write_bytes(content[:-9] + bytes(9))
    assert load(settings, "train").checksum == before.checksum
    assert (share / file).read_bytes() == content
