"""The group elements that permute pixels, by their integer matrices, and how they act on fields and on the grid."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch
from escnn.group import GroupElement, Representation
from escnn.gspaces import GSpace, GSpace2D
from escnn.nn import FieldType
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.symmetry import ROUNDING, pixel_permutations

Matrix = tuple[int, int, int, int]
"""An element's action on column vectors (x to the right, y up), row by row: what names it across gspaces."""

IDENTITY: Matrix = (1, 0, 0, 1)

NAMES: dict[Matrix, str] = {
    IDENTITY: "the identity",
    (0, -1, 1, 0): "the rotation by 90 degrees",
    (-1, 0, 0, -1): "the rotation by 180 degrees",
    (0, 1, -1, 0): "the rotation by 270 degrees",
    (-1, 0, 0, 1): "the reflection of left and right",
    (1, 0, 0, -1): "the reflection of up and down",
    (0, 1, 1, 0): "the reflection about the rising diagonal",
    (0, -1, -1, 0): "the reflection about the falling diagonal",
}


@dataclass(frozen=True)
class ChannelAction:
    """(rho(g) v)[i] = sign[i] * v[index[i]]; both (C,) int64."""

    index: Tensor
    sign: Tensor


def group_elements(space: GSpace2D) -> list[GroupElement]:
    """All elements of a finite group; of a continuous one those at multiples of 90 degrees."""
    group = space.fibergroup
    return list(group.elements if group.order() > 0 else group.grid(type="regular", N=4))


@lru_cache(maxsize=64)
def grid_elements(space: GSpace2D) -> dict[Matrix, GroupElement]:
    """The elements that map the square pixel grid onto itself; the identity comes first.

    Args:
        space: of the plane; its action on the plane has to be faithful.

    Returns:
        Elements by their integer matrices.

    Raises:
        SymmetryError: the gspace is not of the plane, or two elements move the plane alike.

    Example:
        >>> from steergan.symmetry import gspace
        >>> [NAMES[matrix] for matrix in grid_elements(gspace("C8"))][:2]  # of the eight, four permute pixels
        ['the identity', 'the rotation by 90 degrees']
    """
    if not isinstance(space, GSpace) or space.dimensionality != 2:
        raise SymmetryError(f"{space} has no plane; verification is for the planar gspaces of escnn (rot2dOnR2, ...)")
    found: dict[Matrix, GroupElement] = {}
    for element in group_elements(space):
        matrix = np.asarray(space.basespace_action(element), dtype=np.float64)
        if np.abs(matrix - matrix.round()).max() < ROUNDING:
            a, b, c, d = (int(entry) for entry in matrix.round().ravel())
            if (a, b, c, d) in found:
                raise SymmetryError(f"{space.name}: two elements move the plane alike; a faithful action was wanted")
            found[a, b, c, d] = element
    return {IDENTITY: found.pop(IDENTITY), **found}


def representation_action(representation: Representation, element: GroupElement) -> tuple[list[int], list[int]] | None:
    """A matrix of a representation as index and sign, or None if it is not a signed permutation."""
    matrix = np.asarray(representation(element), dtype=np.float64)
    rounded = matrix.round().astype(np.int64)
    one_each = (np.abs(rounded).sum(0) == 1).all() and (np.abs(rounded).sum(1) == 1).all()
    if not one_each or np.abs(matrix - rounded).max() >= ROUNDING:
        return None
    return np.abs(rounded).argmax(1).tolist(), rounded.sum(1).tolist()


@lru_cache(maxsize=512)
def channel_action(field_type: FieldType, matrix: Matrix) -> ChannelAction | None:
    """How an element acts on the channels of a field type.

    None if the group has no such element, or if it acts as something else than a signed permutation.
    """
    element = grid_elements(field_type.gspace).get(matrix)
    if element is None:
        return None
    index: list[int] = []
    sign: list[int] = []
    for representation, run in groupby(field_type.representations):
        action = representation_action(representation, element)
        if action is None:
            return None
        for _ in run:
            start = len(index)
            index += [start + i for i in action[0]]
            sign += action[1]
    return ChannelAction(torch.tensor(index), torch.tensor(sign))


@lru_cache(maxsize=256)
def pixel_action(matrix: Matrix, height: int, width: int) -> Tensor | None:
    """(g x).flatten() == x.flatten()[index], index (H * W,) int64; None if g turns the map onto another shape."""
    found = pixel_permutations(np.asarray(matrix, dtype=np.int64).reshape(1, 2, 2), height, width)
    return None if found is None else torch.from_numpy(found[0])


def fiber_matrix(field_type: FieldType, matrix: Matrix) -> NDArray[np.float64]:
    """rho(g), (C, C) float64, whatever it is."""
    element = grid_elements(field_type.gspace)[matrix]
    blocks = {r: np.asarray(r(element), dtype=np.float64) for r in set(field_type.representations)}
    out = np.zeros((field_type.size, field_type.size))
    start = 0
    for block in (blocks[r] for r in field_type.representations):
        out[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return out


def transform(x: Tensor, field_type: FieldType, matrix: Matrix) -> Tensor:
    """Let an element act on a map, or on vectors: channels and pixels, exact where rho(g) is a signed permutation.

    Args:
        x: (B, C, H, W) or (B, C), C as the field type says; any dtype, which the result has too.
        field_type: how x transforms; its group contains the element.
        matrix: the element.

    Returns:
        The map g x, in the shape of x.

    Raises:
        SymmetryError: the element turns a rectangle, or is not of the group; x has not the field type's channels.

    Example:
        >>> from steergan.symmetry import gspace, trivial_type
        >>> image = trivial_type(gspace("C4"), 1)
        >>> transform(torch.arange(4.0).view(1, 1, 2, 2), image, (0, -1, 1, 0))
        tensor([[[[1., 3.],
                  [0., 2.]]]])
    """
    if x.dim() not in (2, 4) or x.shape[1] != field_type.size:
        size = field_type.size
        raise SymmetryError(f"a tensor of {tuple(x.shape)} came; (B, {size}) or (B, {size}, H, W) was wanted")
    if x.dim() == 2:
        return transform(x[:, :, None, None], field_type, matrix)[:, :, 0, 0]
    pixels = pixel_action(matrix, *x.shape[2:])
    if pixels is None or matrix not in grid_elements(field_type.gspace):
        shape = f"{x.shape[2]} x {x.shape[3]}"
        raise SymmetryError(f"{NAMES[matrix]} does not act on fields of {field_type.gspace.name} on a {shape} map")
    moved = x.flatten(2)[..., pixels.to(x.device)]
    action = channel_action(field_type, matrix)
    if action is None:
        rho = torch.from_numpy(fiber_matrix(field_type, matrix)).to(x)
        return torch.einsum("ij,bjp->bip", rho, moved).view(x.shape)
    moved = moved[:, action.index.to(x.device)]
    if (action.sign < 0).any():
        moved = moved * action.sign.to(moved)[:, None]
    return moved.reshape(x.shape)
