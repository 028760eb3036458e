"""With `data.disk` every image is black outside its inscribed disk, and is kept apart from the whole ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan.data import load, survey
from steergan.data.loading import prepare
from steergan.errors import DataError
from steergan.pixels import disk_mask
from steergan.recipe.data import Folder, Npz, Patches


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    for name in ("a", "b"):
        for number in range(5):
            (tmp_path / "images" / name).mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(1, 255, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def test_the_disk_holds_what_is_within_half_a_side_of_the_centre() -> None:
    mask = disk_mask(16).numpy()
    row, column = np.indices((16, 16)) - 7.5
    assert np.array_equal(mask, np.hypot(row, column) <= 8)
    assert np.array_equal(mask, np.rot90(mask))
    assert np.array_equal(mask, mask.T)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_images_are_black_around_the_disk_and_as_they_were_inside(photographs: Path, split: str) -> None:
    plain = Folder(path=str(photographs))
    masked = plain.model_copy(update={"disk": True})
    mask = disk_mask(16).numpy()
    for _ in range(2):  # made, and read back
        whole, disk = load(plain, split), load(masked, split)  # type: ignore[arg-type]
        assert whole.images[..., ~mask].min() > 0
        assert disk.images[..., ~mask].max() == 0
        assert np.array_equal(disk.images[..., mask], whole.images[..., mask])
        assert np.array_equal(disk.labels, whole.labels)
        assert disk.checksum != whole.checksum
    assert survey(masked) == survey(plain)


def test_patches_are_masked_as_they_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    settings = Patches(path="scikit-image:ihc.png", size=64, foreground=0, split="none", disk=True)
    prepared = prepare(settings)
    images = prepared.splits["train"].images
    assert images[..., ~disk_mask(64).numpy()].max() == 0
    assert images[..., disk_mask(64).numpy()].min(axis=(1, 2)).max() > 0
    assert "disk" in str(prepared.manifest)
    again = prepare(settings)
    assert again.splits["train"].checksum == prepared.splits["train"].checksum


@pytest.mark.parametrize("size", [(16, 20), (7, 7)])
def test_images_without_a_disk_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "set.npz"
    np.savez(file, images=np.zeros((8, *size, 1), np.uint8), labels=np.arange(8) % 2)
    with pytest.raises(DataError, match=rf"{size[0]} x {size[1]}.*disk") as raised:
        load(Npz(path=str(file), disk=True), "train")
    assert "\n" not in str(raised.value)
