"""What image files become: formats, names and limits."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from steergan.data.folder import read_image
from steergan.data.picture_files import ENDINGS, FORMATS, Reading
from steergan.errors import DataError

WHOLE = Reading("dtype")
COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_a_range_stretches_bytes_too(tmp_path: Path) -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(gray).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", WHOLE)[0], gray)
    stretched = read_image(tmp_path / "x.png", Reading((50.0, 100.0)))
    np.testing.assert_array_equal(stretched, np.clip(np.rint((gray[None] - 50.0) * 255 / 50), 0, 255))


def test_only_the_promised_formats_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow starts Ghostscript for PostScript, whatever a file is called."""
    monkeypatch.setattr("subprocess.check_call", lambda *a, **k: pytest.fail("a program was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: pytest.fail("a program was started"))
    picture = Image.fromarray(COLOURS)
    for kind in ("EPS", "GIF", "TGA", "ICO", "PCX", "PDF", "SGI", "JPEG2000", "AVIF"):
        path = tmp_path / f"{kind}.png"
        try:
            picture.save(path, kind)
        except (KeyError, OSError):
            continue  # this Pillow can't write it
        with pytest.raises(DataError, match=rf"{kind}\.png: not a readable image"):
            read_image(path)
    assert {Image.registered_extensions()[ending] for ending in ENDINGS} == set(FORMATS)


def test_the_name_of_a_file_does_not_decide_its_format(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.bmp")
    shutil.copy(tmp_path / "x.bmp", tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), read_image(tmp_path / "x.bmp"))


def test_images_of_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(DataError, match=r"bomb\.png: 20000 x 10000 pixels; at most 100,000,000 are read"):
        read_image(tmp_path / "bomb.png")
    tifffile.imwrite(tmp_path / "deep.tif", np.zeros((1, 1, 3), np.float32), photometric="rgb")
    with pytest.raises(DataError, match="1 x 1 pixels; at most 0 are read"):
        read_image(tmp_path / "deep.tif", Reading(most_pixels=0))


def test_the_first_picture_of_a_phone_is_taken(tmp_path: Path) -> None:
    colours = [Image.fromarray(np.full((8, 8, 3), level, np.uint8)) for level in (200, 20)]
    colours[0].save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=colours[1:])
    assert abs(int(read_image(tmp_path / "phone.jpg").mean()) - 200) < 3


def test_odd_bytes_are_one_line(tmp_path: Path) -> None:
    """Whatever a decoder raises: headers of every format, with a few bytes changed."""
    picture, stream = Image.fromarray(COLOURS), np.random.default_rng(0)
    for kind in FORMATS:
        path = tmp_path / kind
        picture.save(path, kind)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(30):
            damaged = whole.copy()
            damaged[stream.integers(0, min(len(whole), 120), 3)] = stream.integers(0, 256, 3)
            path.write_bytes(damaged.tobytes())
            try:
                read_image(path, WHOLE)
            except DataError as error:
                assert "\n" not in str(error)  # noqa: PT017
