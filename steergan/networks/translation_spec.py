"""What networks that translate images into images are built from: settings and their defaults, which recipes share."""

from typing import Annotated, Literal

from escnn.gspaces import GSpace2D
from pydantic import BeforeValidator, Field

from steergan.errors import SymmetryError
from steergan.networks.hidden_fields import HiddenFields
from steergan.networks.spec import Initialization, Normed, Widths, one_group
from steergan.symmetry import group_name, is_grid_group

WINDOW = 4
"""Pixels along one side of strided windows: with stride 2 and padding 1 they lie symmetrically on even maps."""


class TranslationFields(HiddenFields):
    """The keys that both networks of a translation have."""

    group: Annotated[str, BeforeValidator(one_group)] = "C4"
    """`trivial` makes a plain CNN."""
    resampling: Literal["pooled", "strided"] = "pooled"
    """How maps are halved and doubled. `pooled`: 3x3 convolutions with average pools behind and nearest upsampling in
    front of them (the paper's optimised form; off the grid 5x5, bilinear). `strided`: 4x4 convolutions with a stride of
    2 and a padding of 1, and their transposes (the original form), for groups that permute pixels; exact on even
    maps."""
    norm: Literal["instance", "batch", "layer", "off"] = "instance"
    """Behind convolutions. `instance`: moments of one image and one field, in training and afterwards: what batch norm
    is at batch 1, trained and tested with the moments of its batch as Pix2Pix does. `batch`: moments of the batch in
    training, running ones in evaluation. `layer`: moments of one image over all fields. No norm stands where a map has
    one pixel, whatever the group: one value of a plain CNN has no variance, several of a field have."""
    spectral_norm: Normed = "off"
    """Of every convolution: `bank`, `weights` or `off`."""
    initialization: Initialization = "normal"
    """Of the free weights: N(0, 0.02), or orthogonal."""

    def filter_size(self, space: GSpace2D) -> int:
        """Taps along one side of all filters."""
        if self.resampling == "strided":
            return WINDOW
        return super().filter_size(space)

    def check(self, space: GSpace2D) -> None:
        """Refuse what suits other groups only.

        Raises:
            SymmetryError: strided windows off the grid, or with a kernel size; band-limited filters on it; another
                group's nonlinearity.
        """
        super().check(space)
        if self.band_limited:
            raise SymmetryError(
                f'filters = "{self.filters}" is for networks that draw images from latents; leave it out'
            )
        if self.resampling == "strided" and not is_grid_group(space):
            raise SymmetryError(
                f'resampling = "strided" is for groups that permute pixels, which {group_name(space)} does not; '
                'use "pooled"'
            )
        if self.resampling == "strided" and self.kernel_size:
            raise SymmetryError(
                f'kernel_size = {self.kernel_size} with resampling = "strided", whose windows have {WINDOW} pixels a '
                'side; leave kernel_size out, or use "pooled"'
            )


class UNetSpec(TranslationFields):
    """A U-Net: image -> halvings -> doublings, each beside what was on its way down -> image.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.

    Examples:
        >>> UNetSpec(group="D4", widths=(16, 32)).norm
        'instance'
    """

    architecture: Literal["unet"] = "unet"
    """It translates images."""
    widths: Widths = (64, 128, 256, 512, 512, 512, 512, 512)
    """Channels of a plain CNN behind each halving, of which there are as many; sides of images are multiples of 2 to
    that number. The group gets width / sqrt(|G|) fields, off the grid as many as have the same number of weights."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the fields that are left out in the first doublings, in training and afterwards: the only noise that the
    network gets (Pix2Pix: 0.5)."""
    dropout_blocks: Annotated[int, Field(ge=1)] = 3
    """How many of the doublings, from the first, have dropout."""


class PatchDiscriminatorSpec(TranslationFields):
    """A PatchGAN discriminator: input and output together -> halvings -> a score for every patch.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.

    Examples:
        >>> PatchDiscriminatorSpec(group="D4").widths
        (64, 128, 256, 512)
    """

    architecture: Literal["patch"] = "patch"
    """It scores patches of pairs."""
    widths: Widths = (64, 128, 256, 512)
    """Channels of a plain CNN; every entry but the last is followed by a halving."""
    output: Literal["logits", "paper"] = "logits"
    """`logits`: scores as an objective takes them. `paper`: tanh of them, of which a cross-entropy cannot fall below
    0.31 (Tables 15 and 16)."""
