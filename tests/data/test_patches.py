"""Patches of large images: which, from where, and never on both sides of a split."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan.data import load, prepare, survey
from steergan.data.slides import whole
from steergan.errors import DataError
from steergan.recipe.data import Patches

SIZE = 8


def settings(path: Path | str, **more: object) -> Patches:
    return Patches.model_validate({"path": str(path), "size": SIZE, "foreground": 0.0, **more})


def coded(number: int, width: int = 40, height: int = 24) -> NDArray[Any]:
    """An image whose pixels say which image, row and column they are."""
    y, x = np.mgrid[:height, :width]
    return np.stack([np.full((height, width), number), y, x], axis=-1).astype(np.uint8)


def write(path: Path, picture: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def two_classes(root: Path, count: int = 5) -> Path:
    for k in range(count):
        write(root / "tumour" / f"{k}.png", coded(100 + k))
        write(root / "stroma" / f"{k}.tif", coded(k))
    return root


def origin(patches: NDArray[Any]) -> set[tuple[int, int, int]]:
    """(image, top, left) of patches of coded images, which must be whole."""
    for patch in patches:
        expected = coded(patch[0, 0, 0], 64, 64)[patch[1, 0, 0] :, patch[2, 0, 0] :][:SIZE, :SIZE]
        np.testing.assert_array_equal(patch.transpose(1, 2, 0), expected)
    return {(int(number), int(top), int(left)) for number, top, left in patches[:, :, 0, 0]}


def test_patches_are_cut_on_a_grid_and_the_remainder_is_left(cache: Path, tmp_path: Path) -> None:
    made = prepare(settings(write(tmp_path / "x.png", coded(7, 43, 30)), split="none"))
    assert origin(made.splits["train"].images) == {(7, top, left) for top in (0, 8, 16) for left in range(0, 40, 8)}
    assert made.splits["train"].class_names == ("x",)
    assert made.splits["held_out"].checksum == made.splits["train"].checksum


def test_stride_lets_patches_overlap(cache: Path, tmp_path: Path) -> None:
    made = prepare(settings(write(tmp_path / "x.png", coded(7, 20, 8)), split="none", stride=3))
    assert origin(made.splits["train"].images) == {(7, 0, left) for left in (0, 3, 6, 9, 12)}


def test_whole_images_are_held_out_some_of_every_class(cache: Path, tmp_path: Path) -> None:
    made = prepare(settings(two_classes(tmp_path / "x"), held_out=0.4))
    seen = {}
    for split, images in made.splits.items():
        numbers = images.images[:, 0, 0, 0]
        assert images.class_names == ("stroma", "tumour")
        np.testing.assert_array_equal(numbers >= 100, images.labels == 1)
        seen[split] = set(numbers.tolist())
    assert not seen["train"] & seen["held_out"]
    assert sorted(n >= 100 for n in seen["held_out"]) == [False, False, True, True]
    assert len(made.splits["train"]) + len(made.splits["held_out"]) == 10 * 15
    assert prepare(settings(tmp_path / "x", held_out=0.4, split="group")).folder == made.folder


def test_a_class_with_one_image_gets_the_ways_out(cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.png", coded(1))
    with pytest.raises(DataError, match=r'class x has 1 image.* data.split = "right", or "random"'):
        prepare(settings(tmp_path / "x"))
    assert len(load(settings(tmp_path / "x", split="random", held_out=0.25), "held_out")) == 4  # of 15


def test_right_part_is_held_out(cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.png", coded(1, 60, 16))
    made = prepare(settings(tmp_path / "x", split="right", held_out=0.35, stride=5))
    assert {left for _, _, left in origin(made.splits["train"].images)} == {0, 5, 10, 15, 20, 25, 30}
    assert {left for _, _, left in origin(made.splits["held_out"].images)} == {39, 44, 49}


def test_an_image_that_is_in_neither_part_is_named_once(cache: Path, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "x")
    (root / "tumour" / "0.png").write_bytes(b"nothing")
    write(root / "stroma" / "0.tif", coded(0, 14))
    made = prepare(settings(root, split="right"))
    assert [one["name"] for one in made.refused] == ["tumour/0.png", "stroma/0.tif"]
    assert made.refused[1]["reason"] == "a part of 3 x 24 pixels; a patch needs 8 x 8: lower data.size"



def test_random_split_is_seeded_and_shares_no_patch(cache: Path, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "x")
    first, other = (prepare(settings(root, split="random", seed=seed)) for seed in (0, 1))
    train, held_out = origin(first.splits["train"].images), origin(first.splits["held_out"].images)
    assert (len(train), len(held_out)) == (120, 30)
    assert not train & held_out
    assert origin(other.splits["held_out"].images) != held_out


def test_overlapping_patches_cannot_be_split_at_random(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.stride = 4 < data\.size = 8: held-out patches would overlap"):
        prepare(settings(two_classes(tmp_path / "x"), split="random", stride=4))


def test_patches_need_foreground(cache: Path, tmp_path: Path) -> None:
    picture = np.full((64, 64, 3), 250, np.uint8)
    picture[20:44, 22:42] = (120, 80, 60)
    path = write(tmp_path / "x.png", picture)
    tissue = np.zeros((64, 64), bool)
    tissue[18:46, 20:44] = True  # grown by two
    for least in (0.1, 0.6, 1.0):
        found = load(settings(path, split="none", foreground=least), "train")
        shares = tissue.reshape(8, 8, 8, 8).mean(axis=(1, 3))
        assert len(found) == (shares >= least).sum()
    assert len(load(settings(path, split="none"), "train")) == 64


def test_blank_slides_give_nothing_and_blank_sets_say_so(cache: Path, tmp_path: Path) -> None:
    blank = np.full((64, 64, 3), 250, np.uint8)
    write(tmp_path / "x" / "a.png", blank)
    with pytest.raises(DataError, match=r"class x has no image to train on; lower data\.foreground"):
        prepare(settings(tmp_path / "x", split="none", foreground=0.1))
    blank[:16] = 90
    write(tmp_path / "x" / "b.png", blank)
    made = prepare(settings(tmp_path / "x", split="none", foreground=0.1))
    assert made.refused == []
    assert len(made.splits["train"]) == 24  # two rows, and one that dilation reaches


def test_damaged_small_and_unreadable_images_are_named_and_the_rest_is_kept(cache: Path, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "x")
    content = (root / "tumour" / "0.png").read_bytes()
    (root / "tumour" / "0.png").write_bytes(content[: len(content) // 2])
    (root / "tumour" / "1.png").write_bytes(b"not an image")
    write(root / "stroma" / "2.tif", coded(2, 40, 7))
    made = prepare(settings(root, split="none"))
    reasons = {one["name"]: one["reason"] for one in made.refused}
    assert sorted(reasons) == ["stroma/2.tif", "tumour/0.png", "tumour/1.png"]
    assert reasons["stroma/2.tif"] == "40 x 7 pixels; a patch needs 8 x 8: lower data.size"
    assert reasons["tumour/0.png"].startswith("not a readable image")
    assert "\n" not in "".join(reasons.values())
    kept = set(made.splits["train"].images[:, 0, 0, 0].tolist())
    assert kept == {0, 1, 3, 4, 102, 103, 104}


def test_gray_images_give_one_channel_unless_there_are_coloured_ones(cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "x" / "a.png", coded(1)[..., 1])
    assert load(settings(tmp_path / "x", split="none"), "train").image_shape == (1, 8, 8)
    write(tmp_path / "x" / "b.png", coded(1))
    assert load(settings(tmp_path / "x", split="none"), "train").image_shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", "needs data.path"),
        ("none", "no such file or folder"),
        ("empty", r"empty: no images in it; .*\.png"),
        ("scikit-image:nothing.png", r"not bundled with scikit-image; .*ihc\.png"),
    ],
)
def test_missing_originals_are_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, fault: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=fault):
        prepare(settings(path))


def test_missing_scikit_image_is_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="scikit-image is not installed"):
        prepare(settings("scikit-image:ihc.png"))


def test_the_bundled_photograph_is_cut(cache: Path) -> None:
    asked = settings("scikit-image:ihc.png", size=64, stride=32, split="right")
    made = prepare(asked)
    assert [len(images) for images in made.splits.values()] == [11 * 15, 2 * 15]
    assert made.splits["train"].class_names == ("ihc",)
    assert made.manifest["originals"]["sha256"].keys() == {"ihc.png"}
    tissue = prepare(asked.model_copy(update={"foreground": 0.5}))
    assert len(tissue.splits["train"]) < 11 * 15


@pytest.mark.parametrize("more", [{}, {"split": "right"}, {"split": "random"}, {"split": "none"}, {"fraction": 0.5}])
def test_survey_bounds_what_is_loaded(cache: Path, tmp_path: Path, more: dict[str, object]) -> None:
    asked = settings(two_classes(tmp_path / "x"), **more)
    found = survey(asked)
    assert not cache.exists()
    assert (found.train, found.held_out) == (len(load(asked, "train")), len(load(asked, "held_out")))
    assert found.at_most


def test_defaults_spelled_out_are_the_same_set(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.png", coded(1, 255, 128))
    first = prepare(settings(path, size=0, split="none"))
    assert prepare(settings(path, size=128, stride=128, split="none", seed=3, held_out=0.5)).folder == first.folder
    assert whole(255) == (0, 255)


def test_images_beyond_pillows_limit_are_read(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.png", coded(1))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert len(load(settings(path, split="none"), "train")) == 15
    assert Image.MAX_IMAGE_PIXELS == 100


def corners(path: Path, **more: object) -> set[tuple[int, int, int]]:
    return origin(load(settings(path, split="none", **more), "train").images)


def test_a_centred_grid_leaves_as_much_on_both_sides(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.png", coded(7, 44, 30))
    assert corners(path, fit="crop") == {(7, top, left) for top in (3, 11, 19) for left in range(2, 42, 8)}
    assert corners(path) == {(7, top, left) for top in (0, 8, 16) for left in range(0, 40, 8)}


@pytest.mark.parametrize("background", ["black", "white"])
def test_padded_images_are_covered_whole_and_share_nothing_across_a_border(
    cache: Path, tmp_path: Path, background: str
) -> None:
    picture = coded(7, 20, 12)
    options = {"fit": "pad", "background": background, "stride": 8, "split": "right", "held_out": 0.5}
    made = prepare(settings(write(tmp_path / "x.png", picture), **options))
    level = 255 if background == "white" else 0
    for split, part in (("train", picture[:, :10]), ("held_out", picture[:, 10:])):
        whole = np.full((16, 16, 3), level, np.uint8)
        whole[2:14, 3:13] = part
        patches = made.splits[split].images.transpose(0, 2, 3, 1).reshape(2, 2, 8, 8, 3)  # type: ignore[index]
        np.testing.assert_array_equal(patches.transpose(0, 2, 1, 3, 4).reshape(16, 16, 3), whole)


def test_images_are_scaled_to_whole_patches(cache: Path, tmp_path: Path) -> None:
    picture = coded(7, 27, 14)
    path = write(tmp_path / "x.png", picture)
    images = load(settings(path, split="none", fit="resize"), "train").images
    scaled = np.asarray(Image.fromarray(picture).resize((24, 16), Image.Resampling.LANCZOS))
    tiles = images.transpose(0, 2, 3, 1).reshape(2, 3, 8, 8, 3).transpose(0, 2, 1, 3, 4).reshape(16, 24, 3)
    np.testing.assert_array_equal(tiles, scaled)
    assert survey(settings(path, split="none", fit="resize")).train == 6


def test_background_is_no_foreground(cache: Path, tmp_path: Path) -> None:
    picture = np.full((8, 12, 3), 250, np.uint8)
    picture[:, :10] = (120, 80, 60)
    path = write(tmp_path / "x.png", picture)
    options = {"fit": "pad", "split": "none"}
    assert len(load(settings(path, foreground=0.7, **options), "train")) == 2  # 2 columns of padding on either side
    with pytest.raises(DataError, match="has no image to train on"):
        load(settings(path, foreground=0.8, **options), "train")


def test_a_left_out_slide_does_not_decide_the_channels(cache: Path, tmp_path: Path) -> None:
    for k in range(3):
        write(tmp_path / "x" / f"{k}.png", coded(k)[:, :, 0])
    damaged = write(tmp_path / "x" / "colour.png", coded(9))
    assert load(settings(tmp_path / "x"), "train").image_shape[0] == 3
    damaged.write_bytes(damaged.read_bytes()[:60])
    made = prepare(settings(tmp_path / "x"))
    assert made.splits["train"].image_shape[0] == 1
    assert [one.name for one in made.left_out] == ["colour.png"]


def test_deep_slides_are_left_out_by_name_unless_a_range_is_said(cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "x" / "bytes.png", coded(1)[:, :, 1])
    deep = coded(2)[:, :, 1].astype(np.uint16) * 100
    write(tmp_path / "x" / "deep.png", deep)
    made = prepare(settings(tmp_path / "x", split="none"))
    assert [one.name for one in made.left_out] == ["deep.png"]
    assert "more than 8 bits a channel (uint16, values from 0 to 2300)" in made.left_out[0].reason
    images = load(settings(tmp_path / "x" / "deep.png", split="none", range="minmax"), "train").images
    assert sorted(set(images.ravel().tolist())) == [round(k * 255 / 23) for k in range(24)]
    with pytest.raises(DataError, match=r'images of uint16 and uint8; data\.range = "minmax" needs one type'):
        prepare(settings(tmp_path / "x", range="minmax"))
