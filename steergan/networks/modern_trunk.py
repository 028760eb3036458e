"""The equivariant half of the modern discriminator: residual blocks without norms, between poolings."""

from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType

from steergan.errors import SymmetryError
from steergan.layers import GroupedConvolution, HalvingPool, Restriction, activation, set_row_length
from steergan.layers.bottleneck import GAIN, SLOPE
from steergan.networks.modern_spec import ModernDiscriminatorSpec
from steergan.networks.modern_stage import stage_layers
from steergan.networks.stages import check_groups, pool_geometry, pooled
from steergan.networks.trunk import LayerChain
from steergan.symmetry import gspace, is_trivial, trivial_type


class ModernTrunk(LayerChain):
    """Image -> stages -> one pixel of hidden fields, or a map.

    A stage is a restriction (where its group is another), a pool by 2 and a 1x1 convolution (the first: a convolution
    of the image), residual blocks and, where the spec says so, self-attention. The last map is filtered field by field,
    and a nonlinearity follows.

    Args:
        spec: of the discriminator.
        image_shape: (C, H, W) in pixels.

    Attributes:
        restrictions: positions in `stages` of the layers that take a subgroup.

    Shapes: (B, C, H, W) -> (B, channels of out_type, h, w), halved by every stage but the first; h = w = 1 where the
        last map is filtered.

    Symmetry: equivariant under the last group; exact for groups that permute pixels. Before a restriction, under the
        larger group.

    Raises:
        RecipeError: another number of groups or of answers of `attention` than of widths; a group that is no subgroup
            of the one before.
        SymmetryError: a map that can't be pooled exactly; a last map that is no square, and is to be filtered; fields
            and kernels that don't suit each other.

    Source: Huang et al. 2024 (R3GAN); fields in place of channels: own. Restriction: Weiler and Cesa 2019, section 2.7.
    Differs: a leaky ReLU stands in front of the group pooling.
    """

    def __init__(self, spec: ModernDiscriminatorSpec, image_shape: tuple[int, int, int]) -> None:
        spaces = [gspace(name) for name in check_groups(spec)]
        x_type, size = trivial_type(spaces[0], image_shape[0]), (image_shape[1], image_shape[2])
        layers: list[EquivariantModule] = []
        ends: list[int] = []
        attends = spec.attends(len(spaces), "discriminator")
        for i, (width, space) in enumerate(zip(spec.widths, spaces, strict=True)):
            if space != x_type.gspace:
                layers.append(Restriction(x_type, space))
                x_type = layers[-1].out_type
            if i:
                pool, size = halving(size, space, i)
                layers.append(pool(x_type))
            convolution, blocks = stage_layers(spec, x_type, width, first=i == 0)
            layers += [convolution, *blocks]
            x_type = layers[-1].out_type
            if attends[i]:
                layers.append(spec.attention_on(x_type, size, spec.spectral_norm))
            ends.append(len(layers) - 1)
        if spec.global_pool == "depthwise":
            layers.append(filter_of_each_field(spec, x_type, size))
        layers.append(activation(layers[-1].out_type, "leaky_relu", SLOPE))
        ends[-1] = len(layers) - 1
        super().__init__(layers, ends)


def halving(size: tuple[int, int], space: GSpace2D, stage: int) -> tuple[HalvingPool, tuple[int, int]]:
    """The antialiased pool that suits a map of this size, and the size that it leaves.

    Raises:
        SymmetryError: there is none.
    """
    strict = not is_trivial(space)
    window, padding = pool_geometry(*size, "exact", strict, f"discriminator stage {stage + 1}")
    return HalvingPool("average", window, padding, strict, antialiased=True), pooled(size, window, padding)


def filter_of_each_field(spec: ModernDiscriminatorSpec, x_type: FieldType, size: tuple[int, int]) -> GroupedConvolution:
    """A convolution as large as the map, from every field to one field.

    Raises:
        SymmetryError: the map is no square.
    """
    height, width = size
    if height != width:
        raise SymmetryError(
            f"discriminator: a last map of {height} x {width} has no square filter of its size; "
            'use discriminator.global_pool = "average" or "sum", or images that are squares'
        )
    before = FieldType(x_type.gspace, [spec.representation(x_type.gspace)] * len(x_type))
    layer = GroupedConvolution(x_type, before, height, cardinality=len(x_type), padding=0)
    set_row_length(layer, GAIN)
    return layer
