"""The generator: latent and label -> seed map -> equivariant synthesis -> image."""

from collections.abc import Sequence

import torch
from escnn.gspaces import GSpace2D
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.errors import SymmetryError
from steergan.layers import SpectralLinear
from steergan.networks.initialization import initialize
from steergan.networks.sizes import check_image_shape
from steergan.networks.synthesis import SYNTHESES
from steergan.symmetry import grid_permutation, group_name, group_order, gspace, is_grid_group


class Generator(nn.Module):
    """Draws images: generator(z, y, element=None) -> image.

    Args:
        group: a name of `symmetry.GROUPS`; `"trivial"` makes the paper's plain CNN.
        architecture: `"plain"` stages (`Synthesis`) or `"residual"` blocks (`ResidualSynthesis`).
        image_shape: (C, H, W) in pixels; H and W are multiples of 2^upsamplings.
        classes: number of labels K.
        latent: `"dense"`, the paper's, or `"symmetrized"`: the caller draws a uniformly random group element per
            sample, and it acts on the seed map.
        z_dim, embedding_dim: lengths of the latent z and of the embedded label; c is both, joined.
        seed_width: trivial fields of the seed map.
        widths, upsamplings, spectral_norm: see `Synthesis`.
        initialization: `"orthogonal"`, or `"normal"`: N(0, 0.02).

    Shapes:
        z (B, Z) float, y (B,) int64, element (B,) int64 index into the group's elements or None (identity)
        -> (B, C, H, W) in [-1, 1].

    Symmetry: equivariant from the seed map on, not from z. With `"symmetrized"` and elements drawn uniformly the
        law of the images is invariant, exactly; with `"dense"` no claim is made about the law.

    Raises:
        SymmetryError: a size that the upsamplings can't reach, a rectangle under 90-degree rotations, or
            `"symmetrized"` for a group that does not permute pixels.

    Source: Dey et al. 2021, section 2.2, Tables 5 to 14. Symmetrization: Birrell et al., ICML 2022.
    """

    def __init__(
        self,
        group: str,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        architecture: str = "plain",
        latent: str = "dense",
        z_dim: int = 64,
        embedding_dim: int = 64,
        seed_width: int = 128,
        widths: Sequence[int] = (512, 256, 128),
        upsamplings: int = 2,
        spectral_norm: bool = True,
        initialization: str = "orthogonal",
    ) -> None:
        super().__init__()
        space = gspace(group)
        check_image_shape(space, image_shape)
        self.z_dim, self.classes, self.image_shape = z_dim, classes, image_shape
        channels, height, width = image_shape
        self.seed_shape = (seed_width, *seed_size(height, width, upsamplings, len(widths)))
        conditioning = z_dim + embedding_dim
        self.embedding = nn.Embedding(classes, embedding_dim)
        seed_features = self.seed_shape[0] * self.seed_shape[1] * self.seed_shape[2]
        self.seed = SpectralLinear(conditioning, seed_features, spectral_norm=spectral_norm)
        self.synthesis = SYNTHESES[architecture](
            space,
            seed_width,
            widths,
            channels,
            conditioning,
            upsamplings=upsamplings,
            spectral_norm=spectral_norm,
        )
        nn.init.orthogonal_(self.embedding.weight)
        initialize(self, initialization)
        self.elements = 0
        if latent == "symmetrized":
            self.elements = symmetrizing_elements(space)
        turn_GP = torch.empty(0, dtype=torch.int64)
        if self.elements:
            turn_GP = torch.from_numpy(grid_permutation(space, *self.seed_shape[1:]))
        self.turn_GP = Buffer(turn_GP, persistent=False)

    def seed_map(self, c: Tensor, element: Tensor | None) -> Tensor:
        """Conditioning vector -> (B, seed_width, h, w), acted on by each sample's group element."""
        x_BCP = self.seed(c).unflatten(1, self.seed_shape).flatten(2)
        if element is not None and self.elements:
            source_B1P = self.turn_GP[element].unsqueeze(1)
            x_BCP = x_BCP.gather(2, source_B1P.expand(-1, x_BCP.shape[1], -1))
        return x_BCP.unflatten(2, self.seed_shape[1:])

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        return self.decode(torch.cat([z, self.embedding(y)], dim=1), element)

    def decode(self, c: Tensor, element: Tensor | None = None) -> Tensor:
        """Conditioning vector c (B, Z + embedding) -> image; labels may be mixed by mixing their embeddings."""
        return self.render(self.seed_map(c, element), c)

    def render(self, seed: Tensor, c: Tensor) -> Tensor:
        """Seed map (B, seed_width, h, w) and c -> image; equivariant in the seed map."""
        return torch.tanh(self.synthesis(self.synthesis.in_type(seed), c).tensor)


def seed_size(height: int, width: int, upsamplings: int, stages: int) -> tuple[int, int]:
    """Size of the seed map from which `upsamplings` doublings reach the image."""
    factor = 2**upsamplings
    if upsamplings > stages:
        raise SymmetryError(
            f"generator.upsamplings = {upsamplings} exceeds the {stages} entries of generator.widths; add widths"
        )
    if height % factor or width % factor:
        raise SymmetryError(
            f"images of {height} x {width} pixels can't be reached by {upsamplings} upsamplings by 2: "
            f"sizes must be multiples of {factor}; change generator.upsamplings, crop or pad the images"
        )
    return height // factor, width // factor


def symmetrizing_elements(space: GSpace2D) -> int:
    """How many elements a symmetrized latent draws from; 0 for the trivial group, which leaves nothing to draw."""
    if not is_grid_group(space):
        raise SymmetryError(
            f'latent = "symmetrized" needs a group that permutes pixels, which {group_name(space)} does not; '
            'use latent = "dense"'
        )
    order = group_order(space)
    return order if order > 1 else 0
