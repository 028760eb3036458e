"""Image files become upright pictures of 8 bits, gray or RGB; and which formats are opened."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from steergan.data.decoded import ORIENTATION, SEE_THROUGH, Decoded, check_size, ends_of, stretched
from steergan.data.deep_pictures import arguments_of, deep_gray, deep_png, deep_ppm, deep_tiff, is_deep, is_tiff
from steergan.data.images import Pixels
from steergan.errors import DataError
from steergan.extras import needed_by
from steergan.recipe.data import DataSettings, Extent

ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".ppm", ".pgm"}
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM")
"""What is opened, whatever a file's name says; Pillow knows more, and starts other programs for some."""
MOST_PIXELS = 100_000_000
"""Of an image that is read as a whole."""
MOST_PIXELS_OF_SLIDES = 4_000_000_000
"""Of an image that patches are cut from: 16 GB while it is cut."""


@dataclass(frozen=True)
class Reading:
    """How image files are read.

    Args:
        extent: what becomes 0 and 255.
        background: what lies behind see-through pixels, from 0 to 255.
        most_pixels: of a file.
    """

    extent: Extent = "auto"
    background: int = 0
    most_pixels: int = MOST_PIXELS


PLAIN = Reading()
BACKGROUNDS = {"black": 0, "white": 255}


def reading_of(settings: DataSettings) -> Reading:
    """How settings want files to be read."""
    return Reading(settings.range, BACKGROUNDS[settings.background])


def as_pixels(picture: Image.Image) -> Pixels:
    """A picture of 8 bits as uint8 (C, H, W)."""
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def read_picture(path: Path, reading: Reading = PLAIN) -> Image.Image:
    """An image file as Pillow's image of 8 bits, gray (mode L) or RGB, decoded and upright.

    Raises:
        DataError: damaged, several pages, too many pixels; more than 8 bits a channel and nothing said about these.
    """
    decoded = decode(path, reading.most_pixels)
    if decoded.dtype != np.uint8 and reading.extent == "auto":
        low, high = decoded.extremes
        raise DataError(
            f"{path}: more than 8 bits a channel ({decoded.dtype}, values from {low:g} to {high:g}); "
            "say with data.range (--range) which values become black and white, or convert it to 8 bits"
        )
    picture = eight_bits(decoded, reading.extent)
    return picture if decoded.opacity is None else on_background(picture, decoded.opacity, reading.background)


def eight_bits(decoded: Decoded, extent: Extent) -> Image.Image:
    """The colours with an extent of values stretched to 0 ... 255, rounded; what lies beyond is clipped."""
    if extent == "auto" or (extent == "dtype" and decoded.dtype == np.uint8):
        assert isinstance(decoded.colours, Image.Image)
        return decoded.colours
    assert extent != "minmax"  # of all files: whoever knows them says what it is
    low, high = ends_of(decoded.dtype) if extent == "dtype" else extent
    if isinstance(decoded.colours, Image.Image):
        table: list[int] = stretched(np.arange(256), low, high).tolist()
        return decoded.colours.point(table * len(decoded.colours.getbands()))
    levels = stretched(decoded.colours, low, high)
    levels = np.invert(levels) if decoded.white_is_low else levels
    return Image.fromarray(levels[..., 0] if decoded.gray else levels)


def on_background(picture: Image.Image, opacity: NDArray[Any], background: int) -> Image.Image:
    """What is seen of a picture in front of a gray level."""
    levels = np.asarray(picture, dtype=np.float64)
    opacity = opacity[..., None] if levels.ndim == 3 else opacity
    return Image.fromarray(np.rint(levels * opacity + background * (1 - opacity)).astype(np.uint8))


def decode(path: Path, most_pixels: int = MOST_PIXELS) -> Decoded:
    """What an image file holds, upright.

    Raises:
        DataError: damaged, several pages, too many pixels, values that are no numbers.
    """
    try:
        with large_images():
            try:
                image = Image.open(path, formats=FORMATS)
            except UnidentifiedImageError:
                if is_tiff(path):  # of values or channels that Pillow doesn't know
                    return deep_tiff(path, most_pixels)
                raise
            with image:
                check_size(path, image.size, most_pixels)
                pages = getattr(image, "n_frames", 1)
                if pages > 1 and image.format != "MPO":
                    raise DataError(f"{path}: {pages} pages in one file; save each as a file of its own")
                return decoded_from(path, image, most_pixels)
    except DataError:
        raise
    except Exception as error:  # whatever a decoder raises at odd bytes
        reason = " ".join(str(error).replace(f" {str(path)!r}", "").split()) or type(error).__name__
        raise DataError(f"{path}: not a readable image ({reason}); replace or remove it") from None


def decoded_from(path: Path, image: Image.Image, most_pixels: int) -> Decoded:
    """What an opened file holds."""
    deep = is_deep(image)  # asked first: to ask a PNG for its EXIF note is to decode it
    traits = ["turned upright, as their EXIF notes say"] if image.getexif().get(ORIENTATION, 1) != 1 else []
    if image.format == "MPO":
        traits.append("the first of several pictures in a JPEG")
    if deep and not image.mode.startswith(("I", "F")):
        read = {"PNG": deep_png, "TIFF": deep_tiff, "PPM": deep_ppm}[str(image.format)]
        found = read(path, most_pixels)
        return found._replace(traits=(*traits, *found.traits))
    ImageOps.exif_transpose(image, in_place=True)  # a copy of a slide is a gigabyte
    if image.mode.startswith(("I", "F")):
        return deep_gray(path, image, tuple(traits))
    return eight_bit_colours(image, traits)


def eight_bit_colours(image: Image.Image, traits: list[str]) -> Decoded:
    """An image of 8 bits in one of the two modes that we keep, gray or RGB, and its opacity."""
    opacity = None
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
        if image.getextrema()[-1] != (255, 255):
            opacity = np.asarray(image.getchannel("A")) / 255
            traits.append(SEE_THROUGH)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        traits.append(f"made RGB of {image.mode}")
    return Decoded(in_mode(image, "L" if image.mode in ("1", "L", "LA") else "RGB"), opacity, tuple(traits))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The image, decoded, in a mode of Pillow's; no copy if it has that mode."""
    image.load()
    return image if image.mode == mode else image.convert(mode)


class Header(NamedTuple):
    """What a file says without being decoded."""

    size: tuple[int, int]
    """Width and height, as it lies in the file."""
    gray: bool


def header(path: Path) -> Header | None:
    """The header of an image file; None if it can't be read."""
    try:
        with large_images(), Image.open(path, formats=FORMATS) as image:
            gray = image.mode in ("1", "L", "LA", "La") or image.mode.startswith(("I", "F"))
            return Header(image.size, gray or str(arguments_of(image)).startswith("LA;16"))
    except UnidentifiedImageError:
        if not is_tiff(path):
            return None
    except Exception:  # whatever a decoder raises at odd bytes
        return None
    with needed_by(f"{path} (a TIFF of other values than bytes)"):
        import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            return Header((page.imagewidth, page.imagelength), int(page.photometric) != 2)
    except Exception:  # likewise
        return None


@contextmanager
def large_images() -> Iterator[None]:
    """Let Pillow open images of any size, because slides are larger than what it takes for an attack; no warnings."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints about metadata; what matters is raised
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
