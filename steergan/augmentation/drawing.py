"""Random parameters of transforms: which images get them, and how much."""

import math
from collections.abc import Collection
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from steergan.augmentation.resampling import BANDS
from steergan.recipe.sections import TransformName

MAX_SHIFT = 0.125
"""Largest whole translation, as a share of the image's side."""
FRACTION_STD = 0.125
"""Standard deviation of the fractional translation, as a share of the image's side."""
SCALE_STD = 0.2
"""Standard deviation of log2 of the scale, and of that along one axis."""
BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5
"""Standard deviation of log2 of the contrast."""
SATURATION_STD = 1.0
"""Standard deviation of log2 of the saturation."""
BAND_STD = 1.0
"""Standard deviation of log2 of an octave's gain."""
BAND_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""What share of an image's power is expected in each octave: gains keep the whole."""
NOISE_STD = 0.1
"""Standard deviation of the normal law whose absolute value is the noise's."""
NOWHERE = 2.0
"""A centre of the cut so far outside that nothing is cut."""

WARPING: tuple[TransformName, ...] = ("rotation", "anisotropic-scaling", "fractional-translation")
"""Kinds that need one resampling for all that moves pixels."""
KINDS: tuple[TransformName, ...] = get_args(TransformName)
"""Every transform, by its name in a recipe."""


class Parameters(NamedTuple):
    """One transform per image; every neutral value changes no bit, and what is None is not done."""

    shift_B2: Tensor
    """Whole pixels, down and to the right; neutral: 0."""
    scale_B: Tensor
    """Above 1 enlarges; neutral: 1."""
    brightness_B: Tensor
    """Added; neutral: 0."""
    contrast_B: Tensor
    """Multiplied; neutral: 1."""
    saturation_B: Tensor
    """Multiplies the distance from grey; neutral: 1."""
    cutout_B2: Tensor
    """Centre of the cut as shares of height and width; neutral: `NOWHERE`."""
    flip_B: Tensor | None = None
    """Whether left and right change places; neutral: False."""
    turns_B: Tensor | None = None
    """Quarter turns, counterclockwise, after the flip; neutral: 0."""
    affine_B23: Tensor | None = None
    """Where each pixel comes from, offset from the middle (down, right) -> offset; neutral: the identity. With it shift
    and scale are in it, and theirs are neutral."""
    luma_B: Tensor | None = None
    """-1 turns dark into bright; neutral: 1."""
    hue_B: Tensor | None = None
    """Radians about the grey axis; neutral: 0."""
    gain_B4: Tensor | None = None
    """Of four octaves of frequencies, from the lowest; neutral: 1."""
    noise_BCHW: Tensor | None = None
    """Added; neutral: 0."""

    def rows(self, rows: slice) -> "Parameters":
        """The parameters of some of the images."""
        found: dict[str, Any] = {name: None if v is None else v[rows] for name, v in self._asdict().items()}
        return self._replace(**found)


def draw_parameters(
    count: int,
    image_shape: tuple[int, int, int],
    kinds: Collection[str],
    probability: Tensor,
    draw: torch.Generator,
) -> Parameters:
    """Random transforms; a pure function of its arguments.

    All kinds but noise, which comes last, are drawn on the CPU whether they are used or not: a kind's numbers do not
    depend on the others or on the device.

    Args:
        count: B, images.
        image_shape: C, H and W.
        kinds: out of `KINDS`; `"colour"` is brightness, contrast and saturation, each with its own chance, `"filter"`
            has one for each octave.
        probability: of each transform per image, 0-d in [0, 1]; its device is the result's.
        draw: a CPU stream.

    Symmetry: the law is invariant under D4 acting on images, for square ones: each coordinate is drawn alike and
        symmetric about 0, or about the middle. Flips alone are not: they are left-right.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B: all its laws
        and constants.
    """

    def maybe(kind: str, value: Tensor, neutral: Tensor | float, chance: Tensor | None = None) -> Tensor:
        chance = torch.rand(count, generator=draw) if chance is None else chance
        wanted = 1 - (1 - probability).sqrt() if kind == "rotation" else probability
        chosen = (chance.to(probability.device, non_blocking=True) < wanted) & (kind in kinds)
        value = value.to(probability.device, non_blocking=True)
        return torch.where(chosen.view(*chosen.shape, *[1] * (value.ndim - chosen.ndim)), value, neutral)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=draw)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=draw)

    def whole(below: int) -> Tensor:
        return torch.randint(below, (count,), generator=draw)

    def angle() -> Tensor:
        return (2 * uniform() - 1) * math.pi

    sides = torch.tensor(image_shape[1:], dtype=torch.float32)
    shift_B2 = maybe("translation", ((2 * uniform(2) - 1) * MAX_SHIFT * sides).round(), 0)
    scale_B = maybe("scaling", (SCALE_STD * normal()).exp2(), 1)
    brightness_B = maybe("colour", BRIGHTNESS_STD * normal(), 0)
    contrast_B = maybe("colour", (CONTRAST_STD * normal()).exp2(), 1)
    saturation_B = maybe("colour", (SATURATION_STD * normal()).exp2(), 1)
    cutout_B2 = maybe("cutout", uniform(2), NOWHERE)
    flip_B = maybe("flip", whole(2), 0) == 1
    turns_B = maybe("quarter-turns", whole(4), 0)
    before_B, after_B = maybe("rotation", angle(), 0), maybe("rotation", angle(), 0)
    stretch_B = maybe("anisotropic-scaling", (SCALE_STD * normal()).exp2(), 1)
    fraction_B2 = maybe("fractional-translation", FRACTION_STD * sides * normal(2), 0)
    luma_B, hue_B = maybe("luma-flip", 1 - 2.0 * whole(2), 1), maybe("hue", angle(), 0)
    gain_B4 = maybe("filter", band_gains(normal(BANDS)), 1, uniform(BANDS)).prod(dim=1)
    affine_B23 = None
    if any(kind in kinds for kind in WARPING):
        affine_B23 = composed(shift_B2, scale_B, (before_B, after_B), stretch_B, fraction_B2)
        shift_B2, scale_B = torch.zeros_like(shift_B2), torch.ones_like(scale_B)
    noise_BCHW = None
    if "noise" in kinds:
        strength_B = maybe("noise", NOISE_STD * normal().abs(), 0)
        noise_BCHW = normal(*image_shape).to(probability.device, non_blocking=True) * strength_B[:, None, None, None]
    return Parameters(
        shift_B2, scale_B, brightness_B, contrast_B, saturation_B, cutout_B2,
        flip_B if "flip" in kinds else None,
        turns_B if "quarter-turns" in kinds else None,
        affine_B23,
        luma_B if "luma-flip" in kinds else None,
        hue_B if "hue" in kinds else None,
        gain_B4 if "filter" in kinds else None,
        noise_BCHW,
    )  # fmt: skip


def band_gains(normal_B4: Tensor) -> Tensor:
    """Gains (B, 4, 4): the i-th row makes octave i stronger or weaker, and all so that the expected power stays."""
    gain_B44 = 1 + torch.diag_embed((BAND_STD * normal_B4).exp2() - 1)
    return gain_B44 / (gain_B44.square() @ normal_B4.new_tensor(BAND_POWER)).sqrt()[..., None]


def composed(
    shift_B2: Tensor, scale_B: Tensor, angles: tuple[Tensor, Tensor], stretch_B: Tensor, fraction_B2: Tensor
) -> Tensor:
    """Where pixels come from, (B, 2, 3), after a shift, a scale, a turn, a stretch, a turn and a shift.

    Args:
        shift_B2: pixels down and to the right.
        scale_B: above 1 enlarges.
        angles: of the two turns, counterclockwise.
        stretch_B: s, to the right; 1 / s down.
        fraction_B2: pixels down and to the right.
    """
    before, after = (turning(-angle_B) for angle_B in angles)
    squeeze = torch.diag_embed(torch.stack([stretch_B, 1 / stretch_B], dim=1))
    linear_B22 = before @ squeeze @ after / scale_B[:, None, None]
    source_B21 = -(linear_B22 @ fraction_B2[:, :, None]) - shift_B2[:, :, None]
    return torch.cat([linear_B22, source_B21], dim=2)


def turning(angle_B: Tensor) -> Tensor:
    """Make matrices (B, 2, 2) of counterclockwise turns, for offsets (down, right)."""
    cos, sin = angle_B.cos(), angle_B.sin()
    return torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
