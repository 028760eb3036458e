"""Group elements that act on batches of images, one element per image."""

import torch
from torch import Tensor

from steergan.symmetry.groups import gspace
from steergan.symmetry.permutations import grid_permutation


def action_table(group: str, height: int, width: int) -> Tensor:
    """Where every pixel of g x comes from, (G, H * W) int64, for `act`.

    Args:
        group: one whose elements map the pixel grid onto itself: C2, C4, D1, D2, D4 or trivial.
        height: H in pixels.
        width: W in pixels.

    Raises:
        SymmetryError: 90-degree rotations of a rectangle; an unknown group.

    Examples:
        >>> action_table("C4", 2, 2).tolist()
        [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0], [2, 0, 3, 1]]
    """
    return torch.from_numpy(grid_permutation(gspace(group), height, width))


def act(image: Tensor, table_GP: Tensor, element_B: Tensor) -> Tensor:
    """Each image moved by its own element, exactly; differentiable any number of times.

    Args:
        image: (B, C, H, W).
        table_GP: from `action_table` for H and W.
        element_B: (B,) int64 in 0..G.

    Symmetry: the action (g x)(p) = x(g^-1 p) itself, bit for bit.

    Examples:
        >>> image = torch.tensor([[[[1, 2], [3, 4]]]])
        >>> act(image, action_table("C4", 2, 2), torch.tensor([1])).tolist()  # a quarter turn, counterclockwise
        [[[[2, 4], [1, 3]]]]
    """
    index_BCP = table_GP[element_B][:, None].expand(-1, image.shape[1], -1)
    return image.flatten(2).gather(2, index_BCP).view_as(image)
