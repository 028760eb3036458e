"""The generator: latent and label -> seed map -> equivariant synthesis -> image."""

from collections.abc import Sequence

import torch
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.errors import SymmetryError
from steergan.layers import (
    ConditionalBatchNorm,
    GroupConvolution,
    GroupPool,
    Pointwise,
    SpectralLinear,
    Upsample,
    UpsampleConvolution,
)
from steergan.networks.sizes import check_image_shape
from steergan.symmetry import (
    fields_for_width,
    grid_permutation,
    group_name,
    group_order,
    gspace,
    is_grid_group,
    regular_type,
    trivial_type,
)


class Stage(EquivariantModule):
    """Upsampling by 2 (if asked), convolution, conditional batch norm (except in the first stage), ReLU."""

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        conditioning: int | None,
        *,
        upsample: bool,
        spectral_norm: bool,
    ) -> None:
        super().__init__()
        self.in_type, self.out_type = in_type, out_type
        self.upsample, self.convolution = upsampled_convolution(
            in_type, out_type, upsample=upsample, bias=conditioning is None, spectral_norm=spectral_norm
        )
        self.norm = None
        if conditioning is not None:
            self.norm = ConditionalBatchNorm(out_type, conditioning, spectral_norm=spectral_norm)
        self.activation = Pointwise(out_type, "relu")

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        if self.upsample is not None:
            x = self.upsample(x)
        x = self.convolution(x)
        if self.norm is not None:
            x = self.norm(x, c)
        return self.activation(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        return self.convolution.evaluate_output_shape(input_shape)


class Synthesis(EquivariantModule):
    """Seed map and conditioning vector -> image fields, before tanh.

    Args:
        space: the group's gspace.
        seed_channels: trivial fields of the seed map.
        widths: channels that a plain CNN would have, per stage; see `symmetry.fields_for_width`.
        channels: of the image.
        conditioning: length of the conditioning vector c.
        upsamplings: the first so many stages are followed by an upsampling by 2.
        spectral_norm: of every convolution and of the dense layers in the conditional batch norms.

    Shapes:
        x (B, seed_channels, h, w), c (B, conditioning) -> (B, channels, 2^upsamplings h, 2^upsamplings w).

    Symmetry: equivariant in x for c fixed; exact for the groups that permute pixels.

    Source: Dey et al. 2021, Tables 5 and 6, appendix C.2.1.
    """

    def __init__(
        self,
        space: GSpace2D,
        seed_channels: int,
        widths: Sequence[int],
        channels: int,
        conditioning: int,
        *,
        upsamplings: int,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        self.in_type = trivial_type(space, seed_channels)
        self.out_type = trivial_type(space, channels)
        stages, x_type = [], self.in_type
        for i, width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, width))
            stages.append(
                Stage(
                    x_type,
                    out_type,
                    conditioning if i > 0 else None,
                    upsample=0 < i <= upsamplings,
                    spectral_norm=spectral_norm,
                )
            )
            x_type = out_type
        self.stages = nn.ModuleList(stages)
        self.upsample, self.to_image = upsampled_convolution(
            x_type, regular_type(space, channels), upsample=0 < len(widths) <= upsamplings, spectral_norm=spectral_norm
        )
        self.group_pool = GroupPool(self.to_image.out_type, "max")

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        for stage in self.stages:
            x = stage(x, c)
        if self.upsample is not None:
            x = self.upsample(x)
        return self.group_pool(self.to_image(x))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        return self.group_pool.evaluate_output_shape(self.to_image.evaluate_output_shape(input_shape))


class Generator(nn.Module):
    """Draws images: generator(z, y, element=None) -> image.

    Args:
        group: a name of `symmetry.GROUPS`; `"trivial"` makes the paper's plain CNN.
        image_shape: (C, H, W) in pixels; H and W are multiples of 2^upsamplings.
        classes: number of labels K.
        latent: `"dense"`, the paper's, or `"symmetrized"`: the caller draws a uniformly random group element per
            sample, and it acts on the seed map.
        z_dim, embedding_dim: lengths of the latent z and of the embedded label; c is both, joined.
        seed_width: trivial fields of the seed map.
        widths, upsamplings, spectral_norm: see `Synthesis`.

    Shapes:
        z (B, Z) float, y (B,) int64, element (B,) int64 index into the group's elements or None (identity)
        -> (B, C, H, W) in [-1, 1].

    Symmetry: equivariant from the seed map on, not from z. With `"symmetrized"` and elements drawn uniformly the
        law of the images is invariant, exactly; with `"dense"` no claim is made about the law.

    Raises:
        SymmetryError: a size that the upsamplings can't reach, a rectangle under 90-degree rotations, or
            `"symmetrized"` for a group that does not permute pixels.

    Source: Dey et al. 2021, section 2.2, Tables 5 and 6. Symmetrization: Birrell et al., ICML 2022.
    """

    def __init__(
        self,
        group: str,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        latent: str = "dense",
        z_dim: int = 64,
        embedding_dim: int = 64,
        seed_width: int = 128,
        widths: Sequence[int] = (512, 256, 128),
        upsamplings: int = 2,
        spectral_norm: bool = True,
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
        self.synthesis = Synthesis(
            space,
            seed_width,
            widths,
            channels,
            conditioning,
            upsamplings=upsamplings,
            spectral_norm=spectral_norm,
        )
        nn.init.orthogonal_(self.embedding.weight)
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
            f"generator.upsamplings = {upsamplings} exceeds the {stages} stages of generator.widths; add widths"
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


def filter_size(space: GSpace2D) -> int:
    """3, as in the paper; 5 off the grid, where 3x3 holds too few angular frequencies."""
    return 3 if is_grid_group(space) else 5


def upsampled_convolution(
    in_type: FieldType, out_type: FieldType, *, upsample: bool, bias: bool = True, spectral_norm: bool
) -> tuple[Upsample | None, GroupConvolution | UpsampleConvolution]:
    """A convolution and what comes before it: off the grid the upsampling, on it nothing, for one layer does both."""
    space = in_type.gspace
    size = filter_size(space)
    if upsample and upsampling_mode(space) == "nearest":
        return None, UpsampleConvolution(in_type, out_type, size, bias=bias, spectral_norm=spectral_norm)
    convolution = GroupConvolution(in_type, out_type, size, bias=bias, spectral_norm=spectral_norm)
    return Upsample(in_type, 2, upsampling_mode(space)) if upsample else None, convolution


def upsampling_mode(space: GSpace2D) -> str:
    """Nearest, as in the paper; bilinear off the grid, where nearest errs several times more."""
    return "nearest" if is_grid_group(space) else "bilinear"
