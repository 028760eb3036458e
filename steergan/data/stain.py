"""Haematoxylin -> the whole stain: squares of one photograph of tissue, and what a stain of it would show alone."""

import numpy as np
from numpy.typing import NDArray

from steergan.data.images import SPLITS, Pixels, Split
from steergan.data.originals import BUNDLE, Originals, resolve_path
from steergan.data.picture_files import MOST_PIXELS_OF_SLIDES, Reading, read_picture
from steergan.data.plan import Plan, whole_piece
from steergan.data.slides import Cut, border, grid_corners
from steergan.data.sources import Source
from steergan.errors import DataError
from steergan.extras import needed_by
from steergan.recipe.data import Stain

PHOTOGRAPH = f"{BUNDLE}ihc.png"
"""The tissue where `data.path` doesn't say."""
SIZE = 64
DENSEST = 0.15
"""Optical density of haematoxylin that is black; there is less of it nearly everywhere."""


def find_stain(settings: Stain) -> Originals:
    """The photograph that `data.path` names, or the immunohistochemistry image that scikit-image bundles.

    Raises:
        DataError: there is no such file, or it is a folder.
    """
    root = resolve_path(settings.path or PHOTOGRAPH)
    if root.is_dir():
        raise DataError(f'{root}: a folder; data.name = "stain" wants one photograph of stained tissue: give its file')
    return Originals("photograph", root, (root,))


def plan_stain(originals: Originals, settings: Stain) -> Plan:
    """Squares of `data.size` pixels every `data.stride`: the density of haematoxylin, gray, and the photograph, RGB.

    `right` (and `auto`): the right `held_out` part of the width is held out; no square straddles the border. `none`:
    both splits hold all.

    Raises:
        DataError: a picture that can't be read, is gray, or is too small for a square.
    """
    path, size = originals.root, settings.size or SIZE
    photograph = np.asarray(read_picture(path, Reading(most_pixels=MOST_PIXELS_OF_SLIDES)))
    if photograph.ndim != 3:
        raise DataError(f"{path}: gray; the colours of stains were wanted: give an RGB photograph")
    both = np.concatenate([haematoxylin(photograph)[..., None], photograph], axis=2)
    height, width, _ = both.shape
    cut = Cut(size, settings.stride or size, 0.0, 3)
    right = border(settings.held_out, width)

    def squares(split: Split) -> Pixels:
        first, end = (0, width) if settings.split == "none" else (0, right) if split == "train" else (right, width)
        try:
            corners = grid_corners((width, height), cut, lambda _: (first, end)).tolist()
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        return np.stack([both[y : y + size, x : x + size] for y, x in corners]).transpose(0, 3, 1, 2)

    how = "nothing held out, both splits hold all"
    if settings.split != "none":
        how = f"the right {settings.held_out:g} of the photograph held out"
    rule = f"haematoxylin -> photograph, {size} x {size} pixels every {cut.stride}; {how}"
    made = {split: squares(split) for split in SPLITS}
    pieces = {split: [whole_piece(split, made[split], np.zeros(len(made[split]), np.int64))] for split in SPLITS}
    return Plan((4, size, size), ("pairs",), pieces, rule, inputs=1)


def haematoxylin(photograph: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How much of the light the blue stain alone takes, uint8 (H, W): white where there is none.

    Args:
        photograph: uint8 (H, W, 3).

    Source: Ruifrok and Johnston 2001, colour deconvolution, as scikit-image has it.
    """
    with needed_by("data.name = 'stain'"):
        from skimage.color import rgb2hed  # slow to import, and only needed here

    density = rgb2hed(photograph)[..., 0] / DENSEST
    return np.rint(255 * (1 - density.clip(0, 1))).astype(np.uint8)


SOURCE = Source(
    find=find_stain,
    plan=plan_stain,
    decided_by=("size", "stride", "split", "seed", "held_out"),
    size=SIZE,
    kind=(4, 1),
    inputs=1,
    bundled="in the photograph of stained tissue that is bundled with scikit-image",
)
