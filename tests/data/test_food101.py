"""Food-101: official lists, the square in the middle, and photographs that are damaged or missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steergan.data import load, prepare, survey
from steergan.errors import DataError
from steergan.recipe.data import Food101

LISTED = {
    "train": ["waffles/11", "waffles/12", "apple_pie/1", "apple_pie/2", "apple_pie/3"],
    "test": ["apple_pie/4", "waffles/13"],
}


def photograph(value: int, width: int = 160, height: int = 128) -> Image.Image:
    """Gray at the sides, and in the middle square: red above, blue below, with the value as green."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    left = (width - height) // 2
    pixels[:, left : left + height] = (255, value, 0)
    pixels[height // 2 :, left : left + height] = (0, value, 255)
    return Image.fromarray(pixels)


@pytest.fixture
def food(cache: Path, tmp_path: Path) -> Path:
    root = tmp_path / "food-101"
    (root / "meta").mkdir(parents=True)
    for split, entries in LISTED.items():
        (root / "meta" / f"{split}.txt").write_text("\n".join(entries) + "\n")
        for entry in entries:
            path = root / "images" / f"{entry}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            photograph(10 * int(entry.partition("/")[2])).save(path, quality=100, subsampling=0)
    return root


def settings(path: Path, **more: Any) -> Food101:
    return Food101.model_validate({"path": str(path), **more})


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        prepare(settings(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_middle_square_is_resized_and_the_official_split_kept(food: Path) -> None:
    train, held_out = (load(settings(food.parent), split) for split in ("train", "held_out"))
    assert train.class_names == ("apple_pie", "waffles")
    assert train.labels.tolist() == [1, 1, 0, 0, 0]
    assert held_out.labels.tolist() == [0, 1]
    assert train.image_shape == (3, 64, 64)
    upper, lower = train.images[0, :, :30].astype(int), train.images[0, :, 34:].astype(int)
    for part, colour in ((upper, (255, 110, 0)), (lower, (0, 110, 255))):  # to the very edge: not squeezed
        assert np.abs(part - np.array(colour)[:, None, None]).max() < 12


def test_upright_and_small_photographs_are_cropped_and_enlarged(food: Path) -> None:
    photograph(110, 160, 128).transpose(Image.Transpose.ROTATE_90).save(food / "images/waffles/11.jpg", quality=100)
    photograph(110, 30, 30).save(food / "images/waffles/12.jpg", quality=100, subsampling=0)
    images = load(settings(food, size=32), "train").images
    assert images.shape[1:] == (3, 32, 32)
    assert np.abs(images[0, :, 8, 2].astype(int) - (255, 110, 0)).max() <= 4  # a quarter turn: red is on the left
    assert np.abs(images[0, :, 8, 29].astype(int) - (0, 110, 255)).max() <= 4
    assert np.abs(images[1, :, 2, 16].astype(int) - (255, 110, 0)).max() <= 4


def test_resizing_is_antialiased(food: Path) -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (128, 64))
    Image.fromarray(stripes).save(food / "images/waffles/11.jpg", quality=100)
    image = load(settings(food), "train").images[0].astype(int)
    assert np.abs(image - 127.5).max() < 30  # single pixels would be 0 or 255


def test_gray_photographs_become_rgb(food: Path) -> None:
    Image.fromarray(np.full((90, 90), 77, np.uint8)).save(food / "images/waffles/11.jpg", quality=100)
    assert np.abs(load(settings(food), "train").images[0].astype(int) - 77).max() <= 1


def test_damaged_and_missing_photographs_are_left_out_by_name(food: Path) -> None:
    damaged = food / "images/apple_pie/2.jpg"
    damaged.write_bytes(damaged.read_bytes()[:400])
    (food / "images/waffles/11.jpg").unlink()
    found = prepare(settings(food))
    refused = {part["name"]: part["reason"] for part in found.refused}
    assert set(refused) == {"images/apple_pie/2.jpg", "images/waffles/11.jpg"}
    assert "not a readable image" in refused["images/apple_pie/2.jpg"]
    assert "listed, but there is no such file" in refused["images/waffles/11.jpg"]
    assert found.splits["train"].labels.tolist() == [1, 0, 0]
    assert [round(int(image[1, 8, 8]), -1) for image in found.splits["train"].images] == [120, 10, 30]


def test_a_class_without_photographs_is_refused_with_its_name(food: Path) -> None:
    for path in (food / "images/waffles").iterdir():
        path.unlink()
    (food / "images/waffles").rmdir()
    assert "class waffles has no image to train on; left out: images/waffles/11.jpg" in refusal(food)


def test_lists_in_json_give_the_same(food: Path) -> None:
    before = load(settings(food), "train").checksum
    for split, entries in LISTED.items():
        classes = {name: [e for e in entries if e.startswith(name)] for name in ("waffles", "apple_pie")}
        (food / "meta" / f"{split}.txt").unlink()
        (food / "meta" / f"{split}.json").write_text(json.dumps(classes))
    assert load(settings(food), "train").checksum == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("waffles/11\nwaffles/11\n", "waffles/11 stands there twice"),
        ("waffles/11\n../../secret\n", "holds '../../secret'"),
        ("waffles\n", "holds 'waffles'"),
        ("\udcff", "can't be read as a list"),
    ],
)
def test_odd_lists_are_refused(food: Path, text: str, said: str) -> None:
    (food / "meta/train.txt").write_bytes(text.encode(errors="surrogateescape"))
    line = refusal(food)
    assert "train.txt" in line
    assert said in line


@pytest.mark.parametrize("content", ["{", "[1]", '{"waffles": 3}', '{"waffles": ["x"]}'])
def test_odd_json_is_refused(food: Path, content: str) -> None:
    (food / "meta/train.txt").unlink()
    (food / "meta/train.json").write_text(content)
    assert "train.json: " in refusal(food)


def test_a_packed_archive_is_not_searched_but_named(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "food-101.tar.gz").write_bytes(b"x")
    for path in (tmp_path, tmp_path / "food-101.tar.gz"):
        assert "food-101.tar.gz: is a file; unpack it (tar -xzf food-101.tar.gz)" in refusal(path)


def test_a_folder_without_the_lists_says_what_is_wanted(food: Path) -> None:
    (food / "meta/test.txt").unlink()
    assert "wanted: the folder food-101 with images/CLASS/*.jpg" in refusal(food)


def test_counts_are_known_before_pixels_are_read(food: Path) -> None:
    found = survey(settings(food))
    assert (found.image_shape, found.train, found.held_out) == ((3, 64, 64), 5, 2)
