"""The generator of a translation: image -> halvings -> doublings, each beside what was on its way down -> image."""

import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.errors import SymmetryError
from steergan.layers import draw_keep, run
from steergan.layers.filters.initialisation import drawn_later
from steergan.networks.initialization import initialize
from steergan.networks.sizes import check_image_shape
from steergan.networks.translation_blocks import Block, direct_sum, doubled, down_block, up_block
from steergan.networks.translation_sizes import check_halvings, check_pair
from steergan.networks.translation_spec import UNetSpec
from steergan.symmetry import gspace, trivial_type


class UNet(nn.Module):
    """Translates images: unet(image, keep=None) -> image.

    Args:
        spec: its settings.
        in_shape: (C, H, W) of what comes in; H and W are multiples of 2^halvings.
        out_shape: (C', H, W) of what comes out.

    Attributes:
        in_type: trivial fields, the input's channels.
        out_type: trivial fields, the output's channels.
        multiple: 2^halvings; maps of any size that it divides go through.
        dropped: numbers F that `keep` has for an image; 0: there is no dropout.

    Shapes: image (B, C, H, W) in [-1, 1], keep (B, F) -> (B, C', H, W) in [-1, 1].

    Symmetry: equivariant, for `keep` fixed: turning the input turns the output. Exact for groups that permute pixels,
        at every size that `multiple` divides. Skip connections are direct sums of fields.

    Raises:
        SymmetryError: a size that the halvings can't take, a rectangle under 90-degree rotations; fields that the
            kernel or the nonlinearity doesn't suit; strided windows off the grid.
        RecipeError: input and output of different sizes.

    Source: Isola et al. 2017, 6.1.1 (`resampling = "strided"`); Dey et al. 2021, Tables 15 and 16 (`"pooled"`).
    Differs: the mean over the group in front of the last tanh is taken of the filter bank, see `averaged_over_group`:
        the same functions, |G| times cheaper. No norm stands at a map of one pixel, whatever the group. Dropout leaves
        out whole fields, so that it commutes with the group. The fourth halving of Tables 15 and 16 takes 256 channels,
        which are what the third one leaves, and not 512.

    Examples:
        >>> unet = UNet(UNetSpec(group="C4", widths=(8, 8)), (3, 8, 8), (1, 8, 8)).eval()
        >>> image = torch.randn(2, 3, 8, 8)
        >>> turned = unet(torch.rot90(image, 1, (2, 3)))
        >>> torch.allclose(turned, torch.rot90(unet(image), 1, (2, 3)), atol=1e-5)
        True
    """

    def __init__(self, spec: UNetSpec, in_shape: tuple[int, int, int], out_shape: tuple[int, int, int]) -> None:
        super().__init__()
        space, count = gspace(spec.group), len(spec.widths)
        check_pair(in_shape, out_shape)
        check_image_shape(space, in_shape)
        spec.check(space)
        check_halvings(in_shape[1:], count, "generator")
        self.in_shape, self.out_shape, self.multiple = in_shape, out_shape, 2**count
        self.in_type, self.out_type = trivial_type(space, in_shape[0]), trivial_type(space, out_shape[0])
        self.dropout = spec.dropout
        with drawn_later(spec.initialization == "normal"):
            self._add_blocks(spec, [spec.of_width(space, width) for width in spec.widths])
        initialize(self, spec.initialization)

    def _add_blocks(self, spec: UNetSpec, hidden: list[FieldType]) -> None:
        """Down, up and to the image; `hidden` are the types of the convolutions on the way down."""
        (height, width), x_type, downs = self.in_shape[1:], self.in_type, []
        for i, out_type in enumerate(hidden):
            pixels = (height * width) >> 2 * (i + 1)
            norm = pixels > 1 and not (i == 0 and spec.resampling == "strided")
            downs.append(down_block(x_type, out_type, spec, norm=norm))
            x_type = downs[-1].out_type
        ups = []
        for i, down in enumerate(reversed(downs[:-1])):
            dropout = spec.dropout if i < spec.dropout_blocks else 0.0
            ups.append(up_block(x_type, hidden[-2 - i], spec, dropout=dropout))
            x_type = ups[-1].out_type + down.out_type
        self.downs, self.ups = nn.ModuleList(downs), nn.ModuleList(ups)
        self.dropped = sum(up.dropped for up in ups)
        self.to_image = Block(doubled(x_type, self.out_type, spec))

    def forward(self, image: Tensor, keep: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) in [-1, 1], numbers (B, F) where there is dropout -> images (B, C', H, W) in [-1, 1].

        Raises:
            SymmetryError: a size that the halvings can't take; no numbers came for dropout.
        """
        check_halvings(image.shape[2:], len(self.downs), "generator")
        if keep is None and self.dropped:
            raise SymmetryError(
                f"dropout wants numbers for each image, (B, {self.dropped}): UNet.draw_keep draws them, "
                "ones leave nothing out"
            )
        x, skips = self.in_type(image), []
        for down in self.downs:
            x = run(down, x)
            skips.append(x)
        kept, nexts = self.per_block(keep), [*self.ups, self.to_image][1:]
        for up, skip, numbers, following in zip(self.ups, skips[-2::-1], kept, nexts, strict=True):
            x = direct_sum(run(up, x, *numbers), skip, following.in_type)
        return torch.tanh(run(self.to_image, x).tensor)

    def per_block(self, keep: Tensor | None) -> list[list[Tensor]]:
        """Numbers (B, F) -> what each doubling gets of them."""
        counts = [up.dropped for up in self.ups]
        if keep is None or not self.dropped:
            return [[] for _ in counts]
        return [[part] if count else [] for part, count in zip(keep.split(counts, dim=1), counts, strict=True)]

    def draw_keep(self, images: int, generator: torch.Generator | None = None) -> Tensor:
        """Numbers for the dropout of so many images, (images, F) on the CPU, from a stream or torch's own."""
        return draw_keep(images, self.dropped, self.dropout, generator)
