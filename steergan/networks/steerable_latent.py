"""A latent that the group acts on, and the seed map that turns with it."""

import numpy as np
import torch
from escnn.group import GroupElement, Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SymmetryError
from steergan.layers import GroupConvolution, InvariantMap
from steergan.layers.spectral_norm import NormOf
from steergan.symmetry import group_name, trivial_type


class SteerableSeed(nn.Module):
    """Latent and embedded label -> seed map and conditioning vector, both equivariant in the latent.

    The latent is a feature map of 1 x 1 pixels. A group convolution whose kernel is as large as the seed map spreads
    it, beside the embedded label as trivial fields, over the seed map; the conditioning vector is the latent's
    invariants and the label.

    Args:
        latent_type: how the latent transforms.
        embedding_dim: length of the embedded label.
        out_type: of the seed map.
        side: of the seed map, in pixels.
        spectral_norm: of the convolution.
        band_limited: filters as off the grid, whatever the group.

    Shapes:
        z (B, Z, 1, 1), e (B, E) -> seed map (B, C, side, side), c (B, invariants of z + E).

    Symmetry: seed map equivariant and c invariant in z; exact for groups that permute pixels.
    """

    def __init__(
        self,
        latent_type: FieldType,
        embedding_dim: int,
        out_type: FieldType,
        side: int,
        *,
        spectral_norm: bool | NormOf = True,
        band_limited: bool = False,
    ) -> None:
        super().__init__()
        self.latent_type = latent_type
        self.spread = GroupConvolution(
            latent_type + trivial_type(latent_type.gspace, embedding_dim),
            out_type,
            side,
            padding=side - 1,
            spectral_norm=spectral_norm,
            band_limited=band_limited,
        )
        self.invariants = InvariantMap(latent_type)

    def forward(self, z: Tensor, e: Tensor) -> tuple[GeometricTensor, Tensor]:
        """Latent (B, Z, 1, 1) and embedding (B, E) -> seed map (B, C, side, side) and conditioning vector (B, D)."""
        latent = torch.cat([z, e[:, :, None, None]], dim=1)
        c = torch.cat([self.invariants(self.latent_type(z)).tensor.flatten(1), e], dim=1)
        return self.spread(self.spread.in_type(latent)), c


def steerable_type(field: Representation, space: GSpace2D, z_dim: int, image_size: tuple[int, int]) -> FieldType:
    """The type of a latent: as many fields as `z_dim` has room for, and trivial ones for what remains.

    Raises:
        SymmetryError: no room for one field; the images are rectangles.
    """
    if image_size[0] != image_size[1]:
        raise SymmetryError(
            f"a steerable latent's seed map is a square, images of {image_size[0]} x {image_size[1]} pixels are not; "
            'crop them, or use latent = "dense"'
        )
    count, rest = divmod(z_dim, field.size)
    if count == 0:
        raise SymmetryError(
            f"a steerable latent of z_dim = {z_dim} has no room for a field of {group_name(space)}, "
            f"which has {field.size} channels; raise generator.z_dim"
        )
    return FieldType(space, [field] * count + [space.trivial_repr] * rest)


def count_invariants(field_type: FieldType) -> int:
    """How many `InvariantMap` puts out: one per irrep."""
    return sum(len(representation.irreps) for representation in field_type.representations)


def acted_on(z: Tensor, latent_type: FieldType, element: GroupElement) -> Tensor:
    """rho(g) z for latents (B, Z): every field is multiplied by its own representation's matrix."""
    parts = []
    for representation, part in zip(
        latent_type.representations, z.split([r.size for r in latent_type.representations], dim=1), strict=True
    ):
        parts.append(part @ torch.as_tensor(np.asarray(representation(element))).to(z).mT)
    return torch.cat(parts, dim=1)
