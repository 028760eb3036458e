"""Whether a symmetrized or steerable latent makes the law of what comes out of it invariant: proofs in integers."""

from dataclasses import dataclass

import numpy as np
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.symmetry import grid_elements, grid_permutation, group_name, is_grid_group, plane_matrices
from steergan.verification.elements import NAMES, channel_action
from steergan.verification.elements import grid_elements as grid_elements_of


@dataclass(frozen=True)
class Witness:
    """Where a table of turns is wrong: at a pixel of the seed map that g h turned, which is not g of h's."""

    g: str
    h: str
    pixel: tuple[int, int]
    """(row, column)."""


@dataclass(frozen=True)
class Symmetrization:
    """Whether drawing a turn uniformly makes the law of any seed map invariant, and if not, the first fault."""

    holds: bool
    elements: int
    """How many the group has."""
    comparisons: int
    """Integers that were compared: for every pair of elements, those of every pixel."""
    witness: Witness | None
    """None if it holds, or if the table has rows or pixels too many, for which no pair of elements is to blame."""


def symmetrization(turns: Tensor, space: GSpace2D, height: int, width: int) -> Symmetrization:
    """Whether a table of turns is the group's action on the seed map, one row for each element.

    The table is right if the identity's row moves nothing and if, for all elements g and h and every pixel, the seed
    map that g h turned is g acting on the one that h turned. Since h -> g h is a bijection, each g then permutes the
    turned seed maps. If the row is drawn uniformly and independently of the latent, g moves no probability: for every
    latent and label the law of the turned seed map is invariant, and by an equivariant synthesis that of the images.

    Args:
        turns: the seed map that h turned is seed.flatten()[turns[h]]; the rows that can be drawn.
        space: of the group.
        height: of the seed map, in pixels.
        width: of the seed map, in pixels.

    Shapes: turns (elements, height * width) int64.

    Symmetry: exact, in integers. The law alone would also bear rows in another order; a generator that takes elements
        by number does not, so this asks for more.

    For the four quarter turns of a map of 2 x 2 pixels, and for a table in which two of them are exchanged:

    Examples:
        >>> import torch
        >>> from steergan.invariance.latent_law import symmetrization
        >>> from steergan.symmetry import grid_permutation, gspace
        >>> turns = torch.from_numpy(grid_permutation(gspace("C4"), 2, 2))
        >>> turns
        tensor([[0, 1, 2, 3],
                [1, 3, 0, 2],
                [3, 2, 1, 0],
                [2, 0, 3, 1]])
        >>> symmetrization(turns, gspace("C4"), 2, 2).holds
        True
        >>> symmetrization(turns[[0, 2, 1, 3]], gspace("C4"), 2, 2).witness.g
        'the rotation by 90 degrees'

    Raises:
        SymmetryError: the group does not permute pixels, or turns the map onto another shape.

    Source: Birrell et al. 2022 (symmetrization of a generator's law).
    """
    if not is_grid_group(space):
        raise SymmetryError(f"{group_name(space)} does not permute pixels; a seed map can't be turned exactly")
    action_GP = grid_permutation(space, height, width)
    elements = list(space.fibergroup.elements)
    table_GP, fits = fitted(turns, *action_GP.shape)
    one = elements.index(space.fibergroup.identity)
    product_GG = np.array([[elements.index(g @ h) for h in elements] for g in elements])
    # T[g h][p] = T[h][A[g][p]]: pixel p of the map that g h turned is the pixel that g fetches for it, A[g][p], of the
    # map that h turned. A pixel that is missing is -1 and equals nothing.
    wanted_GGP = table_GP[:, action_GP].transpose(1, 0, 2)
    found_GGP = table_GP[product_GG]
    wrong_GGP = (wanted_GGP != found_GGP) | (found_GGP < 0)
    wrong_GGP[one, one] |= table_GP[one] != np.arange(height * width)
    comparisons = wrong_GGP.size + height * width
    if not wrong_GGP.any():
        return Symmetrization(fits, len(elements), comparisons, None)
    g, h, pixel = (int(i) for i in np.argwhere(wrong_GGP)[0])
    g_name, h_name = (element_names(space)[i] for i in (g, h))
    return Symmetrization(False, len(elements), comparisons, Witness(g_name, h_name, divmod(pixel, width)))


@dataclass(frozen=True)
class LatentInvariance:
    """Whether the law of a steerable latent is invariant, and if not, under which element."""

    holds: bool
    elements: int
    """How many permute pixels."""
    witness: str = ""
    """What the first element at fault does."""


Proof = Symmetrization | LatentInvariance
"""What a latent does for the law of the samples, in integers."""


def latent_invariance(latent_type: FieldType) -> LatentInvariance:
    """Whether every element that permutes pixels acts on a latent as a signed permutation of its coordinates.

    Coordinates that are independent and alike, with a law that is symmetric about zero (normal, or -1 and +1 with equal
    odds), then keep their joint law, and an equivariant generator hands that on to its images. A normal latent keeps
    its law under every element, those between the pixels too, because representations are orthogonal.

    Args:
        latent_type: of one latent.

    Symmetry: exact, in integers.
    """
    elements = grid_elements_of(latent_type.gspace)
    for matrix in elements:
        action = channel_action(latent_type, matrix)
        if action is None or sorted(action.index.tolist()) != list(range(latent_type.size)):
            return LatentInvariance(False, len(elements), NAMES[matrix])
    return LatentInvariance(True, len(elements))


def fitted(turns: Tensor, elements: int, pixels: int) -> tuple[NDArray[np.int64], bool]:
    """The table at the size that it should have, missing entries as -1, and whether it had no others.

    Args:
        turns: the table as it is, of any shape.
        elements: rows that it should have.
        pixels: columns that it should have.
    """
    table = np.full((elements, pixels), -1, dtype=np.int64)
    if turns.ndim == 2:
        given = turns.detach().cpu().numpy()[:elements, :pixels]
        table[: given.shape[0], : given.shape[1]] = given
    return table, tuple(turns.shape) == (elements, pixels)


def element_names(space: GSpace2D) -> list[str]:
    """What the elements that permute pixels do, in words, in the order of `symmetry.grid_elements`."""
    matrices = plane_matrices(space)[grid_elements(space)].round().astype(np.int64)
    return [NAMES[a, b, c, d] for a, b, c, d in matrices.reshape(-1, 4).tolist()]
