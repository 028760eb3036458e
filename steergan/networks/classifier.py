"""The p4-CNN classifier: features that don't see rotations, features that do, and logits."""

from collections.abc import Sequence
from dataclasses import dataclass

from escnn import nn as enn
from torch import Tensor, nn
from torch.nn.functional import interpolate

from steergan import symmetry
from steergan.errors import SymmetryError
from steergan.layers import FieldBatchNorm, GroupConvolution, MaxPool, Pointwise, choose_convolution

LARGEST_SIDE = 64
"""Images that are larger are resized to this many pixels."""

POOLED_SIDE = 8
"""Maps below this side are not pooled; after the first pool, maps above twice this side are pooled again."""

LAST_KERNEL = 4
"""Side of the last kernel, and the smallest map that an unpadded convolution may leave for it."""


@dataclass(frozen=True)
class Architecture:
    """What a classifier is built from: `Classifier(**asdict(architecture))` is another one."""

    group: str
    classes: int
    image_shape: tuple[int, int, int]
    """(C, H, W) in pixels."""
    widths: tuple[int, ...]
    """Regular fields of each 3x3 group convolution."""
    features: int
    """Regular fields of the last group convolution: the number of invariant features."""


class Classifier(nn.Module):
    """Group convolutions down to one feature map, its maximum over the group, and a linear layer.

    3x3 group convolutions with batch norm and ReLU (one per width), a 2x2 max pool after the second, and a last group
    convolution over what is left; its mean over space gives the equivariant features, their maximum over the group the
    invariant ones. Convolutions are unpadded for as long as the last one keeps its 4 x 4 pixels: 28 pixels become
    26, 24, 12, 10, 8, 6, 4, 1. Rectangles and images beyond 64 pixels are resized to a square first.

    Args:
        group: a grid group's name.
        classes: number of labels K.
        image_shape: (C, H, W) in pixels.
        widths: regular fields of each 3x3 group convolution.
        features: number D of invariant features.

    Shapes:
        image (B, C, H, W) float in [-1, 1] -> logits (B, K).

    Symmetry: logits and `features` are invariant, `equivariant_features` move by the regular representation; exact for
    the grid groups on squares up to 64 pixels (larger squares: to the rounding of the resizing).

    Source: Cohen and Welling 2016, the p4-CNN for rotated MNIST (7 layers, 4x4 last, 10 fields each).

    Differs: the last convolution has 64 fields and batch norm and a linear layer follows its group maximum, so that
    features are more than the logits; no dropout; other image sizes; other groups.

    Raises:
        SymmetryError: the group does not map the pixel grid onto itself.
    """

    def __init__(
        self,
        group: str,
        classes: int,
        image_shape: Sequence[int],
        widths: Sequence[int] = (10, 10, 10, 10, 10, 10),
        features: int = 64,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.architecture = Architecture(group, classes, (channels, height, width), tuple(widths), features)
        space = symmetry.gspace(group)
        if not symmetry.is_grid_group(space):
            raise SymmetryError(f"classifier of group {group}: only grid groups are exact; choose C4, D4 or a subgroup")
        self.side = min(max(height, width), LARGEST_SIDE)
        self.order = symmetry.group_order(space)
        self.in_type = symmetry.trivial_type(space, channels)
        self.trunk = trunk(self.in_type, self.side, self.architecture)
        self.head = nn.Linear(features, classes)
        choose_convolution(self, "dense")  # what is measured shall not depend on the kernels that a machine has

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [-1, 1]."""
        return self.head(self.features(image))

    def features(self, image: Tensor) -> Tensor:
        """Invariant features (B, D): the maximum of every equivariant feature over the group."""
        return self.invariant(self.equivariant_features(image))

    def equivariant_features(self, image: Tensor) -> Tensor:
        """Features before group pooling (B, D * |G|), field-major: the group permutes the |G| values of each field."""
        if image.shape[-2:] != (self.side, self.side):
            image = interpolate(image, (self.side, self.side), mode="bilinear", antialias=True)
        return self.trunk(enn.GeometricTensor(image, self.in_type)).tensor.mean(dim=(2, 3))

    def invariant(self, equivariant: Tensor) -> Tensor:
        """Equivariant features (B, D * |G|) -> invariant ones (B, D)."""
        return equivariant.unflatten(1, (-1, self.order)).amax(dim=2)


def trunk(in_type: enn.FieldType, side: int, architecture: Architecture) -> enn.SequentialModule:
    """The convolutions and pools, from the image's fields to the last map's regular fields."""
    space = in_type.gspace
    layers: list[enn.EquivariantModule] = []
    for number, width in enumerate(architecture.widths):
        needed = POOLED_SIDE if number < 2 else LAST_KERNEL
        padding = 0 if side - 2 >= needed else 1
        out_type = symmetry.regular_type(space, width)
        layers += [
            GroupConvolution(in_type, out_type, 3, padding=padding, bias=False),
            FieldBatchNorm(out_type),
            Pointwise(out_type, "relu"),
        ]
        in_type, side = out_type, side - 2 + 2 * padding
        if pooled_after(number, side):
            odd = side % 2
            layers.append(MaxPool(in_type, kernel_size=2 + odd, stride=2, padding=odd))
            side = (side + odd) // 2
    out_type = symmetry.regular_type(space, architecture.features)
    layers.append(GroupConvolution(in_type, out_type, min(LAST_KERNEL, side), padding=0, bias=False))
    layers.append(FieldBatchNorm(out_type))
    return enn.SequentialModule(*layers)


def pooled_after(number: int, side: int) -> bool:
    """Whether a pool follows convolution `number` (from 0): the second, and each second one while the map is large."""
    return (number == 1 and side >= POOLED_SIDE) or (number > 1 and number % 2 == 1 and side > 2 * POOLED_SIDE)
