"""Which image and map sizes a group allows."""

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.pixels import disk_mask
from steergan.symmetry import elements_of, group_name


def check_image_shape(space: GSpace2D, image_shape: tuple[int, int, int]) -> None:
    """Refuse rectangles under a group that swaps the axes.

    Raises:
        SymmetryError: such a rectangle.
    """
    _, height, width = image_shape
    swaps_axes = any(abs(np.asarray(space.basespace_action(g))[0, 1]) > 0.1 for g in elements_of(space, 4))
    if height != width and swaps_axes:
        raise SymmetryError(
            f"images of {height} x {width} pixels can't be turned by 90 degrees, which {group_name(space)} contains; "
            f"crop them to squares, or use group C2, D1 or D2"
        )


def inscribed_disk(image_shape: tuple[int, int, int]) -> Tensor:
    """1 inside the largest disk of an image and 0 around it, (H, W) float.

    Raises:
        SymmetryError: the image is no square.
    """
    _, height, width = image_shape
    if height != width:
        raise SymmetryError(
            f"images of {height} x {width} pixels have no inscribed disk; crop them to squares, or leave out data.disk"
        )
    return disk_mask(height).to(torch.get_default_dtype())
