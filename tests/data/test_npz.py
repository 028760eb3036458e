from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from steergan.data import load
from steergan.data.fitting import fitted
from steergan.data.npz import channels_first, read_npz
from steergan.errors import DataError
from steergan.recipe.data import Extent, Npz

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 6), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint16) % 4


def settings(path: Path) -> Npz:
    return Npz(path=str(path))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("layout", [IMAGES, IMAGES.transpose(0, 2, 3, 1)])
def test_channels_may_be_first_or_last(tmp_path: Path, save: object, layout: NDArray[Any]) -> None:
    save(tmp_path / "x.npz", images=layout, labels=LABELS)  # type: ignore[operator]
    images, labels = read_npz(tmp_path / "x.npz")
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert labels.dtype == np.int64


@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 40))
def test_channels_are_the_shorter_axis(channels: int, height: int, width: int) -> None:
    assume(channels < min(height, width))
    first = np.zeros((2, channels, height, width), np.uint8)
    assert channels_first(Path("x"), first).shape == first.shape
    assert channels_first(Path("x"), first.transpose(0, 2, 3, 1)).shape == first.shape


def test_grey_images_need_no_axis_of_channels_and_no_labels(cache: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES[:, 0])
    train, held_out = (load(settings(tmp_path / "x.npz"), split) for split in ("train", "held_out"))
    assert (len(train), len(held_out), train.classes) == (16, 4, 1)
    both = {image.tobytes() for image in np.concatenate([train.images, held_out.images])}
    assert both == {image.tobytes() for image in IMAGES[:, 0]}


def test_labels_stay_with_their_images(cache: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    label_of = {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}
    train = load(settings(tmp_path / "x.npz"), "train")
    assert [label_of[image.tobytes()] for image in train.images] == train.labels.tolist()
    np.testing.assert_array_equal(np.bincount(train.labels), [4, 4, 4, 4])


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"images": IMAGES / 255}, r'images are float64, 0 to 1; uint8 from 0 to 255 is wanted.* data.range = "dtype"'),
        ({"images": IMAGES > 9}, "images are bool; uint8 from 0 to 255 is wanted"),
        ({"images": IMAGES[0, 0]}, r"images are \(8, 6\)"),
        ({"images": IMAGES[:0]}, r"images are \(0, 3, 8, 6\)"),
        ({"images": np.zeros((2, 4, 4, 4), np.uint8)}, "channels first or last"),
        ({"pictures": IMAGES}, "no array named images"),
        ({}, "no array named images"),
        ({"images": np.array([None])}, "not a whole .npz file of plain arrays"),
        ({"images": IMAGES, "labels": LABELS[:5]}, r"labels are uint16 \(5,\); 20 whole numbers"),
        ({"images": IMAGES, "labels": LABELS / 2}, "20 whole numbers"),
        ({"images": IMAGES, "labels": LABELS + 1}, "4 different labels from 1 to 4; 0 to K - 1 without a gap"),
        ({"images": IMAGES, "labels": LABELS.astype(int) - 1}, "4 different labels from -1 to 2"),
        ({"images": IMAGES, "labels": LABELS * 2}, "4 different labels from 0 to 6"),
        ({"images": IMAGES[:2], "labels": LABELS[:2]}, "class 0 has 1 image"),
    ],
)
def test_unfit_arrays_are_refused(cache: Path, tmp_path: Path, arrays: dict[str, NDArray[Any]], fault: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=fault):
        load(settings(tmp_path / "x.npz"), "train")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\3\4 cut"])
def test_damaged_file_is_refused_by_name(cache: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz: not a whole .npz file"):
        load(settings(tmp_path / "x.npz"), "train")


def test_cut_and_altered_files_are_refused(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz: not a whole .npz file"):
            load(settings(path), "train")


def test_a_single_array_is_refused(cache: Path, tmp_path: Path) -> None:
    with (tmp_path / "x.npz").open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match="not a whole"):
        load(settings(tmp_path / "x.npz"), "train")


def test_paths_that_are_no_file_are_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs data\.path"):
        load(Npz(), "train")
    with pytest.raises(DataError, match="is a folder"):
        load(settings(tmp_path), "train")
    with pytest.raises(DataError, match="no such file or folder"):
        load(settings(tmp_path / "none.npz"), "train")


def test_relative_path_is_found_in_the_data_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path))
    assert len(load(settings(Path("x.npz")), "train")) == 16


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_arrays_are_brought_to_a_size_channel_by_channel(cache: Path, tmp_path: Path, fit: str) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES)
    made = Npz.model_validate({"path": str(tmp_path / "x.npz"), "size": 4, "fit": fit, "background": "white"})
    images = np.concatenate([load(made, "train").images, load(made, "held_out").images])
    wanted = {
        np.stack([np.asarray(fitted(Image.fromarray(channel), (4, 4), fit, 255)) for channel in image]).tobytes()
        for image in IMAGES
    }
    assert {image.tobytes() for image in images} == wanted


def test_rectangles_and_a_size_need_a_choice(cache: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES)
    with pytest.raises(DataError, match=r"images of 6 x 8 pixels, and data\.size = 4; say how they become squares"):
        load(Npz(path=str(tmp_path / "x.npz"), size=4), "train")


@pytest.mark.parametrize(
    ("values", "extent", "low", "high"),
    [
        (IMAGES.astype(np.uint16) * 16, "minmax", IMAGES.min() * 16, IMAGES.max() * 16),
        (IMAGES.astype(np.uint16) * 257, "dtype", 0, 65535),
        (IMAGES / 255, "dtype", 0, 1),
        (IMAGES.astype(np.float32), (10.0, 200.0), 10, 200),
        (IMAGES, (10.0, 200.0), 10, 200),
    ],
)
def test_other_values_become_bytes_as_the_range_says(
    cache: Path, tmp_path: Path, values: NDArray[Any], extent: Extent, low: float, high: float
) -> None:
    np.savez(tmp_path / "x.npz", images=values)
    made = Npz(path=str(tmp_path / "x.npz"), range=extent)
    found = np.concatenate([load(made, "train").images, load(made, "held_out").images])
    wanted = np.clip(np.rint((values.astype(float) - low) * 255 / (float(high) - float(low))), 0, 255).astype(np.uint8)
    assert {image.tobytes() for image in found} == {image.tobytes() for image in wanted}


def test_arrays_that_hold_no_numbers_are_refused(cache: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.full((4, 8, 8), np.nan))
    with pytest.raises(DataError, match="no finite numbers"):
        load(Npz(path=str(tmp_path / "x.npz"), range="dtype"), "train")
