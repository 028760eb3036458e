"""Where a slide shows something: K-means on colours, then dilation."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation

from steergan.extras import needed_by

LONGEST = 1024
"""Cells along the longer side, at most; a cell is a square of pixels, of whose mean colour the clusters are made."""
SAMPLE = 10_000
"""Cells that the clusters are fitted to, evenly spread; all others join the nearer centre."""
DILATIONS = 2
"""Times that the foreground grows by one cell in each of the eight directions."""
ALIKE = 10.0
"""Grey levels (root mean square over channels): clusters closer than this are one kind of thing."""
NEARLY_WHITE = 27.0
"""Grey levels from white: an image of one kind is all background up to here, and all foreground beyond."""


class Foreground(NamedTuple):
    """Which parts of an image are foreground."""

    mask: NDArray[np.bool_]
    """Per cell."""
    cell: int
    """Pixels per side of a cell."""

    def share(self, top: int, left: int, height: int, width: int = 0) -> float:
        """Share of foreground pixels in a rectangle, or in a square of `height` pixels per side."""
        rows, columns = np.arange(height), np.arange(width or height)
        return float(self.mask[np.ix_((top + rows) // self.cell, (left + columns) // self.cell)].mean())


def find_foreground(image: Image.Image) -> Foreground:
    """The cluster of colours that is further from white (k = 2), dilated.

    The image is averaged over cells, so that its longer side has at most 1,024; K-means runs from four seeded starts on
    at most 10,000 of them, in RGB (or gray). An image of one colour, or of two that hardly differ, is all background if
    it is nearly white, and else all foreground. Dark backgrounds (fluorescence) are not what this is for: switch the
    rule off by `data.foreground = 0`.

    Args:
        image: gray or RGB, 8 bits.

    Source: Dey et al., C.1.2: "K-means clustering, followed by morphological dilation".
    Differs: the paper is silent about colour space, resolution, number of clusters and size of the dilation; all of the
        above are ours.
    """
    with needed_by("finding tissue"):
        from sklearn.cluster import KMeans  # a second to import, and only needed here

    cell = -(-max(image.size) // LONGEST)
    cells = np.asarray(image.reduce(cell), dtype=np.float32)
    colours = cells.reshape(-1, len(image.getbands()))
    sample = colours[:: -(-len(colours) // SAMPLE)]
    shape = cells.shape[:2]
    if (sample == sample[0]).all():
        return Foreground(np.full(shape, levels_from_white(sample[0]) > NEARLY_WHITE), cell)
    light, dark = sorted(KMeans(2, n_init=4, random_state=0).fit(sample).cluster_centers_, key=levels_from_white)
    if rms(light - dark) < ALIKE:
        return Foreground(np.full(shape, levels_from_white(sample.mean(axis=0)) > NEARLY_WHITE), cell)
    mask = (rms(colours - dark) < rms(colours - light)).reshape(shape)
    return Foreground(binary_dilation(mask, np.ones((3, 3), bool), iterations=DILATIONS), cell)


def levels_from_white(colour: NDArray[np.float32]) -> float:
    """Distance to white in grey levels."""
    return float(rms(255 - colour))


def rms(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square over the last axis."""
    result: NDArray[np.float32] = np.sqrt((values**2).mean(axis=-1))
    return result
