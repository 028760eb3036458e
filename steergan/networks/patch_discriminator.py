"""The discriminator of a translation: input and output together -> halvings -> a score for every patch."""

import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.errors import SymmetryError
from steergan.layers import run
from steergan.layers.filters.initialisation import drawn_later
from steergan.networks.initialization import initialize
from steergan.networks.sizes import check_image_shape
from steergan.networks.translation_blocks import convolution, direct_sum, down_block
from steergan.networks.translation_sizes import check_halvings, check_pair
from steergan.networks.translation_spec import PatchDiscriminatorSpec
from steergan.symmetry import gspace, trivial_type


class PatchDiscriminator(nn.Module):
    """Scores the patches of pairs: discriminator(input, output) -> scores.

    Args:
        spec: its settings.
        in_shape: (C, H, W) of what is translated.
        out_shape: (C', H, W) of its translation.

    Attributes:
        in_type: trivial fields of both images, one type for each.
        out_type: one trivial field.

    Shapes: input (B, C, H, W) and output (B, C', H, W) in [-1, 1] -> scores (B, 1, h, w), logits unless
        `output = "paper"`.

    Symmetry: equivariant where both images are turned: the map of scores turns along, and its mean stays. Exact for
        groups that permute pixels.

    Raises:
        SymmetryError: a size that the halvings can't take (a plain CNN takes others), a map that is too small for the
            last windows; fields that the kernel or the nonlinearity doesn't suit; strided windows off the grid.
        RecipeError: input and output of different sizes.

    Source: Isola et al. 2017, 6.1.2 (`resampling = "strided"`); Dey et al. 2021, Tables 15 and 16 (`"pooled"`).
    Differs: logits in place of tanh, unless asked; the mean over the group at the end is taken of the filter bank.

    Examples:
        >>> spec = PatchDiscriminatorSpec(group="D4", widths=(8, 8))
        >>> discriminator = PatchDiscriminator(spec, (3, 8, 8), (1, 8, 8)).eval()
        >>> image, translation = torch.randn(2, 3, 8, 8), torch.randn(2, 1, 8, 8)
        >>> scores = discriminator(image, translation)
        >>> tuple(scores.shape), torch.allclose(discriminator(image.mT, translation.mT), scores.mT, atol=1e-5)
        ((2, 1, 4, 4), True)
    """

    def __init__(
        self, spec: PatchDiscriminatorSpec, in_shape: tuple[int, int, int], out_shape: tuple[int, int, int]
    ) -> None:
        super().__init__()
        space, halvings = gspace(spec.group), len(spec.widths) - 1
        check_pair(in_shape, out_shape)
        check_image_shape(space, in_shape)
        spec.check(space)
        check_halvings(in_shape[1:], halvings, "discriminator")
        self.in_shape, self.out_shape, self.output = in_shape, out_shape, spec.output
        self.in_type = (trivial_type(space, in_shape[0]), trivial_type(space, out_shape[0]))
        self.out_type = trivial_type(space, 1)
        least = min(in_shape[1:]) >> halvings
        if spec.resampling == "strided" and least < 3:
            raise SymmetryError(
                f"images of {in_shape[1]} x {in_shape[2]} pixels leave {least} pixels a side after {halvings} "
                f"halvings, and the last two convolutions take one each; {3 << halvings} pixels would do, or fewer "
                "discriminator.widths"
            )
        with drawn_later(spec.initialization == "normal"):
            self._add_blocks(spec, [spec.of_width(space, width) for width in spec.widths])
        initialize(self, spec.initialization)

    def _add_blocks(self, spec: PatchDiscriminatorSpec, hidden: list[FieldType]) -> None:
        """Blocks and the convolution to the scores; `hidden` are the types of the blocks' convolutions."""
        (height, width), halvings = self.in_shape[1:], len(hidden) - 1
        x_type, blocks = self.in_type[0] + self.in_type[1], []
        for i, out_type in enumerate(hidden):
            pixels = (height * width) >> 2 * min(i + 1, halvings)
            norm = pixels > 1 and not (i == 0 and spec.resampling == "strided")
            blocks.append(down_block(x_type, out_type, spec, halve=i < halvings, norm=norm))
            x_type = blocks[-1].out_type
        self.blocks = nn.ModuleList(blocks)
        self.to_scores = convolution(x_type, self.out_type, spec)

    def forward(self, input: Tensor, output: Tensor) -> Tensor:
        """Inputs (B, C, H, W) and outputs (B, C', H, W) in [-1, 1] -> scores (B, 1, h, w)."""
        x = direct_sum(self.in_type[0](input), self.in_type[1](output), self.blocks[0].in_type)
        for block in self.blocks:
            x = run(block, x)
        scores: Tensor = self.to_scores(x).tensor
        return torch.tanh(scores) if self.output == "paper" else scores
