"""Pictures of any size become pictures of one, about their centre."""

from collections.abc import Callable, Mapping, Sequence

from PIL import Image, ImageOps

Size = tuple[int, int]
"""(H, W)."""
SMOOTH = Image.Resampling.LANCZOS
"""How pixels are resampled; antialiased where a picture gets smaller."""


def cropped(picture: Image.Image, size: Size, background: int) -> Image.Image:
    """Scaled until it covers the size; what stands over on both sides is cut off."""
    return ImageOps.fit(picture, size[::-1], SMOOTH)


def resized(picture: Image.Image, size: Size, background: int) -> Image.Image:
    """Each side scaled by itself."""
    return picture.resize(size[::-1], SMOOTH)


def padded(picture: Image.Image, size: Size, background: int) -> Image.Image:
    """Scaled until it fits inside; the rest on both sides is background."""
    return ImageOps.pad(picture, size[::-1], SMOOTH, color=(background,) * len(picture.getbands()))


FITS: Mapping[str, Callable[[Image.Image, Size, int], Image.Image]] = {
    "crop": cropped,
    "resize": resized,
    "pad": padded,
}


def fitted(picture: Image.Image, size: Size, fit: str, background: int) -> Image.Image:
    """A picture of 8 bits in a size (H, W); itself if it has that.

    Args:
        picture: gray or RGB.
        size: (H, W).
        fit: `crop`, `resize` or `pad`; `auto`: the sides have the same ratio as before, and all three are one.
        background: gray level around a padded picture.
    """
    if (picture.height, picture.width) == size:
        return picture
    return FITS["resize" if fit == "auto" else fit](picture, size, background)


def commonest(sizes: Sequence[Size]) -> Size:
    """The size that most have; of several the largest."""
    counts: dict[Size, int] = {}
    for size in sizes:
        counts[size] = counts.get(size, 0) + 1
    return max(counts, key=lambda size: (counts[size], size[0] * size[1], size))
