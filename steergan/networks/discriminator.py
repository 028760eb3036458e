"""The discriminator: image -> equivariant trunk -> group pooling -> (plain layers) -> projection with the label."""

from typing import Any

import torch
from escnn.nn import FieldType
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.layers import (
    GroupConvolution,
    GroupPool,
    InvariantMap,
    MinibatchDeviation,
    Pointwise,
    ProjectionHead,
    SpectralLinear,
)
from steergan.networks.initialization import initialize
from steergan.networks.modern_spec import ModernDiscriminatorSpec
from steergan.networks.sizes import check_image_shape, inscribed_disk
from steergan.networks.spec import DiscriminatorSpec
from steergan.networks.stages import discriminator_stages
from steergan.networks.trunk import LEAKY_SLOPE, LayerChain, Trunk
from steergan.symmetry import gspace, is_continuous, trivial_type


class Discriminator(nn.Module):
    """Scores images: discriminator(image, y) -> logit.

    Args:
        spec: its settings.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.
        disk: it sees the inscribed disk of an image, and black, which is zero, around it.
        rotations: answers of `rotation_logits`; 0 builds no head for them.

    Shapes:
        image (B, C, H, W) in [-1, 1], y (B,) int64 -> score (B,).

    Symmetry: up to the group pooling (SO2, O2: `InvariantMap`) equivariant, as far as the trunk is. Where nothing plain
        comes behind it the score is invariant under the last group; else it sees the pose of an image, which data sets
        with a preferred pose need. With `minibatch_deviation` a score depends on the other images of its group, and
        not on their poses: each may be moved by an element of its own.

    Raises:
        RecipeError: as many `downsample` or groups as `widths` were wanted; a group that is no subgroup of the one
            before; a group pooling before the only block.
        SymmetryError: a size that the group, the disk or the pools can't take; fields that the kernel or the
            nonlinearity doesn't suit.

    Source: Dey et al. 2021, section 2.2 and 3.2, Tables 5 to 14, C.2.4; projection: Miyato and Koyama 2018. Rotation
        head: Chen et al. 2019, but before group pooling, behind which no rotation is left to see.

    Examples:
        >>> discriminator = Discriminator(DiscriminatorSpec(group="D4", widths=(8, 16)), (1, 8, 8), classes=3).eval()
        >>> image, y = torch.randn(2, 1, 8, 8), torch.tensor([0, 2])
        >>> torch.allclose(discriminator(image.flip(3), y), discriminator(image, y), atol=1e-5)
        True
    """

    gain: Tensor | None
    """What the scores are multiplied by, a scalar; see `gain_for`."""

    def __init__(
        self,
        spec: DiscriminatorSpec | ModernDiscriminatorSpec,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        disk: bool = False,
        rotations: int = 0,
    ) -> None:
        super().__init__()
        space = gspace(spec.groups[0])
        check_image_shape(space, image_shape)
        spec.check(space)
        self.classes, self.image_shape, self.global_pool = classes, image_shape, spec.global_pool
        self.disk_HW = Buffer(inscribed_disk(image_shape) if disk else torch.empty(0), persistent=False)
        self.trunk: LayerChain
        self.group_pool: GroupPool | InvariantMap
        x_type = self._build(spec)
        compared = spec.minibatch_deviation
        self.minibatch_deviation = MinibatchDeviation(compared) if compared else None
        self.head = ProjectionHead(
            len(x_type) + (compared > 0), classes, spectral_norm=spec.spectral_norm, embedding_norm=spec.embedding_norm
        )
        self.register_buffer("gain", torch.ones(()) if spec.initial_gradient else None)
        self.rotation_answers = rotations
        self.rotation_head = None
        if rotations:
            self.rotation_head = SpectralLinear(self.trunk.out_type.size, rotations, spectral_norm=spec.spectral_norm)
        initialize(self, spec.initialization)

    def _build(self, spec: Any) -> FieldType:
        """Make the trunk, the group pooling and what comes behind it, whose type is returned."""
        steered, plain = discriminator_stages(spec, self.image_shape)
        self._steer(Trunk(steered, spec, last=not plain))
        x_type = self.plain_type
        if plain:
            block = Trunk(plain, spec)
            self.tail.append(block)
            x_type = block.out_type
        if spec.plain_width:
            out_type = trivial_type(gspace("trivial"), spec.plain_width)
            slope = 0.0 if spec.architecture == "residual" else LEAKY_SLOPE
            self.tail.append(GroupConvolution(x_type, out_type, 3, spectral_norm=spec.spectral_norm))
            self.tail.append(Pointwise(out_type, "leaky_relu", slope=slope))
            x_type = out_type
        return x_type

    def _steer(self, trunk: LayerChain) -> None:
        """Take a trunk, and a group pooling that suits it; nothing comes behind it yet."""
        self.trunk = trunk
        continuous = is_continuous(trunk.out_type.gspace)
        self.group_pool = InvariantMap(trunk.out_type) if continuous else GroupPool(trunk.out_type, "max")
        self.plain_type = trivial_type(gspace("trivial"), len(self.group_pool.out_type))
        self.tail = nn.ModuleList()

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] and labels (B,) int64 -> scores (B,)."""
        phi = self.features(image)
        score_B = self.head(phi if self.minibatch_deviation is None else self.minibatch_deviation(phi), y)
        return score_B if self.gain is None else self.gain * score_B

    def features(self, image: Tensor) -> Tensor:
        """Image (B, C, H, W) -> phi (B, D), what is projected."""
        x = self.group_pool(self.trunk(self.trunk.in_type(self.seen(image))))
        if len(self.tail):
            x = self.plain_type(x.tensor)
            for layer in self.tail:
                x = layer(x)
        return self.over_space(x.tensor)

    def rotation_logits(self, image: Tensor) -> Tensor:
        """Image (B, C, H, W) -> (B, rotations): which of the rotations it was turned by.

        Raises:
            ValueError: built without `rotations`.
        """
        if self.rotation_head is None:
            raise ValueError("this discriminator was built without rotations=; it has no head for them")
        return self.rotation_head(self.over_space(self.trunk(self.trunk.in_type(self.seen(image))).tensor))

    def seen(self, image: Tensor) -> Tensor:
        """What the trunk gets of an image (B, C, H, W): all of it, or the disk on black, which is 0, as padding is."""
        return (image + 1) * self.disk_HW if self.disk_HW.numel() else image

    def over_space(self, x: Tensor) -> Tensor:
        """Pool a map (B, D, H, W) to (B, D)."""
        return x.sum(dim=(2, 3)) if self.global_pool == "sum" else x.mean(dim=(2, 3))
