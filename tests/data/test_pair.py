"""Two folders of images as two sets of one shape."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan.data import pair_of_folders
from steergan.errors import DataError
from steergan.recipe.data import Folder


def write(folder: Path, *pictures: NDArray[Any], names: tuple[str, ...] = ()) -> Path:
    for k, pixels in enumerate(pictures):
        path = folder / (names[k] if names else f"{k}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


def gray(value: int, height: int = 8, width: int = 8) -> NDArray[Any]:
    return np.full((height, width), value, dtype=np.uint8)


def test_all_images_below_a_folder_are_one_set_whatever_its_sub_folders_are_called(tmp_path: Path) -> None:
    names = ("train/a.png", "dogs/b.png", "test/x/c.png")  # which no recipe would take
    first = write(tmp_path / "a", gray(1), gray(2), gray(3), names=names)
    ours, theirs = pair_of_folders(Folder(path=str(first)), Folder(path=str(first)))
    assert sorted(ours.images[0:3][:, 0, 0, 0].tolist()) == [1, 2, 3]
    assert ours.images[np.array([2, 0])].shape == (2, 1, 8, 8)
    assert ours.labels.tolist() == [0, 0, 0]
    assert ours.checksum == theirs.checksum


def test_gray_beside_colour_is_made_rgb_in_both(tmp_path: Path) -> None:
    colour = np.zeros((8, 8, 3), dtype=np.uint8)
    colour[..., 1] = 200
    a, b = write(tmp_path / "a", gray(9)), write(tmp_path / "b", colour)
    ours, theirs = pair_of_folders(Folder(path=str(a)), Folder(path=str(b)))
    assert ours.shape == theirs.shape == (1, 3, 8, 8)
    assert ours.images[0:1].reshape(3, -1).tolist() == [[9] * 64] * 3


def test_other_sizes_are_refused_until_somebody_says_how(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", gray(1, 8, 12)), write(tmp_path / "b", gray(2, 16, 16))
    with pytest.raises(DataError, match=r"a: images of 12 x 8, .*b: of 16 x 16; data.fit = \"crop\""):
        pair_of_folders(Folder(path=str(a)), Folder(path=str(b)))
    ours, theirs = pair_of_folders(Folder(path=str(a), fit="crop"), Folder(path=str(b), fit="crop"))
    assert ours.shape[1:] == theirs.shape[1:] == (1, 16, 16)
    assert ours.images[0:1].shape == (1, 1, 16, 16)
    both = pair_of_folders(Folder(path=str(a), fit="pad", size=6), Folder(path=str(b), fit="pad", size=6))
    assert [one.shape[1:] for one in both] == [(1, 6, 6)] * 2


def test_minmax_is_that_of_both_folders(tmp_path: Path) -> None:
    def deep(low: int, high: int) -> NDArray[Any]:
        pixels = np.full((8, 8), low, dtype=np.uint16)
        pixels[0] = high
        return pixels

    a, b = write(tmp_path / "a", deep(1000, 2000)), write(tmp_path / "b", deep(0, 4000))
    ours, theirs = pair_of_folders(Folder(path=str(a), range="minmax"), Folder(path=str(b), range="minmax"))
    assert (int(ours.images[0:1].min()), int(ours.images[0:1].max())) == (64, 128)
    assert (int(theirs.images[0:1].min()), int(theirs.images[0:1].max())) == (0, 255)


def test_faults_are_told_in_one_line_and_left_out_where_that_is_wanted(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", gray(1), gray(2)), write(tmp_path / "b", gray(3))
    (a / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"a: 1 fault, 3 images; not readable: 1 \(broken.png") as refused:
        pair_of_folders(Folder(path=str(a)), Folder(path=str(b)))
    assert "\n" not in str(refused.value)
    ours, _ = pair_of_folders(Folder(path=str(a), skip_damaged=True), Folder(path=str(b), skip_damaged=True))
    assert len(ours) == 2
    assert [one.name for one in ours.left_out] == ["broken.png"]


def test_the_checksum_is_of_the_files_and_of_what_is_made_of_them(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", gray(1)), write(tmp_path / "b", gray(2))
    ours, theirs = pair_of_folders(Folder(path=str(a)), Folder(path=str(b)))
    resized, _ = pair_of_folders(Folder(path=str(a), size=4), Folder(path=str(b), size=4))
    assert len({ours.checksum, theirs.checksum, resized.checksum}) == 3


@pytest.mark.parametrize("content", ["none", "a file", "empty"])
def test_what_is_no_folder_of_images_is_refused(tmp_path: Path, content: str) -> None:
    b = write(tmp_path / "b", gray(2))
    a = tmp_path / "a"
    if content == "a file":
        a.write_text("x")
    elif content == "empty":
        a.mkdir()
    said = {"none": "no such file or folder", "a file": "is a file", "empty": "no images in it"}[content]
    with pytest.raises(DataError, match=said):
        pair_of_folders(Folder(path=str(a)), Folder(path=str(b)))
