from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan.data import load, survey
from steergan.data.folder import MAY_BE_PAIRS, read_image
from steergan.errors import DataError
from steergan.recipe.data import Folder

COLOURS = np.random.default_rng(0).integers(0, 256, (40, 6, 9, 3), dtype=np.uint8)


def settings(path: Path, held_out: float = 0.2) -> Folder:
    return Folder(path=str(path), held_out=held_out)


def save(path: Path, array: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def two_classes(root: Path, count: int = 10) -> Path:
    for k in range(count):
        save(root / "cats" / f"{k:02}.png", COLOURS[k])
        save(root / "ants" / f"{k:02}.bmp", COLOURS[20 + k])
    return root


def test_classes_are_sub_folders_in_sorted_order(cache: Path, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "x")
    (root / ".hidden").mkdir()
    save(root / "cats" / ".DS_Store.png", COLOURS[0])
    (root / "cats" / "notes.txt").write_text("not an image")
    train, held_out = load(settings(root), "train"), load(settings(root), "held_out")
    assert train.class_names == ("ants", "cats")
    assert train.image_shape == (3, 6, 9)
    np.testing.assert_array_equal(np.bincount(train.labels), [8, 8])
    np.testing.assert_array_equal(np.bincount(held_out.labels), [2, 2])
    pixels = {image.tobytes() for image in np.concatenate([train.images, held_out.images])}
    assert pixels == {COLOURS[k].transpose(2, 0, 1).tobytes() for k in [*range(10), *range(20, 30)]}
    ants = {image.tobytes() for image in train.images[train.labels == 0]}
    assert ants < {COLOURS[k].transpose(2, 0, 1).tobytes() for k in range(20, 30)}


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "TIFF", "webp", "ppm", "jpg"])
def test_formats_are_read(tmp_path: Path, ending: str) -> None:
    smooth = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    path = tmp_path / f"x.{ending}"
    Image.fromarray(smooth).save(path, lossless=True)  # what WebP asks for; others don't listen
    assert np.abs(read_image(path).astype(int) - smooth.transpose(2, 0, 1)).max() <= (3 if ending == "jpg" else 0)


def test_grey_palette_one_bit_and_opaque_images_are_read(tmp_path: Path) -> None:
    grey = COLOURS[0, :, :, 0]
    rgb = Image.fromarray(COLOURS[0])
    np.testing.assert_array_equal(read_image(save(tmp_path / "g.png", grey)), grey[None])
    Image.fromarray(grey > 99).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), (grey > 99)[None] * 255)
    rgb.convert("RGBA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOURS[0].transpose(2, 0, 1))
    rgb.quantize(256).save(tmp_path / "p.png")
    expected = np.asarray(rgb.quantize(256).convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), expected)


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    Image.fromarray(COLOURS[0]).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), np.rot90(COLOURS[0], -1).transpose(2, 0, 1))


def test_folder_without_sub_folders_is_one_class(cache: Path, tmp_path: Path) -> None:
    for k in range(4):
        save(tmp_path / "x" / f"{k}.png", COLOURS[k])
    assert load(settings(tmp_path / "x"), "train").class_names == ("x",)
    assert len(load(settings(tmp_path / "x", held_out=0.5), "held_out")) == 2


@pytest.mark.parametrize("name", ["held_out", "test", "val"])
def test_a_split_in_folders_is_kept(cache: Path, tmp_path: Path, name: str) -> None:
    two_classes(tmp_path / "x" / "train", 3)
    two_classes(tmp_path / "x" / name, 1)
    assert len(load(settings(tmp_path / "x"), "train")) == 6
    held_out = load(settings(tmp_path / "x"), "held_out")
    assert held_out.class_names == ("ants", "cats")
    np.testing.assert_array_equal(held_out.images[1], COLOURS[0].transpose(2, 0, 1))


def test_splits_of_unlike_classes_are_refused(cache: Path, tmp_path: Path) -> None:
    two_classes(tmp_path / "x" / "train", 2)
    save(two_classes(tmp_path / "x" / "test", 2) / "dogs" / "0.png", COLOURS[0])
    with pytest.raises(DataError, match="all splits must hold the same classes; dogs is only held out"):
        load(settings(tmp_path / "x"), "train")


def test_the_commonest_size_is_the_norm_and_odd_ones_are_refused_by_name(cache: Path, tmp_path: Path) -> None:
    save(two_classes(tmp_path / "x") / "ants" / "00.bmp", COLOURS[0, :5])  # the first of all files
    with pytest.raises(DataError, match=r"of another size than 9 x 6, the commonest: 1 \(ants/00\.bmp: 9 x 5\)"):
        load(settings(tmp_path / "x"), "train")


def test_gray_images_become_colour_beside_colour_and_stay_gray_alone(cache: Path, tmp_path: Path) -> None:
    gray = COLOURS[:4, :, :, 0]
    for k in range(4):
        save(tmp_path / "x" / f"{k}.png", gray[k])
    assert load(settings(tmp_path / "x"), "train").image_shape == (1, 6, 9)
    save(tmp_path / "x" / "4.png", COLOURS[4])
    images = np.concatenate([load(settings(tmp_path / "x"), split).images for split in ("train", "held_out")])
    wanted = {np.stack([one] * 3).tobytes() for one in gray} | {COLOURS[4].transpose(2, 0, 1).tobytes()}
    assert {image.tobytes() for image in images} == wanted


def test_a_file_that_is_left_out_decides_nothing(cache: Path, tmp_path: Path) -> None:
    for k in range(5):
        save(tmp_path / "x" / f"{k}.png", COLOURS[k, :, :, 0])
    for k in range(6):  # colour, larger, and cut short
        cut = save(tmp_path / "x" / f"cut{k}.png", np.tile(COLOURS[k], (3, 3, 1)))
        cut.write_bytes(cut.read_bytes()[:200])
    assert load(settings(tmp_path / "x").model_copy(update={"skip_damaged": True}), "train").image_shape == (1, 6, 9)


def test_damaged_image_is_refused_by_name(cache: Path, tmp_path: Path) -> None:
    damaged = two_classes(tmp_path / "x") / "cats" / "05.png"
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(DataError, match=r"05\.png: not a readable image"):
        load(settings(tmp_path / "x"), "train")
    damaged.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"05\.png: not a readable image"):
        load(settings(tmp_path / "x"), "train")


def test_what_eight_bits_of_grey_or_rgb_cannot_hold_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "deep.png", np.full((4, 4), 4000, np.uint16))
    with pytest.raises(DataError, match="more than 8 bits a channel"):
        read_image(tmp_path / "deep.png")
    pages = [Image.fromarray(image) for image in COLOURS[:2]]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match="2 pages in one file"):
        read_image(tmp_path / "pages.tif")


def test_folders_that_hold_no_set_are_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs data\.path"):
        load(Folder(), "train")
    (tmp_path / "x").mkdir()
    with pytest.raises(DataError, match="no images in it"):
        load(settings(tmp_path / "x"), "train")
    file = save(tmp_path / "one.png", COLOURS[0])
    with pytest.raises(DataError, match="is a file"):
        load(settings(file), "train")
    (two_classes(tmp_path / "x") / "dogs").mkdir()
    with pytest.raises(DataError, match=r"class folders without an image: 1 \(dogs\)"):
        load(settings(tmp_path / "x"), "train")
    (tmp_path / "x" / "dogs").rmdir()
    save(tmp_path / "x" / "beside.png", COLOURS[0])
    with pytest.raises(DataError, match=r"beside class folders: 1 \(beside\.png\), move"):
        load(settings(tmp_path / "x"), "train")


def test_a_changed_image_is_not_served_stale(cache: Path, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "x")
    before = load(settings(root), "train").checksum
    assert load(settings(root), "train").checksum == before
    for k in range(10):
        save(root / "cats" / f"{k:02}.png", COLOURS[10 + k])
    assert load(settings(root), "train").checksum != before


@pytest.mark.parametrize("names", [("input", "output"), ("cats", "dogs"), ()])
def test_classes_that_may_be_pairs_are_noticed(tmp_path: Path, names: tuple[str, ...]) -> None:
    wide = np.concatenate([COLOURS[:, :, :6], COLOURS[:, :, :6]], axis=2)
    for k in range(10):
        for name in names or ("",):
            save(tmp_path / name / f"{k}.png", COLOURS[k] if names else wide[k])
    found = survey(settings(tmp_path)).account.notes
    assert (MAY_BE_PAIRS in found) == ("cats" not in names)
