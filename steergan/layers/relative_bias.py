"""What attention adds to its scores for how far apart two pixels are, and in which direction."""

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.errors import SymmetryError
from steergan.symmetry import group_name, is_grid_group, plane_matrices

Points = NDArray[np.int64]


class RelativeBias(nn.Module):
    """One learned number for each offset d = j - i between a pixel i that looks and a pixel j that is looked at.

    Offsets count from the middles of windows where what is looked at was pooled. With one map of scores, offsets that
    the group maps onto each other have one number, b(g d) = b(d); beyond the pixel grid those of one length have. With
    a map for each element they all are free, and element g has b_g(d) = b(g^-1 d).

    Args:
        space: whose group it is.
        size: (H, W) in pixels of the map that looks.
        pooled: the map that is looked at is half as high and wide.
        oriented: there is a map of scores for each element.
        heads: sets of such numbers.

    Attributes:
        table: (heads, free numbers), zero at first.
        number: (maps, offsets) int64, which free number an offset has in each map of scores.
        offset: (H * W, pixels that are looked at) int64.

    Raises:
        SymmetryError: a map for each of an infinite number of elements, or of elements that move pixels between others;
            an odd map that was pooled; a rectangle under 90-degree rotations.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> bias = RelativeBias(gspace("D4"), (4, 4), pooled=False, oriented=False)
        >>> bias.table.shape, bias().shape  # 7 x 7 offsets in 10 orbits
        (torch.Size([1, 10]), torch.Size([1, 16, 16]))
    """

    def __init__(self, space: GSpace2D, size: tuple[int, int], *, pooled: bool, oriented: bool, heads: int = 1) -> None:
        super().__init__()
        self.size = size
        offsets, position = offsets_of(size, pooled)
        number = gathered(space, offsets) if oriented else orbits(space, offsets)[None]
        self.number, self.offset = (Buffer(torch.from_numpy(a), persistent=False) for a in (number, position))
        self.table = nn.Parameter(torch.zeros(heads, int(number.max()) + 1))

    def forward(self) -> Tensor:
        """What is added to the scores, (heads * maps, H * W, pixels that are looked at)."""
        each = self.table[:, self.number].flatten(0, 1)
        return each.index_select(1, self.offset.flatten()).unflatten(1, self.offset.shape)


def offsets_of(size: tuple[int, int], pooled: bool) -> tuple[Points, Points]:
    """All offsets of a map, and which of them lies between two pixels.

    Args:
        size: (H, W).
        pooled: windows of 2 x 2 are looked at.

    Returns:
        (offsets, 2) int64, to the right and up, in halves of a pixel; (H * W, pixels looked at) int64.

    Raises:
        SymmetryError: an odd map was pooled.
    """
    if pooled and (size[0] % 2 or size[1] % 2):
        raise SymmetryError(f"relative biases on a pooled map of {size[0]} x {size[1]}; give even sizes, or pool=False")
    row, column = (axis.ravel() for axis in np.meshgrid(*map(np.arange, size), indexing="ij"))
    looking = np.stack([2 * column, -2 * row], 1)
    seen = looking
    if pooled:
        row, column = (axis.ravel() for axis in np.meshgrid(*(np.arange(n // 2) for n in size), indexing="ij"))
        seen = np.stack([4 * column + 1, -4 * row - 1], 1)
    between = seen[None] - looking[:, None]
    offsets, position = np.unique(between.reshape(-1, 2), axis=0, return_inverse=True)
    return offsets, position.reshape(between.shape[:2])


def orbits(space: GSpace2D, offsets: Points) -> Points:
    """The number of the orbit of every offset, (offsets,) int64; beyond the pixel grid, of its length."""
    if not is_grid_group(space):
        return np.unique(np.square(offsets).sum(1), return_inverse=True)[1]
    images = np.stack([positions(offsets, offsets @ matrix.T, space) for matrix in matrices(space)])
    return np.unique(images.min(0), return_inverse=True)[1]


def gathered(space: GSpace2D, offsets: Points) -> Points:
    """Where g^-1 d stands among the offsets, (elements, offsets) int64.

    Raises:
        SymmetryError: an element does not map the grid onto itself.
    """
    if not is_grid_group(space):
        raise SymmetryError(
            f"relative biases of oriented scores are turned by every element, and {group_name(space)} turns pixels "
            'between pixels; take scores="invariant", whose biases depend on lengths there, or leave biases out'
        )
    # The rows of d M are M^T d = g^-1 d.
    return np.stack([positions(offsets, offsets @ matrix, space) for matrix in matrices(space)])


def matrices(space: GSpace2D) -> Points:
    """The action of a group that permutes pixels on (right, up), (elements, 2, 2) int64."""
    return plane_matrices(space).round().astype(np.int64)


def positions(offsets: Points, moved: Points, space: GSpace2D) -> Points:
    """Where moved offsets stand among the offsets, which are sorted.

    Raises:
        SymmetryError: one is not among them.
    """
    low, reach = offsets.min(0), np.ptp(offsets, axis=0) + 1
    inside = ((moved >= low) & (moved < low + reach)).all(1)
    if not inside.all():
        raise SymmetryError(f"relative biases on a rectangle, which {group_name(space)} turns onto another shape")
    keys, wanted = ((points - low) @ np.array([reach[1], 1]) for points in (offsets, moved))
    return np.searchsorted(keys, wanted)
