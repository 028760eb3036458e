"""The discriminator: image -> equivariant trunk -> invariant features -> projection with the label."""

from collections.abc import Sequence

from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SymmetryError
from steergan.layers import AveragePool, GroupConvolution, GroupPool, Pointwise, ProjectionHead
from steergan.networks.generator import filter_size
from steergan.networks.sizes import check_image_shape
from steergan.symmetry import fields_for_width, group_order, gspace, regular_type, trivial_type

LEAKY_SLOPE = 0.2
"""Source: Dey et al. 2021, appendix C.2."""


class Trunk(EquivariantModule):
    """Image fields -> regular fields: per width a convolution, leaky ReLU and an average pool by 2.

    Args:
        space: the group's gspace.
        image_shape: (C, H, W) in pixels.
        widths: channels that a plain CNN would have, per stage; see `symmetry.fields_for_width`.
        pooling: `"exact"`: 2x2 pools on even maps, 3x3 with stride 2 and padding 1 on odd ones; `"paper"`: 2x2
            everywhere, which drops a row and a column of an odd map.
        spectral_norm: of every convolution.

    Symmetry: equivariant; exact for groups that permute pixels with `"exact"`, broken with `"paper"` on an odd map.

    Raises:
        SymmetryError: a map too small to pool, or (exact) with one odd and one even side.

    Source: Dey et al. 2021, Tables 5 and 6. Differs: the odd pool, because 7 -> 3 loses the equivariance.
    """

    def __init__(
        self,
        space: GSpace2D,
        image_shape: tuple[int, int, int],
        widths: Sequence[int],
        *,
        pooling: str = "exact",
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.in_type = x_type = trivial_type(space, channels)
        stages: list[nn.Module] = []
        for i, stage_width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, stage_width))
            stages.append(GroupConvolution(x_type, out_type, filter_size(space), spectral_norm=spectral_norm))
            stages.append(Pointwise(out_type, "leaky_relu", slope=LEAKY_SLOPE))
            strict = pooling == "exact" and group_order(space) > 1
            kernel_size, padding = pool_geometry(height, width, pooling, strict, f"discriminator stage {i + 1}")
            stages.append(AveragePool(out_type, kernel_size, 2, padding, strict=strict))
            height, width = ((n + 2 * padding - kernel_size) // 2 + 1 for n in (height, width))
            x_type = out_type
        self.out_type = x_type
        self.stages = nn.ModuleList(stages)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        for stage in self.stages:
            x = stage(x)
        return x

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        return input_shape


class Discriminator(nn.Module):
    """Scores images: discriminator(image, y) -> logit.

    Args:
        group: a name of `symmetry.GROUPS`; `"trivial"` makes the paper's plain CNN.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.
        widths, pooling, spectral_norm: see `Trunk`.

    Shapes:
        image (B, C, H, W) in [-1, 1], y (B,) int64 -> score (B,).

    Symmetry: invariant, as far as the trunk is equivariant.

    Raises:
        SymmetryError: a size that the group or the pools can't take.

    Source: Dey et al. 2021, section 2.2, Tables 5 and 6; projection: Miyato and Koyama 2018.
    """

    def __init__(
        self,
        group: str,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        widths: Sequence[int] = (128, 256, 512),
        pooling: str = "exact",
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        space = gspace(group)
        check_image_shape(space, image_shape)
        self.classes, self.image_shape = classes, image_shape
        self.trunk = Trunk(space, image_shape, widths, pooling=pooling, spectral_norm=spectral_norm)
        self.group_pool = GroupPool(self.trunk.out_type, "max")
        self.head = ProjectionHead(len(self.trunk.out_type), classes, spectral_norm=spectral_norm)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        phi_BD = self.group_pool(self.trunk(self.trunk.in_type(image))).tensor.mean(dim=(2, 3))
        return self.head(phi_BD, y)


def pool_geometry(height: int, width: int, pooling: str, strict: bool, layer: str) -> tuple[int, int]:
    """(kernel size, padding) of the pool with stride 2 that suits a map of this size."""
    if min(height, width) < 2:
        raise SymmetryError(
            f"{layer}: a map of {height} x {width} is too small to pool; use fewer discriminator.widths"
        )
    if height % 2 == 1 and width % 2 == 1 and pooling == "exact":
        return 3, 1
    if not strict or (height % 2 == 0 and width % 2 == 0):
        return 2, 0
    raise SymmetryError(
        f"{layer}: no pool by 2 is exact on a map of {height} x {width}; "
        f'choose sizes whose sides stay both even or both odd, or discriminator.pooling = "paper"'
    )
