"""Differentiable transforms of images outside the group, each with a probability per image.

Moving and scaling are two products with banded matrices, which are differentiable twice: R1 differentiates through
them, and torch's `grid_sample` has no second derivative.
"""

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor

MAX_SHIFT = 0.125
"""Largest translation, as a share of the image's side."""
SCALE_STD = 0.2
"""Standard deviation of log2 of the scale."""
BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5
"""Standard deviation of log2 of the contrast."""
SATURATION_STD = 1.0
"""Standard deviation of log2 of the saturation."""
CUTOUT_SIZE = 0.5
"""Side of the square that is cut out, as a share of the image's."""
NOWHERE = 2.0
"""A centre of the cut so far outside that nothing is cut."""


class Parameters(NamedTuple):
    """One transform per image; every neutral value changes no bit."""

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


def draw_parameters(
    count: int,
    size: tuple[int, int],
    kinds: Collection[str],
    probability: Tensor,
    draw: torch.Generator,
) -> Parameters:
    """Random transforms; a pure function of its arguments.

    All kinds are drawn on the CPU whether they are used or not: a kind's numbers do not depend on the others or on the
    device.

    Args:
        count: B, images.
        size: H and W in pixels.
        kinds: out of `"translation"`, `"scaling"`, `"colour"` (brightness, contrast and saturation, each with its own
            chance) and `"cutout"`.
        probability: of each transform per image, 0-d in [0, 1]; its device is the result's.
        draw: a CPU stream.

    Symmetry: the law is invariant under D4 acting on shifts and centres, for square images: each coordinate is drawn
        alike and symmetric about 0, or about the middle.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B: the laws and
        constants of integer translation, isotropic scaling, brightness, contrast, saturation and cutout.
    """

    def maybe(kind: str, value: Tensor, neutral: float) -> Tensor:
        chance_B = torch.rand(count, generator=draw).to(probability.device, non_blocking=True)
        chosen_B = (chance_B < probability) & (kind in kinds)
        value = value.to(probability.device, non_blocking=True)
        return torch.where(chosen_B.view(-1, *[1] * (value.ndim - 1)), value, neutral)

    def normal() -> Tensor:
        return torch.randn(count, generator=draw)

    sides = torch.tensor(size, dtype=torch.float32)
    shift_B2 = ((2 * torch.rand(count, 2, generator=draw) - 1) * MAX_SHIFT * sides).round()
    return Parameters(
        maybe("translation", shift_B2, 0),
        maybe("scaling", (SCALE_STD * normal()).exp2(), 1),
        maybe("colour", BRIGHTNESS_STD * normal(), 0),
        maybe("colour", (CONTRAST_STD * normal()).exp2(), 1),
        maybe("colour", (SATURATION_STD * normal()).exp2(), 1),
        maybe("cutout", torch.rand(count, 2, generator=draw), NOWHERE),
    )


def augment(image: Tensor, parameters: Parameters) -> Tensor:
    """Translate, scale, recolour and cut, in this order; differentiable any number of times.

    Saturation is for three channels; others get brightness and contrast.

    Args:
        image: (B, C, H, W) in [-1, 1]; the result is not clipped.
        parameters: from `draw_parameters`, for as many images of this size.

    Symmetry: g augment(x, parameters) = augment(g x, g parameters) for D4 and square images, where g acts on shifts
        and centres of cuts; exact in real arithmetic.

    Source: Karras et al. 2020, appendix B, in its order (reflection without repeating the edge, cuts in grey 0).
    Differs: bilinear interpolation where the source oversamples with wavelet filters; reflections go on as far as
        needed.
    """
    image = resample(image, parameters.shift_B2.to(image.dtype), parameters.scale_B.to(image.dtype))
    image = recolour(image, parameters)
    return cut_out(image, parameters.cutout_B2.to(image.dtype))


def resample(image: Tensor, shift_B2: Tensor, scale_B: Tensor) -> Tensor:
    """Translate, then scale about the middle."""
    down, right = shift_B2.unbind(1)
    rows_BHH = interpolation(image.shape[2], down, scale_B)
    columns_BWW = interpolation(image.shape[3], right, scale_B)
    return rows_BHH[:, None] @ image @ columns_BWW[:, None].mT


def interpolation(size: int, shift_B: Tensor, scale_B: Tensor) -> Tensor:
    """Matrices (B, N, N) that interpolate a line of N pixels linearly where each new pixel comes from."""
    pixel_N = torch.arange(size, dtype=scale_B.dtype, device=scale_B.device)
    middle = (size - 1) / 2
    source_BN = middle + (pixel_N - middle) / scale_B[:, None] - shift_B[:, None]
    period = max(2 * (size - 1), 1)
    inside_BN = (size - 1) - (source_BN.remainder(period) - (size - 1)).abs()
    return (1 - (inside_BN[:, :, None] - pixel_N).abs()).clamp(min=0)


def recolour(image: Tensor, parameters: Parameters) -> Tensor:
    """Brightness, contrast, and for three channels saturation about their mean."""
    brightness, contrast, saturation = (
        value_B.to(image.dtype)[:, None, None, None]
        for value_B in (parameters.brightness_B, parameters.contrast_B, parameters.saturation_B)
    )
    image = (image + brightness) * contrast
    if image.shape[1] == 3:
        # In this form a saturation of 1 adds zeros.
        image = image + (image - image.mean(dim=1, keepdim=True)) * (saturation - 1)
    return image


def cut_out(image: Tensor, centre_B2: Tensor) -> Tensor:
    """Set a square about each centre to 0."""

    def near(size: int, centre_B: Tensor) -> Tensor:
        pixel_N = (torch.arange(size, dtype=centre_B.dtype, device=centre_B.device) + 0.5) / size
        return (pixel_N - centre_B[:, None]).abs() < CUTOUT_SIZE / 2

    down, right = centre_B2.unbind(1)
    cut_BHW = near(image.shape[2], down)[:, :, None] & near(image.shape[3], right)[:, None, :]
    return image.masked_fill(cut_BHW[:, None], 0)
