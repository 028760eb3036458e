"""Galaxies: cut-outs around the bright sources of one photograph of the sky."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.originals import BUNDLE, Originals, resolve_path
from steergan.data.picture_files import MOST_PIXELS_OF_SLIDES, Reading, read_picture
from steergan.data.plan import Plan, whole_piece
from steergan.data.slides import border
from steergan.data.sources import Published, Source
from steergan.data.subsets import hold_out_exactly
from steergan.errors import DataError
from steergan.extras import needed_by
from steergan.recipe.data import Galaxies

PHOTOGRAPH = f"{BUNDLE}hubble_deep_field.jpg"
"""The sky where `data.path` doesn't say."""
SIZE = 32
"""Pixels per side of a cut-out, where `data.size` doesn't say."""
BLUR = 1.5
"""Pixels: standard deviation of the smoothing before sources are looked for; grain and compression are finer."""
NOISES = 8.0
"""A source is so many standard deviations of the sky's noise above the sky."""
FAINTEST = 8.0
"""Grey levels above the sky that a source has at least, however smooth the sky is."""
LEAST_AREA = 50
"""Pixels of the smallest source: below, cut-outs are dots."""


def find_galaxies(settings: Galaxies) -> Originals:
    """The photograph that `data.path` names, or Hubble's, which scikit-image bundles.

    Raises:
        DataError: there is no such file, or it is a folder.
    """
    root = resolve_path(settings.path or PHOTOGRAPH)
    if root.is_dir():
        raise DataError(f'{root}: a folder; data.name = "galaxies" wants one photograph of the sky: give its file')
    return Originals("photograph", root, (root,))


def plan_galaxies(originals: Originals, settings: Galaxies) -> Plan:
    """Square cut-outs of `data.size` pixels, one a source, centred on its brightness; RGB, or gray if the picture is.

    They may overlap. Stars and galaxies are not told apart: one class, `galaxies`.

    Splits: `right` (and `auto`): sources whose centre lies in the right `held_out` part of the width. `random`: a
    seeded share of the sources. In both, sources whose cut-out shares a pixel with a held-out one are left out of the
    training ones. `none`: both splits hold all.

    Raises:
        DataError: a picture that can't be read or is smaller than a cut-out, no source, or none for one of the splits.
    """
    path, size = originals.root, settings.size or SIZE
    sky = np.atleast_3d(np.asarray(read_picture(path, Reading(most_pixels=MOST_PIXELS_OF_SLIDES))))
    height, width, channels = sky.shape
    if min(height, width) < size:
        raise DataError(f"{path}: {width} x {height} pixels; a cut-out needs {size} x {size}: lower data.size")
    found = find_sources(sky.mean(axis=-1))
    corners = np.rint(found.centres - (size - 1) / 2).astype(np.int64)
    whole = ((corners >= 0) & (corners + size <= (height, width))).all(axis=1)
    left_out = f"{found.smaller} smaller than {LEAST_AREA} pixels and {(~whole).sum()} too near the border"
    if not whole.any():
        hint = "bright sources on a dark sky are wanted: choose another photograph, or a smaller data.size"
        raise DataError(f"{path}: no source to cut out ({left_out}); {hint}")
    corners, centres = corners[whole], found.centres[whole]
    rows, how = divided(corners, centres[:, 1] >= border(settings.held_out, width) - 0.5, size, settings)
    for split, chosen in rows.items():
        if not len(chosen):
            hint = "choose another data.held_out or data.split, or a smaller data.size"
            raise DataError(f"{path}: of {len(corners)} sources none is for the {split} split ({how}); {hint}")

    def cut_out(split: Split) -> Pixels:
        cuts = [sky[top : top + size, left : left + size] for top, left in corners[rows[split]].tolist()]
        return np.stack(cuts).transpose(0, 3, 1, 2)

    rule = f"{size} x {size} pixels around each of {len(corners)} sources, stars among them; left out: {left_out}"
    pieces = {split: [whole_piece(split, cut_out(split), np.zeros(len(rows[split]), np.int64))] for split in SPLITS}
    return Plan((channels, size, size), ("galaxies",), pieces, f"{rule}; {how}")


class Sources(NamedTuple):
    """What shines in a picture."""

    centres: NDArray[np.float64]
    """Row and column of every source's brightness centroid, (n, 2), in pixels; 0 is the middle of the first pixel."""
    smaller: int
    """Bright spots of fewer than `LEAST_AREA` pixels."""


def find_sources(brightness: NDArray[np.float64]) -> Sources:
    """Connected regions (8 neighbours) that are brighter than the sky, in reading order.

    The picture is smoothed. Its median is the sky, the median absolute deviation times 1.4826 the noise. A region
    starts `NOISES` of these, and at least `FAINTEST` grey levels, above the sky; sources that touch are one.

    Args:
        brightness: (H, W), in grey levels from 0 to 255.

    Symmetry: a picture turned by 90 degrees or reflected has the turned sources, up to rounding.
    """
    with needed_by("data.name = 'galaxies'"):
        from skimage.filters import gaussian  # slow to import, and only needed here
        from skimage.measure import label, regionprops

    smooth = gaussian(brightness, BLUR, preserve_range=True)
    above = smooth - np.median(smooth)
    noise = 1.4826 * np.median(np.abs(above))
    regions = regionprops(label(above > max(NOISES * noise, FAINTEST)), intensity_image=above)
    centres = [region.centroid_weighted for region in regions if region.area >= LEAST_AREA]
    return Sources(np.array(centres, dtype=np.float64).reshape(-1, 2), len(regions) - len(centres))


def divided(
    corners: Labels, on_the_right: NDArray[np.bool_], size: int, settings: Galaxies
) -> tuple[dict[Split, Labels], str]:
    """Rows of the training and of the held-out cut-outs, which share no pixel, and how they were chosen."""
    everything = np.arange(len(corners))
    if settings.split == "none":
        return dict.fromkeys(SPLITS, everything), "nothing held out, both splits hold all"
    if settings.split == "random":
        held_out = hold_out_exactly(len(corners), settings.held_out, settings.seed)[1]
        how = f"{settings.held_out:g} of the sources held out, drawn at random, seed {settings.seed}"
    else:
        held_out = np.flatnonzero(on_the_right)
        how = f"the sources in the right {settings.held_out:g} of the width held out"
    others = np.setdiff1d(everything, held_out)
    shares = [bool((np.abs(corners[held_out] - corners[row]) < size).all(axis=1).any()) for row in others.tolist()]
    train = others[~np.array(shares, dtype=bool)]
    how = f"{how}, and {sum(shares)} that overlap them left out"
    return {"train": train, "held_out": held_out}, how


SOURCE = Source(
    find=find_galaxies,
    plan=plan_galaxies,
    decided_by=("size", "split", "seed", "held_out"),
    size=SIZE,
    published=Published(3, 1, (234, 50)),
    bundled="in the Hubble photograph that is bundled with scikit-image",
)
