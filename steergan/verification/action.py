"""How a group element acts on a feature map, without interpolation."""

from itertools import groupby

import numpy as np
import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan.symmetry import ROUNDING, grid_elements, grid_permutation


def transform(x: Tensor, field_type: FieldType, position: int) -> Tensor:
    """g x for the element at `position` of `grid_elements(field_type.gspace)`: channels and pixels, in x's own dtype.

    Args:
        x: (B, C, H, W), C as the field type says.
        field_type: how x transforms.
        position: of the element, among those that permute pixels.

    Raises:
        SymmetryError: the element turns a rectangle.
    """
    space = field_type.gspace
    element = space.fibergroup.elements[grid_elements(space)[position]]
    source = torch.from_numpy(grid_permutation(space, *x.shape[2:])[position]).to(x.device)
    turned = x.flatten(2)[..., source].view(x.shape)
    parts, channel = [], 0
    for representation, run in groupby(field_type.representations):
        fields = len(list(run))
        matrix = np.asarray(representation(element), dtype=np.float64)
        rounded = matrix.round()
        if np.abs(matrix - rounded).max() < ROUNDING:
            matrix = rounded
        block = turned[:, channel : channel + fields * representation.size]
        rho = torch.from_numpy(matrix).to(x)
        parts.append(torch.einsum("ij,bfjhw->bfihw", rho, block.unflatten(1, (fields, -1))).flatten(1, 2))
        channel += fields * representation.size
    return torch.cat(parts, dim=1)
