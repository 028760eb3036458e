"""The generator: latent and label -> seed map -> equivariant synthesis -> image."""

from typing import Any

import torch
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.errors import SymmetryError
from steergan.layers import SpectralLinear
from steergan.layers.plain import Compound
from steergan.motions import element_at
from steergan.networks.initialization import initialize
from steergan.networks.modern_spec import ModernGeneratorSpec
from steergan.networks.sizes import check_image_shape, inscribed_disk
from steergan.networks.spec import GeneratorSpec
from steergan.networks.steerable_latent import SteerableSeed, acted_on, count_invariants, steerable_type
from steergan.networks.synthesis import Synthesis
from steergan.symmetry import grid_permutation, group_name, group_order, gspace, is_grid_group, is_trivial


class Generator(nn.Module):
    """Draws images: generator(z, y, element=None) -> image.

    Args:
        spec: its settings. `latent = "dense"` is the paper's; `"symmetrized"`: the caller draws a random group
            element per sample, uniformly, which acts on the seed map; `"steerable"`: the group acts on z itself, see
            `SteerableSeed`.
        image_shape: (C, H, W) in pixels; H and W are multiples of 2^upsamplings.
        classes: number of labels K.
        disk: the image is black outside its inscribed disk.

    Attributes:
        z_dim: length Z of the latent.
        elements: how many group elements the caller draws from; 0: none are drawn.
        latent_type: how a steerable latent transforms; else None.

    Shapes:
        z (B, Z) float, y (B,) int64, element (B,) int64 index into the group's elements, None unless it is
        symmetrized -> (B, C, H, W) in [-1, 1].

    Symmetry: equivariant from the seed map on, not from z. With `"symmetrized"` and elements drawn uniformly the
        law of the images is invariant, exactly; with `"dense"` no claim is made about the law. With `"steerable"`
        equivariant from z on: G(g z, y) = g G(z, y), and the law is invariant because that of a Gaussian z is; exact
        for groups that permute pixels.

    Raises:
        SymmetryError: a size that the upsamplings can't reach, a rectangle under 90-degree rotations, in a disk or with
            a steerable latent, `"symmetrized"` for a group that does not permute pixels, or called without elements;
            fields that the kernel or the nonlinearity doesn't suit.

    Source: Dey et al. 2021, section 2.2, Tables 5 to 14. Symmetrization: Birrell et al., ICML 2022. Latents that the
        group acts on: the paper's future work, its point 4.

    Examples:
        >>> spec = GeneratorSpec(group="C4", z_dim=8, embedding_dim=4, seed_width=4, widths=(8, 4), upsamplings=1)
        >>> generator = Generator(spec, (1, 8, 8), classes=3).eval()
        >>> z, y = torch.randn(2, 8), torch.tensor([0, 2])
        >>> image, quarter = (generator(z, y, element=torch.tensor([g, g])) for g in (0, 1))
        >>> torch.allclose(quarter, torch.rot90(image, 1, (2, 3)), atol=1e-5)
        True
    """

    def __init__(
        self,
        spec: GeneratorSpec | ModernGeneratorSpec,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        disk: bool = False,
    ) -> None:
        super().__init__()
        space = gspace(spec.group)
        check_image_shape(space, image_shape)
        spec.check(space)
        channels, height, width = image_shape
        seed_pixels = seed_size(height, width, spec.upsamplings, len(spec.widths))
        self.z_dim, self.classes, self.image_shape = spec.z_dim, classes, image_shape
        self.disk_HW = Buffer(inscribed_disk(image_shape) if disk else torch.empty(0), persistent=False)
        self.embedding = nn.Embedding(classes, spec.embedding_dim)
        self.latent_type: FieldType | None = None
        self.seed: nn.Module
        self._start(spec, seed_pixels)
        if spec.latent == "steerable":
            self.latent_type = steerable_type(spec.representation_after(space), space, spec.z_dim, (height, width))
            self.conditioning = count_invariants(self.latent_type) + spec.embedding_dim
        else:
            self.conditioning = spec.z_dim + spec.embedding_dim
            self.seed = self._dense_seed(spec, seed_pixels)
        self.synthesis = self._synthesis(spec, channels, seed_pixels)
        if self.latent_type is not None:
            self.seed = SteerableSeed(
                self.latent_type, spec.embedding_dim, self.synthesis.in_type, seed_pixels[0],
                spectral_norm=spec.spectral_norm, band_limited=spec.band_limited,
            )  # fmt: skip
        self.seed_shape = (self.synthesis.in_type.size, *seed_pixels)
        self._first_weights(spec)
        self.elements = symmetrizing_elements(space) if spec.latent == "symmetrized" else 0
        turn_GP = torch.empty(0, dtype=torch.int64)
        if self.elements:
            turn_GP = torch.from_numpy(grid_permutation(space, *seed_pixels))
        self.turn_GP = Buffer(turn_GP, persistent=False)

    def _start(self, spec: Any, seed_pixels: tuple[int, int]) -> None:
        """What architectures need before their parts are made."""

    def _dense_seed(self, spec: Any, seed_pixels: tuple[int, int]) -> nn.Module:
        """From the conditioning vector, (B, conditioning), to the seed map, flat."""
        features = spec.seed_width * seed_pixels[0] * seed_pixels[1]
        return SpectralLinear(self.conditioning, features, spectral_norm=spec.spectral_norm)

    def _synthesis(self, spec: Any, channels: int, seed_pixels: tuple[int, int]) -> Compound:
        """From the seed map to the image, before tanh."""
        return Synthesis(spec, channels, self.conditioning, seed_pixels)

    def _first_weights(self, spec: Any) -> None:
        nn.init.orthogonal_(self.embedding.weight)
        initialize(self, spec.initialization)

    @property
    def turns(self) -> list[tuple[Tensor, tuple[int, int]]]:
        """What an element moves: for each map where its pixels come from, (G, h * w) int64, and (h, w)."""
        return [(self.turn_GP[: self.elements], (self.seed_shape[1], self.seed_shape[2]))]

    def seed_map(self, c: Tensor, element: Tensor | None) -> Tensor:
        """Latent and embedding, joined -> (B, seed_width, h, w), acted on by each sample's group element."""
        x_BCP = self.seed(c).unflatten(1, self.seed_shape).flatten(2)
        if element is not None and self.elements:
            source_B1P = self.turn_GP[element].unsqueeze(1)
            x_BCP = x_BCP.gather(2, source_B1P.expand(-1, x_BCP.shape[1], -1))
        return x_BCP.unflatten(2, self.seed_shape[1:])

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        """Latents (B, Z), labels (B,) int64, elements (B,) int64 or None -> images (B, C, H, W) in [-1, 1].

        Raises:
            SymmetryError: no element came for a symmetrized latent: the law of the images would not be invariant.
        """
        if element is None and self.elements:
            raise SymmetryError(
                f'latent = "symmetrized" wants an element for each image, (B,) int64 below {self.elements}; '
                "steergan.training.draw_latents and steergan.run.sample draw them, zeros are the identity"
            )
        return self.decode(torch.cat([z, self.embedding(y)], dim=1), element)

    def decode(self, c: Tensor, element: Tensor | None = None) -> Tensor:
        """Latent and embedding, joined, (B, Z + embedding) -> image; labels may be mixed by mixing their embeddings."""
        if self.latent_type is not None:
            return self.from_latent(c[:, : self.z_dim, None, None], c[:, self.z_dim :])
        return self.render(self.seed_map(c, element), c)

    def from_latent(self, z: Tensor, e: Tensor) -> Tensor:
        """A steerable latent (B, Z, 1, 1) and an embedding (B, E) -> image, equivariant in z."""
        assert isinstance(self.seed, SteerableSeed)
        seed, c = self.seed(z, e)
        return self.render(seed.tensor, c)

    def render(self, seed: Tensor, c: Tensor) -> Tensor:
        """Seed map (B, C, h, w) and conditioning vector (B, conditioning) -> image; equivariant in the seed map."""
        image = self.squashed(self.synthesis(self.synthesis.in_type(seed), c).tensor)
        return (image + 1) * self.disk_HW - 1 if self.disk_HW.numel() else image

    def squashed(self, image: Tensor) -> Tensor:
        """Image before tanh -> image in [-1, 1], of any shape."""
        return torch.tanh(image)

    def turned(self, z: Tensor, degrees: float, reflect: bool = False) -> Tensor:
        """rho(g) z for latents (B, Z): their images, reflected left and right if asked, then turned counterclockwise.

        Raises:
            SymmetryError: the latent is not steerable, or the group has no such element.
        """
        if self.latent_type is None:
            raise SymmetryError('only a steerable latent can be turned; train with generator.latent = "steerable"')
        return acted_on(z, self.latent_type, element_at(self.latent_type.gspace, degrees, reflect))


def seed_size(height: int, width: int, upsamplings: int, stages: int) -> tuple[int, int]:
    """Size of the seed map from which `upsamplings` doublings reach the image.

    Raises:
        SymmetryError: there is none, or fewer stages than upsamplings.
    """
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
    """How many elements a symmetrized latent draws from; 0 for the trivial group, which leaves nothing to draw.

    Raises:
        SymmetryError: the group does not permute pixels.
    """
    if not is_grid_group(space):
        raise SymmetryError(
            f'latent = "symmetrized" needs a group that permutes pixels, which {group_name(space)} does not; '
            'use latent = "auto", "steerable" or "dense"'
        )
    return 0 if is_trivial(space) else group_order(space)
