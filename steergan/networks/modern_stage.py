"""What a stage of either modern network consists of, between its changes of size."""

from escnn.nn import FieldType

from steergan.layers import Bottleneck, GroupConvolution, set_row_length
from steergan.networks.modern_spec import ModernDiscriminatorSpec, ModernGeneratorSpec


def stage_layers(
    spec: ModernGeneratorSpec | ModernDiscriminatorSpec,
    in_type: FieldType,
    width: int,
    *,
    first: bool,
    conditioning: int = 0,
) -> tuple[GroupConvolution, list[Bottleneck]]:
    """A convolution, 1x1 but for the first stage's, and residual blocks behind it.

    Args:
        spec: of the network.
        in_type: what comes in.
        width: channels of a plain CNN.
        first: of the network's stages.
        conditioning: length of the style that the blocks take; 0: none.
    """
    space, size = in_type.gspace, spec.filter_size(in_type.gspace)
    out_type = spec.after(spec.of_width(space, width))
    convolution = GroupConvolution(in_type, out_type, size if first else 1)
    set_row_length(convolution, 1)
    hidden = spec.of_width(space, spec.hidden_width(width))
    blocks = [
        Bottleneck(
            out_type, hidden, cardinality=spec.cardinality, kernel_size=size, conditioning=conditioning,
            share=1 / (spec.blocks * len(spec.widths)),
        )
        for _ in range(spec.blocks)
    ]  # fmt: skip
    return convolution, blocks
