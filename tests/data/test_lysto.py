"""LYSTO's HDF5 file: the crop, the organs, the splits, and what is refused."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from steergan.data import load, lysto, prepare, survey
from steergan.errors import DataError
from steergan.recipe.data import Lysto

ORGANS = ("colon_1", "breast_2", "prostate_1", "prostate_2")


@pytest.fixture(autouse=True)
def small_pieces(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lysto, "ROWS", 5)


def write_lysto(path: Path, count: int = 16, **other: Any) -> NDArray[Any]:
    """The file with its three arrays; `other` ones replace them, None leaves one out."""
    images = np.zeros((count, 299, 299, 3), np.uint8)
    images[..., 0] = np.arange(count)[:, None, None]  # red tells the row
    images[:, 21, 21, 1], images[:, 276, 276, 2], images[:, 20] = 77, 88, 255
    organs = np.array([ORGANS[k % 4].encode() for k in range(count)])
    arrays = {"x": images, "y": np.arange(count), "organ": organs, **other}
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            if value is not None:
                file.create_dataset(key, data=value)
    return images


def settings(path: Path, **more: Any) -> Lysto:
    return Lysto.model_validate({"path": str(path), "size": 256, **more})


def refusal(path: Path, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        prepare(settings(path, **more))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_middle_is_cut_out_and_the_organ_is_the_class(tmp_path: Path) -> None:
    images = write_lysto(tmp_path / "training.h5")
    both = [load(settings(tmp_path), split) for split in ("train", "held_out")]
    assert both[0].class_names == ("colon", "breast", "prostate")
    assert both[0].image_shape == (3, 256, 256)
    seen = {}
    for part in both:
        for image, label in zip(part.images, part.labels, strict=True):
            row = int(image[0, 9, 9])
            np.testing.assert_array_equal(image, images[row, 21:277, 21:277].transpose(2, 0, 1))
            assert (image[1, 0, 0], image[2, 255, 255]) == (77, 88)
            seen[row] = int(label)
    assert seen == {row: (0, 1, 2, 2)[row % 4] for row in range(16)}


def test_a_share_of_every_organ_is_held_out(tmp_path: Path) -> None:
    write_lysto(tmp_path / "training.h5")
    found = prepare(settings(tmp_path, held_out=0.25, split="random"))
    assert np.bincount(found.splits["held_out"].labels).tolist() == [1, 1, 2]
    assert np.bincount(found.splits["train"].labels).tolist() == [3, 3, 6]
    other = prepare(settings(tmp_path, held_out=0.25, split="random", seed=3))
    assert other.splits["train"].checksum != found.splits["train"].checksum


def test_nothing_held_out_gives_all_images_twice(tmp_path: Path) -> None:
    images = write_lysto(tmp_path / "training.h5")
    found = prepare(settings(tmp_path, split="none", size=0))
    for part in found.splits.values():
        np.testing.assert_array_equal(part.images, images[:, 21:277, 21:277].transpose(0, 3, 1, 2))
    assert "both splits hold all" in found.manifest["rule"]


def test_smaller_crops_stay_in_the_middle(tmp_path: Path) -> None:
    images = write_lysto(tmp_path / "training.h5", count=8)
    images = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    write_lysto(tmp_path / "training.h5", count=8, x=images)
    for size, corner in ((128, 85), (299, 0), (64, 117)):
        part = load(settings(tmp_path, size=size, split="none"), "train")
        middle = images[:, corner : corner + size, corner : corner + size]
        np.testing.assert_array_equal(part.images, middle.transpose(0, 3, 1, 2))
    assert "300: LYSTO's images have 299" in refusal(tmp_path, size=300)


def test_sizes_and_counts_are_known_before_pixels_are_read(tmp_path: Path) -> None:
    write_lysto(tmp_path / "training.h5")
    found = survey(settings(tmp_path, held_out=0.25))
    assert (found.image_shape, found.train + found.held_out) == ((3, 256, 256), 16)


def test_text_of_any_length_is_read(tmp_path: Path) -> None:
    organs = np.array([ORGANS[k % 4].title() for k in range(12)], dtype=object)
    write_lysto(tmp_path / "a.h5", count=12, organ=organs, y=None)
    assert np.bincount(load(settings(tmp_path / "a.h5", split="none"), "train").labels).tolist() == [3, 3, 6]


def test_unknown_organs_are_left_out_by_row(tmp_path: Path) -> None:
    organs = [ORGANS[k % 4].encode() for k in range(16)]
    organs[3], organs[8] = b"liver_1", b""
    write_lysto(tmp_path / "training.h5", organ=np.array(organs))
    found = prepare(settings(tmp_path, split="none"))
    refused = {part["name"]: part["reason"] for part in found.refused}
    assert set(refused) == {"training.h5, row 3", "training.h5, row 8"}
    assert "'liver_1'; one of colon, breast, prostate" in refused["training.h5, row 3"]
    assert found.splits["train"].images[:, 0, 9, 9].tolist() == [k for k in range(16) if k not in (3, 8)]


def test_many_rows_of_an_unknown_organ_are_one_line(tmp_path: Path) -> None:
    organs = np.array([(*ORGANS, "lung_1")[k % 5].encode() for k in range(40)])
    write_lysto(tmp_path / "training.h5", count=40, organ=organs)
    (only,) = prepare(settings(tmp_path, split="none", size=32)).refused
    assert only["name"] == "training.h5, rows 4, 9, 14, 19, 24 and 3 more"


def test_damaged_rows_are_left_out_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "training.h5"
    stream = np.random.default_rng(0)
    images = stream.integers(0, 256, (16, 299, 299, 3), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=images, chunks=(1, 299, 299, 3), fletcher32=True)
        file["organ"] = np.array([ORGANS[k % 4].encode() for k in range(16)])
    with h5py.File(path, "r") as file:
        where = file["x"].id.get_chunk_info_by_coord((7, 0, 0, 0)).byte_offset
    content = bytearray(path.read_bytes())
    content[where + 1000] ^= 1
    path.write_bytes(content)
    found = prepare(settings(path, split="none"))
    (only,) = found.refused
    assert only["name"] == "training.h5, rows 5 to 9"
    assert "damaged" in only["reason"]
    kept = [k for k in range(16) if not 5 <= k <= 9]
    np.testing.assert_array_equal(found.splits["train"].images, images[kept, 21:277, 21:277].transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"organ": None}, "has x, y but no organ"),
        ({"x": None}, "holds organ, y; wanted: LYSTO's training.h5"),
        ({"x": np.zeros((4, 32, 32, 3), np.uint8)}, "x is uint8 (4, 32, 32, 3)"),
        ({"x": np.zeros((4, 299, 299, 3), np.float32)}, "x is float32"),
        ({"organ": np.zeros(4)}, "organ is float64, not text"),
        ({"organ": np.array([b"colon_1"] * 3)}, "organ has shape (3,) for 4 images"),
        ({"organ": np.array([b"colon_1", b"colon_1", b"breast_1", b"breast_2"])}, ""),
        ({"organ": np.array([b"colon_1", b"colon_1", b"colon_2", b"breast_2"])}, "class breast has 1 image"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    write_lysto(tmp_path / "training.h5", count=4, **other)
    line = refusal(tmp_path / "training.h5", size=8)
    assert said in line if said else "class prostate has no image" in line


def test_a_group_in_an_array_s_place_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "training.h5", "w") as file:
        file.create_group("x")
        file["organ"] = np.array([b"colon_1"])
    assert "x is a group" in refusal(tmp_path)


@pytest.mark.parametrize("cut", [0, 100, 5000])
def test_a_truncated_file_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "training.h5"
    write_lysto(path, count=2)
    path.write_bytes(path.read_bytes()[:cut])
    assert refusal(tmp_path).startswith(f"{path}: truncated or damaged (")


def test_the_file_is_found_beside_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"no originals in STEERGAN_DATA .*training\.h5"):
        prepare(Lysto())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["z"] = np.zeros(3)
    write_lysto(tmp_path / "lysto" / "patches.h5", count=8)
    found = prepare(Lysto(split="none"))
    assert found.manifest["originals"]["root"].endswith("patches.h5")
