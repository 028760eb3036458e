"""Which image and map sizes a group allows."""

import numpy as np
from escnn.gspaces import GSpace2D

from steergan.errors import SymmetryError
from steergan.symmetry import group_name, plane_matrices


def check_image_shape(space: GSpace2D, image_shape: tuple[int, int, int]) -> None:
    """Refuse rectangles under a group that swaps the axes.

    Raises:
        SymmetryError: such a rectangle.
    """
    _, height, width = image_shape
    swaps_axes = bool(np.abs(plane_matrices(space)[:, 0, 1]).max() > 0.1)
    if height != width and swaps_axes:
        raise SymmetryError(
            f"images of {height} x {width} pixels can't be turned by 90 degrees, which {group_name(space)} contains; "
            f"crop them to squares, or use group C2, D1 or D2"
        )
