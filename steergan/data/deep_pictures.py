"""Image files of more than 8 bits a channel, which Pillow cuts down to 8 in silence where they are in colour."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from steergan.data.decoded import ORIENTATION, SEE_THROUGH, Decoded, check_size, ends_of
from steergan.errors import DataError
from steergan.extras import needed_by


def is_tiff(path: Path) -> bool:
    """Whether a file begins as TIFF, or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def arguments_of(image: Image.Image) -> Any:
    """What Pillow tells its decoder about the pixels of an opened file."""
    tiles = getattr(image, "tile", None)
    return tiles[0].args if tiles else ""


def is_deep(image: Image.Image) -> bool:
    """Whether an opened file has more than 8 bits a channel; Pillow cuts those of colour images down in silence."""
    if image.mode.startswith(("I", "F")):
        return True
    arguments = arguments_of(image)
    if image.format == "PPM":
        return isinstance(arguments, tuple) and isinstance(arguments[-1], int) and arguments[-1] > 255
    if image.format == "TIFF":
        return max(getattr(image, "tag_v2", {}).get(258, (1,))) > 8
    return image.format == "PNG" and ";16" in str(arguments)


def deep_gray(path: Path, image: Image.Image, traits: tuple[str, ...]) -> Decoded:
    """A gray image whose values Pillow keeps, in the type that its file has."""
    tags = getattr(image, "tag_v2", {})
    floats = image.mode.startswith("F")  # a portable float map has no tags
    kind = {1: "u", 2: "i", 3: "f"}[tags.get(339, (1,))[0]] if tags else "f" if floats else "u"
    bits = int(tags.get(258, (32 if floats else 16,))[0])
    if "transparency" in image.info:
        raise DataError(f"{path}: 16 bits a channel, one level see-through; save it without")
    values = np.asarray(image).astype(f"{kind}{max(bits, 16) // 8}")[..., None]
    return checked(path, Decoded(values, None, traits, white_is_low=tags.get(262) == 0))


def deep_png(path: Path, most_pixels: int) -> Decoded:
    """A PNG of 16 bits a channel in colour, or with opacity."""
    import torch  # seconds to import, and only needed here

    with needed_by(f"{path} (16 bits a channel)"):
        from torchvision.io import ImageReadMode, decode_png

    with Image.open(path, formats=["PNG"]) as image:
        image.load()  # what libpng lets pass
        turn = image.getexif().get(ORIENTATION, 1)
        if "transparency" in image.info:
            raise DataError(f"{path}: 16 bits a channel, one colour see-through; save it without, or as RGBA")
    content = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    values = decode_png(content, ImageReadMode.UNCHANGED).numpy().transpose(1, 2, 0)
    return checked(path, with_opacity(upright(values, turn)))


def deep_tiff(path: Path, most_pixels: int) -> Decoded:
    """A TIFF of other values than bytes.

    Raises:
        DataError: as `decode`; a compression that needs another package.
    """
    with needed_by(f"{path} (a TIFF of other values than bytes)"):
        import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        check_size(path, (page.imagewidth, page.imagelength), most_pixels)
        if len(file.pages) > 1:
            raise DataError(f"{path}: {len(file.pages)} pages in one file; save each as a file of its own")
        try:
            values = page.asarray()
        except (KeyError, ValueError) as error:
            if "imagecodecs" not in str(error):
                raise
            name = tifffile.COMPRESSION(page.compression).name
            remedy = "pip install imagecodecs, or save it without compression"
            raise DataError(f"{path}: {name} compression of {page.dtype} colours can't be read; {remedy}") from None
        if page.axes.startswith("S"):
            values = np.moveaxis(values, 0, -1)
        values = values if values.ndim == 3 else values[..., None]
        colours = {0: 1, 1: 1, 2: 3}.get(int(page.photometric), 0)
        if values.shape[2] - colours not in (0, 1) or values.dtype.kind not in "uif":
            what = f"{values.shape[2]} channels of {values.dtype}, {tifffile.PHOTOMETRIC(page.photometric).name}"
            raise DataError(f"{path}: {what}; gray or RGB was wanted: save it as such, or all images as a .npz file")
        turn = page.tags[ORIENTATION].value if ORIENTATION in page.tags else 1
        found = with_opacity(upright(values, int(turn)))
        return checked(path, found._replace(white_is_low=int(page.photometric) == 0))


def deep_ppm(path: Path, most_pixels: int) -> Decoded:
    """A binary PPM in colour, of 16 bits a channel; its largest value becomes that of uint16."""
    with Image.open(path, formats=["PPM"]) as image:
        tile = image.tile[0]
        width, height = image.size
        if not path.read_bytes()[:2] == b"P6":
            raise DataError(f"{path}: a PPM in letters, of more than 8 bits a channel; save it as PNG or TIFF")
        largest = int(tile.args[-1])  # type: ignore[index]
    values = np.fromfile(path, ">u2", count=width * height * 3, offset=tile.offset).reshape(height, width, 3)
    scaled = np.rint(np.minimum(values, largest) * (65535 / largest)).astype(np.uint16)
    return Decoded(scaled, None, ())


def with_opacity(values: NDArray[Any]) -> Decoded:
    """Colours and opacity of an array (H, W, 1 to 4)."""
    if values.shape[2] in (1, 3):
        return Decoded(values, None, ())
    low, high = ends_of(values.dtype)
    opacity = np.clip((values[..., -1] - max(low, 0.0)) / (high - max(low, 0.0)), 0, 1)
    if (opacity == 1).all():
        return Decoded(values[..., :-1], None, ())
    return Decoded(values[..., :-1], opacity, (SEE_THROUGH,))


def upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An array (H, W, C), turned and mirrored as an EXIF note says."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values[::-1] if orientation in (3, 4, 7, 8) else values


def checked(path: Path, decoded: Decoded) -> Decoded:
    """Refuse values that are no numbers."""
    if decoded.dtype.kind == "f" and not np.isfinite(np.asarray(decoded.colours)).all():
        raise DataError(f"{path}: values that are no finite numbers; replace or remove it")
    return decoded
