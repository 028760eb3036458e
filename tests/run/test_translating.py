"""A user's images through a translator: names, sizes, tiles, halves, and one line where it can't be."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan.errors import RunError
from steergan.run.translating import Wish, in_words, translate
from tests.notes import Notes


def picture(path: Path, height: int, width: int, colour: bool = True) -> Path:
    stream = np.random.default_rng(height * width)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stream.integers(0, 256, (height, width, 3)[: 2 + colour], dtype=np.uint8)).save(path)
    return path


def made(pair_run: Path, images: Path, out: Path, **wish: object) -> list[np.ndarray]:  # type: ignore[type-arg]
    found = translate(pair_run, images, out, wish=Wish(**wish), report=Notes())  # type: ignore[arg-type]
    return [np.asarray(Image.open(file)).astype(int) for file in found.files]


def test_images_of_any_size_keep_size_and_name(pair_run: Path, tmp_path: Path) -> None:
    sizes = {"a.png": (16, 16), "deep/b.jpg": (15, 22), "deep/c.bmp": (3, 40)}
    for name, size in sizes.items():
        picture(tmp_path / "in" / name, *size)
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    found = translate(pair_run, tmp_path / "in", tmp_path / "out", wish=Wish(), report=Notes())
    assert {file.relative_to(tmp_path / "out").as_posix() for file in found.files} == {
        "a.png",
        "deep/b.png",
        "deep/c.png",
    }
    for name, (height, width) in sizes.items():
        with Image.open((tmp_path / "out" / name).with_suffix(".png")) as image:
            assert (image.size, image.mode) == ((width, height), "RGB")
    assert list(in_words(found)) == ["mirrored at the borders and cropped again, up to 1 rows and 2 columns: 2"]


def test_a_turned_image_has_the_turned_translation_whole_or_in_tiles(pair_run: Path, tmp_path: Path) -> None:
    upright = picture(tmp_path / "upright.png", 40, 40)
    Image.open(upright).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png")
    for tile in (0, 24):
        (one,), (other,) = (
            made(pair_run, tmp_path / f"{name}.png", tmp_path / "out", tile=tile, overlap=8)
            for name in ("upright", "turned")
        )
        assert np.abs(np.rot90(one) - other).max() <= 1


def test_tiles_are_blended_and_their_seams_are_told(pair_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "x.png", 32, 96)
    found = translate(pair_run, path, tmp_path / "tiled", wish=Wish(tile=32, overlap=16), report=Notes())
    assert found.fits[0].tiles == 5
    assert 0 < found.fits[0].seam < 60  # instance norms see a tile's own moments
    assert any(line.startswith("in tiles: 1; where two overlap they differ by") for line in in_words(found))


def test_halves_of_files_are_translated(pair_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "both.png", 16, 32)
    Image.open(path).crop((16, 0, 32, 16)).save(tmp_path / "right.png")
    (half,), (alone,) = (
        made(pair_run, path, tmp_path / "a", half="right"),
        made(pair_run, tmp_path / "right.png", tmp_path / "b"),
    )
    np.testing.assert_array_equal(half, alone)


def test_a_range_says_what_deep_images_hold(pair_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "plain.png", 16, 16)
    deep = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16
    Image.fromarray(deep).save(tmp_path / "deep.png")
    plain = Image.fromarray((deep // 16).astype(np.uint8))
    plain.save(path)
    with pytest.raises(RunError, match=r"say with data.range \(--range\)"):
        made(pair_run, tmp_path / "deep.png", tmp_path / "a")
    (found,), (wanted,) = (
        made(pair_run, tmp_path / "deep.png", tmp_path / "b", range=(0.0, 16 * 255.0)),
        made(pair_run, path, tmp_path / "c"),
    )
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(RunError, match=r"range 5,5: two numbers with low < high"):
        made(pair_run, path, tmp_path / "d", range=(5.0, 5.0))


def test_what_can_not_be_translated_is_one_line(pair_run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no image to translate"):
        translate(pair_run, tmp_path / "empty", tmp_path / "out", wish=Wish(), report=Notes())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_bytes(b"nothing")
    with pytest.raises(RunError, match="none of 1 images could be translated"):
        translate(pair_run, tmp_path / "bad", tmp_path / "out", wish=Wish(), report=Notes())
    picture(tmp_path / "bad" / "y.png", 8, 8)
    found = translate(pair_run, tmp_path / "bad", tmp_path / "out", wish=Wish(), report=Notes())
    assert len(found.files) == len(found.left_out) == 1
    picture(tmp_path / "bad" / "y.jpg", 8, 8)
    with pytest.raises(RunError, match="would have one translation; rename one of them"):
        translate(pair_run, tmp_path / "bad", tmp_path / "out", wish=Wish(), report=Notes())


def test_images_are_never_overwritten_and_translations_not_translated_again(pair_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "in" / "a.png", 8, 8)
    before = path.read_bytes()
    for images in (tmp_path / "in", path):
        with pytest.raises(RunError, match="in: holds the images themselves; translations want a folder of their own"):
            translate(pair_run, images, tmp_path / "other" / ".." / "in", wish=Wish(), report=Notes())
    assert path.read_bytes() == before
    for _ in range(2):
        found = translate(pair_run, tmp_path / "in", tmp_path / "in" / "out", wish=Wish(), report=Notes())
        assert [file.relative_to(tmp_path).as_posix() for file in found.files] == ["in/out/a.png"]


@pytest.mark.parametrize("deep", [False, True])
def test_minmax_is_of_each_file_by_itself(deep: bool, pair_run: Path, tmp_path: Path) -> None:
    levels = np.arange(64, dtype=np.uint16).reshape(8, 8) * (100 if deep else 2) + 7
    levels = levels if deep else levels.astype(np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(levels).save(tmp_path / "in" / "a.png")
    (found,) = made(pair_run, tmp_path / "in", tmp_path / "a", range="minmax")
    (wanted,) = made(pair_run, tmp_path / "in", tmp_path / "b", range=(float(levels.min()), float(levels.max())))
    assert (found == wanted).all()
