"""Images of any size through a network that takes some: padded and cropped, or in tiles that overlap."""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from steergan.errors import DataError

LEVELS = 127.5
"""Of 8 bits, in a difference of 1 between images in [-1, 1]."""
Network = Callable[[Tensor], Tensor]
"""(1, C, H, W) in [-1, 1] -> (1, C', H, W) in [-1, 1]."""


class Fit(NamedTuple):
    """How an image went through."""

    padded: tuple[int, int]
    """Rows and columns that were added, and cut off again."""
    tiles: int
    """1: the image went through whole."""
    seam: float
    """Where tiles overlap, the mean absolute difference of what they say of a pixel, in levels of 255; 0 of one."""


class Tiling(NamedTuple):
    """How images become tiles."""

    multiple: int
    """Sides of what the network takes are multiples of it."""
    tile: int = 0
    """Pixels per side of a tile, at most; 0: images go through whole."""
    overlap: int = 0
    """Pixels that neighbouring tiles share at least."""

    @property
    def pixels(self) -> int:
        """Per side of a tile, a multiple of what the network takes; 0: no tiles.

        Raises:
            DataError: tiles that overlap by more than half.
        """
        pixels = -(-self.tile // self.multiple) * self.multiple
        if pixels and 2 * self.overlap > pixels:
            raise DataError(
                f"tile = {self.tile} (tiles of {pixels} pixels), overlap = {self.overlap}; an overlap of at most "
                f"{pixels // 2} was wanted, or larger tiles"
            )
        return pixels


@torch.no_grad()
def translated(network: Network, image: Tensor, tiling: Tiling) -> tuple[Tensor, Fit]:
    """An image of any size, translated.

    What is added at its borders is a mirror image of what lies there, on both sides alike: of an odd number of rows or
    columns one more on either side by turns, and the mean of both, so that it turns with the image. Tiles are blended
    linearly where they overlap; each is normalised by itself, where the network has instance norms, which is what seams
    come from.

    Args:
        network: takes images whose sides are multiples of `tiling.multiple`.
        image: (C, H, W) in [-1, 1].
        tiling: tiles or none.

    Returns:
        (C', H, W), and how.

    Raises:
        DataError: tiles that overlap by more than half.

    Examples:
        >>> image = torch.linspace(-1, 1, 7 * 21).view(1, 7, 21)
        >>> same, fit = translated(lambda x: x, image, Tiling(multiple=4, tile=8, overlap=2))
        >>> torch.allclose(same, image, atol=1e-6), fit.padded, fit.tiles, round(fit.seam, 3)
        (True, (1, 3), 4, 0.0)
    """
    multiple, tile, height, width = tiling.multiple, tiling.pixels, *image.shape[1:]
    added = -height % multiple, -width % multiple
    ways = list(product(*({more // 2, more - more // 2} for more in added)))
    passes = [in_tiles(network, mirrored(image[None], added, before), tile, tiling.overlap) for before in ways]
    made = [
        x[0, :, top : top + height, left : left + width] for (x, _, _), (top, left) in zip(passes, ways, strict=True)
    ]
    return torch.stack(made).mean(0), Fit(added, passes[0][1], max(seam for _, _, seam in passes))


def in_tiles(network: Network, x: Tensor, tile: int, overlap: int) -> tuple[Tensor, int, float]:
    """An image (1, C, H, W) translated, whole or in tiles: (1, C', H, W), how many tiles, and the seam."""
    if not tile or max(x.shape[2:]) <= tile:
        return network(x), 1, 0.0
    tops, lefts = (starts(side, tile, overlap) for side in x.shape[2:])
    total = weights = seams = torch.zeros(())
    shared = 0
    for top in tops:
        for left in lefts:
            box = (..., slice(top, top + min(tile, x.shape[2])), slice(left, left + min(tile, x.shape[3])))
            part = network(x[box])
            window = ramp(part.shape[2], top > 0, top < tops[-1], overlap)[:, None] * ramp(
                part.shape[3], left > 0, left < lefts[-1], overlap
            )
            window = window.to(part)
            if not weights.ndim:
                total = part.new_zeros(1, part.shape[1], *x.shape[2:])
                weights, seams = part.new_zeros(x.shape[2:]), part.new_zeros(())
            seen = weights[box] > 0
            if seen.any():
                before = total[box] / weights[box].clamp_min(1e-6)
                seams = seams + (before - part).abs().mean(1)[0][seen].sum()
                shared += int(seen.sum())
            total[box] += window * part
            weights[box] += window
    return total / weights, len(tops) * len(lefts), LEVELS * float(seams) / max(1, shared)


def mirrored(image: Tensor, added: tuple[int, int], before: tuple[int, ...]) -> Tensor:
    """An image (1, C, H, W) with rows and columns added, so many of them before it, as between two mirrors."""
    rows, columns = (
        reflected(torch.arange(-first, side + more - first), side)
        for side, more, first in zip(image.shape[2:], added, before, strict=True)
    )
    return image[:, :, rows][:, :, :, columns]


def reflected(places: Tensor, side: int) -> Tensor:
    """Places on a line, in pixels, brought back into 0 to side - 1 by mirrors in its outermost pixels."""
    if side == 1:
        return torch.zeros_like(places)
    places = places % (2 * (side - 1))
    return torch.minimum(places, 2 * (side - 1) - places)


def starts(side: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along a side: as few as cover it, evenly spread, sharing at least `overlap` pixels."""
    if side <= tile:
        return [0]
    count = -(-(side - overlap) // (tile - overlap))
    return [round(k * (side - tile) / (count - 1)) for k in range(count)]


def ramp(length: int, rises: bool, falls: bool, overlap: int) -> Tensor:
    """Weights along a side of a tile: 1 inside, falling towards the borders that it shares with others."""
    distance = torch.arange(length) + 0.5
    weight = torch.ones(length)
    if rises:
        weight = torch.minimum(weight, distance / max(1, overlap))
    if falls:
        weight = torch.minimum(weight, (length - distance) / max(1, overlap))
    return weight.clamp_min(1e-3)
