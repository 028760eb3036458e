"""The discriminator: image -> equivariant trunk -> group pooling -> (plain layers) -> projection with the label."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.errors import RecipeError
from steergan.layers import GroupConvolution, GroupPool, InvariantMap, Pointwise, ProjectionHead, SpectralLinear
from steergan.networks.hidden_fields import HiddenFields
from steergan.networks.initialization import initialize
from steergan.networks.sizes import check_image_shape, inscribed_disk
from steergan.networks.trunk import LEAKY_SLOPE, Trunk
from steergan.symmetry import contains, gspace, is_continuous, trivial_type


class Discriminator(nn.Module):
    """Scores images: discriminator(image, y) -> logit.

    Args:
        group: a name that `symmetry.gspace` knows; `"trivial"` makes the paper's plain CNN. Or one name for each stage
            or block, each a subgroup of the one before: symmetric at small scales, less at large ones.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.
        widths, architecture, pool, pooling, batch_norm, spectral_norm: see `Trunk`.
        downsample: whether each stage or block ends in a pool by 2; empty: all do.
        group_pool: `"end"`, or `"before-last-block"`, which is then a plain CNN's.
        plain_width: filters of one plain 3x3 convolution behind the group pooling; 0 for none.
        global_pool: `"average"` or `"sum"` over the last map.
        kernel_size, frequency, nonlinearity: see `HiddenFields`.
        disk: it sees the inscribed disk of an image, and black, which is zero, around it.
        initialization: `"orthogonal"`, or `"normal"`: N(0, 0.02).
        rotations: answers of `rotation_logits`; 0 builds no head for them.

    Shapes:
        image (B, C, H, W) in [-1, 1], y (B,) int64 -> score (B,).

    Symmetry: up to the group pooling (SO2, O2: `InvariantMap`) equivariant, as far as the trunk is. Where nothing plain
        comes behind it the score is invariant under the last group; else it sees the pose of an image, which data sets
        with a preferred pose need.

    Raises:
        RecipeError: as many `downsample` or groups as `widths` were wanted; a group that is no subgroup of the one
            before; a group pooling before the only block.
        SymmetryError: a size that the group, the disk or the pools can't take; fields that the kernel or the
            nonlinearity doesn't suit.

    Source: Dey et al. 2021, section 2.2 and 3.2, Tables 5 to 14, C.2.4; projection: Miyato and Koyama 2018. Rotation
        head: Chen et al. 2019, but before group pooling, behind which no rotation is left to see.
    """

    def __init__(
        self,
        group: str | Sequence[str],
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        architecture: str = "plain",
        widths: Sequence[int] = (128, 256, 512),
        downsample: Sequence[bool] = (),
        pool: str = "average",
        pooling: str = "exact",
        batch_norm: bool = False,
        group_pool: str = "end",
        plain_width: int = 0,
        global_pool: str = "average",
        kernel_size: int = 0,
        frequency: int = 3,
        nonlinearity: str = "auto",
        disk: bool = False,
        spectral_norm: bool = True,
        initialization: str = "orthogonal",
        rotations: int = 0,
    ) -> None:
        super().__init__()
        spaces = [gspace(name) for name in check_groups(group, widths, group_pool)]
        check_image_shape(spaces[0], image_shape)
        self.classes, self.image_shape, self.global_pool = classes, image_shape, global_pool
        downsample = check_downsample(downsample, widths)
        equivariant = check_blocks(group_pool, widths)
        self.disk_HW = Buffer(inscribed_disk(image_shape) if disk else torch.empty(0), persistent=False)
        fields = HiddenFields(kernel_size, frequency, nonlinearity)
        fields.check(spaces[0])
        options = {
            "architecture": architecture, "pool": pool, "pooling": pooling, "fields": fields,
            "batch_norm": batch_norm, "spectral_norm": spectral_norm,
        }  # fmt: skip
        self.trunk = Trunk(
            trivial_type(spaces[0], image_shape[0]),
            image_shape[1:],
            widths[:equivariant],
            downsample=downsample[:equivariant],
            spaces=spaces[:equivariant],
            last=equivariant == len(widths),
            **options,  # type: ignore[arg-type]
        )
        self.group_pool: GroupPool | InvariantMap
        if is_continuous(spaces[-1]):
            self.group_pool = InvariantMap(self.trunk.out_type)
        else:
            self.group_pool = GroupPool(self.trunk.out_type, "max")
        self.plain_type = x_type = trivial_type(gspace("trivial"), len(self.group_pool.out_type))
        tail: list[nn.Module] = []
        if equivariant < len(widths):
            block = Trunk(
                x_type,
                self.trunk.size,
                widths[equivariant:],
                downsample=downsample[equivariant:],
                first=False,
                **options,  # type: ignore[arg-type]
            )
            tail.append(block)
            x_type = block.out_type
        if plain_width:
            out_type = trivial_type(gspace("trivial"), plain_width)
            slope = 0.0 if architecture == "residual" else LEAKY_SLOPE
            tail.append(GroupConvolution(x_type, out_type, 3, spectral_norm=spectral_norm))
            tail.append(Pointwise(out_type, "leaky_relu", slope=slope))
            x_type = out_type
        self.tail = nn.ModuleList(tail)
        self.head = ProjectionHead(len(x_type), classes, spectral_norm=spectral_norm)
        self.rotation_head = None
        if rotations:
            self.rotation_head = SpectralLinear(self.trunk.out_type.size, rotations, spectral_norm=spectral_norm)
        initialize(self, initialization)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        return self.head(self.features(image), y)

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


def check_groups(group: str | Sequence[str], widths: Sequence[int], group_pool: str) -> Sequence[str]:
    """One name for each width, each a subgroup of the one before."""
    if isinstance(group, str):
        return [group] * len(widths)
    if len(group) != len(widths):
        raise RecipeError(
            f"discriminator.group has {len(group)} entries and discriminator.widths {len(widths)}; "
            "give one for each, or one name for all"
        )
    for before, after in pairwise(group):
        if not contains(before, after):
            raise RecipeError(
                f"discriminator.group goes from {before} to {after}, which is no subgroup of it; "
                "a symmetry that was given up can't come back: name the same group or a part of it"
            )
    if group_pool != "end" and len(set(group)) > 1:
        raise RecipeError(
            'discriminator.group_pool = "before-last-block" with one group per block; use "end", '
            'and "trivial" for the last block'
        )
    return group


def check_downsample(downsample: Sequence[bool], widths: Sequence[int]) -> Sequence[bool]:
    """One answer for each width."""
    if downsample and len(downsample) != len(widths):
        raise RecipeError(
            f"discriminator.downsample has {len(downsample)} entries and discriminator.widths {len(widths)}; "
            "give one for each, or none"
        )
    return downsample or (True,) * len(widths)


def check_blocks(group_pool: str, widths: Sequence[int]) -> int:
    """How many stages or blocks come before the group pooling."""
    if group_pool == "end":
        return len(widths)
    if len(widths) < 2:
        raise RecipeError(
            'discriminator.group_pool = "before-last-block" leaves no block for the group; add discriminator.widths'
        )
    return len(widths) - 1
