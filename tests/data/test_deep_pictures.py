"""More than 8 bits a channel: never cut in silence, and right to the level, against values that are known."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from steergan.data.folder import read_image
from steergan.data.picture_files import Reading, header
from steergan.errors import DataError

TWELVE = np.random.default_rng(0).integers(0, 4096, (5, 7, 4)).astype(np.uint16)
"""What cameras and microscopes write into 16 bits."""
WHOLE, CAMERA = Reading("dtype"), Reading((0.0, 4095.0))


def write_png(path: Path, pixels: NDArray[np.uint16], colour: int) -> Path:
    """A PNG of 16 bits a channel, as the format's standard says it: gray 0, RGB 2, gray and alpha 4, RGBA 6."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def part(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour, 0, 0, 0)
    content = part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


def first(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Bytes (C, H, W) of values (H, W, C), by the definition."""
    scaled = np.rint((values.astype(np.float64) - low) * 255 / (float(high) - float(low)))
    return np.clip(scaled, 0, 255).astype(np.uint8).transpose(2, 0, 1)


DEEP: dict[str, tuple[NDArray[Any], Any]] = {
    "gray.png": (TWELVE[..., :1], lambda path, v: write_png(path, v, 0)),
    "rgb.png": (TWELVE[..., :3], lambda path, v: write_png(path, v, 2)),
    "gray.tif": (TWELVE[..., :1], lambda path, v: tifffile.imwrite(path, v[..., 0])),
    "rgb.tif": (TWELVE[..., :3], lambda path, v: tifffile.imwrite(path, v, photometric="rgb")),
    "zipped.tif": (TWELVE[..., :3], lambda path, v: tifffile.imwrite(path, v, photometric="rgb", compression="zlib")),
    "planes.tif": (
        TWELVE[..., :3],
        lambda path, v: tifffile.imwrite(path, np.moveaxis(v, -1, 0), photometric="rgb", planarconfig="separate"),
    ),
    "rgb.ppm": (TWELVE[..., :3], lambda path, v: path.write_bytes(b"P6 7 5 65535\n" + v.astype(">u2").tobytes())),
    "gray.pgm": (TWELVE[..., :1], lambda path, v: path.write_bytes(b"P5 7 5 65535\n" + v.astype(">u2").tobytes())),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_images_are_refused_unless_a_range_is_said_and_then_right_to_the_level(name: str, tmp_path: Path) -> None:
    values, write = DEEP[name]
    path = tmp_path / name
    write(path, values)
    low, high = values.min(), values.max()
    with pytest.raises(DataError, match=rf"more than 8 bits a channel \(uint16, values from {low} to {high}\)"):
        read_image(path)
    np.testing.assert_array_equal(read_image(path, CAMERA), first(values, 0, 4095))
    np.testing.assert_array_equal(read_image(path, WHOLE), first(values, 0, 65535))
    np.testing.assert_array_equal(read_image(path, Reading((1000.0, 2000.0))), first(values, 1000, 2000))
    found = header(path)
    assert found
    assert (found.size, found.gray) == ((7, 5), values.shape[2] == 1)


@pytest.mark.parametrize("kind", ["int16", "int32", "uint32", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_other_types_of_tiff_end_where_their_values_do(kind: str, channels: int, tmp_path: Path) -> None:
    dtype = np.dtype(kind)
    ends = (0.0, 1.0) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = np.linspace(float(ends[0]), float(ends[1]), 35 * channels).reshape(5, 7, channels).astype(dtype)
    tifffile.imwrite(
        tmp_path / "x.tif", values if channels == 3 else values[..., 0], photometric="rgb" if channels == 3 else None
    )
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif", WHOLE), first(values, *ends))
    found = header(tmp_path / "x.tif")
    assert found
    assert (found.size, found.gray) == ((7, 5), channels == 1)


@pytest.mark.parametrize(("colour", "channels"), [(4, 2), (6, 4)])
def test_deep_images_lie_on_the_background_where_they_are_see_through(
    colour: int, channels: int, tmp_path: Path
) -> None:
    values = TWELVE[..., :channels].copy()
    values[..., -1] = 65535
    np.testing.assert_array_equal(
        read_image(write_png(tmp_path / "x.png", values, colour), CAMERA), first(values[..., :-1], 0, 4095)
    )
    values[..., -1] = 13107  # a fifth
    seen = read_image(write_png(tmp_path / "x.png", values, colour), Reading((0.0, 4095.0), background=255))
    np.testing.assert_allclose(seen, first(values[..., :-1], 0, 4095) * 0.2 + 255 * 0.8, atol=0.5 + 1e-9)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_images_are_turned_as_pillow_turns_shallow_ones(orientation: int, tmp_path: Path) -> None:
    shallow = (TWELVE[..., :3] // 16).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(shallow).save(tmp_path / "shallow.png", exif=exif)
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "deep.tif", shallow.astype(np.uint16) * 257, photometric="rgb", extratags=[tag])
    np.testing.assert_array_equal(read_image(tmp_path / "deep.tif", WHOLE), read_image(tmp_path / "shallow.png"))


def test_white_may_be_the_lowest_value(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", TWELVE[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif", CAMERA), 255 - first(TWELVE[..., :1], 0, 4095))


@pytest.mark.parametrize("name", ["gray.pfm", "gray.pgm"])
def test_portable_float_maps_hold_floats(name: str, tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype="<f4").reshape(3, 4, 1)
    # Rows from the bottom up; a negative scale says that the lowest byte comes first.
    (tmp_path / name).write_bytes(b"Pf\n4 3\n-1.0\n" + values[::-1].tobytes())
    assert (read_image(tmp_path / name, WHOLE) == first(values, 0, 1)).all()


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    for photometric, values in (("minisblack", np.full((4, 4), np.nan)), ("rgb", np.full((4, 4, 3), np.inf))):
        tifffile.imwrite(tmp_path / "x.tif", values.astype(np.float32), photometric=photometric)
        with pytest.raises(DataError, match=r"x\.tif: values that are no finite numbers"):
            read_image(tmp_path / "x.tif", Reading((0.0, 1.0)))


def test_channels_that_are_neither_gray_nor_rgb_are_refused(tmp_path: Path) -> None:
    values = np.zeros((4, 4, 5), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack", planarconfig="contig")
    with pytest.raises(DataError, match=r"5 channels of uint16, MINISBLACK; gray or RGB was wanted"):
        read_image(tmp_path / "x.tif", WHOLE)
