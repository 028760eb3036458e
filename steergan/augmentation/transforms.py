"""Differentiable transforms of images outside the group.

Moving whole pixels and scaling are two products with banded matrices; with turns, stretches or fractions of a pixel all
that moves is one resampling. Both are differentiable twice: R1 differentiates through them.
"""

import torch
from torch import Tensor

from steergan.augmentation.colours import flip_luma, relight, saturate, turn_hue
from steergan.augmentation.drawing import Parameters
from steergan.augmentation.resampling import filter_bands, reflected, warp

CUTOUT_SIZE = 0.5
"""Side of the square that is cut out, as a share of the image's."""


def augment(image: Tensor, parameters: Parameters) -> Tensor:
    """Move, recolour, filter, add noise and cut, in this order; differentiable any number of times.

    Saturation and hue are for three channels.

    Args:
        image: (B, C, H, W) in [-1, 1]; the result is not clipped.
        parameters: from `draw_parameters`, for as many images of this shape.

    Symmetry: g augment(x, parameters) = augment(g x, g parameters) for D4 and square images, where g acts on what
        moves pixels, on centres of cuts and on noise; exact in real arithmetic.

    Source: Karras et al. 2020, appendix B, in its order (reflection without repeating the edge, cuts in grey 0).
    Differs: shifts and scales alone are interpolated bilinearly; with rotations, stretches or fractions of a pixel all
        are one resampling at twice the resolution, whose kernels are their own mirror images, where the source has
        wavelets; reflections go on as far as needed; octaves are what one low pass along rows and columns lets through
        and the next does not.
    """
    image = move(image, parameters)
    image = recolour(image, parameters)
    if parameters.gain_B4 is not None:
        image = filter_bands(image, parameters.gain_B4)
    if parameters.noise_BCHW is not None:
        image = image + parameters.noise_BCHW.to(image.dtype)
    return cut_out(image, parameters.cutout_B2.to(image.dtype))


def move(image: Tensor, parameters: Parameters) -> Tensor:
    """Flip, turn by quarters, and resample what is left."""
    if parameters.flip_B is not None:
        image = torch.where(parameters.flip_B[:, None, None, None], image.flip(3), image)
    if parameters.turns_B is not None:
        turns_B111 = parameters.turns_B[:, None, None, None]
        image = torch.where(turns_B111 % 2 == 1, image.rot90(1, (2, 3)), image)
        image = torch.where(turns_B111 >= 2, image.rot90(2, (2, 3)), image)
    affine_B23 = parameters.affine_B23
    if affine_B23 is None:
        return resample(image, parameters.shift_B2.to(image.dtype), parameters.scale_B.to(image.dtype))
    still_B = (affine_B23 == torch.eye(2, 3, device=affine_B23.device)).flatten(1).all(dim=1)
    return torch.where(still_B[:, None, None, None], image, warp(image, affine_B23))


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
    inside_BN = reflected(source_BN, size)
    return (1 - (inside_BN[:, :, None] - pixel_N).abs()).clamp(min=0)


def recolour(image: Tensor, parameters: Parameters) -> Tensor:
    """Brightness, contrast, luma, and for three channels hue and saturation about their mean."""
    image = relight(image, parameters.brightness_B, parameters.contrast_B)
    if parameters.luma_B is not None:
        image = flip_luma(image, parameters.luma_B)
    if image.shape[1] == 3:
        if parameters.hue_B is not None:
            image = turn_hue(image, parameters.hue_B)
        image = saturate(image, parameters.saturation_B)
    return image


def cut_out(image: Tensor, centre_B2: Tensor) -> Tensor:
    """Set a square about each centre to 0."""

    def near(size: int, centre_B: Tensor) -> Tensor:
        pixel_N = (torch.arange(size, dtype=centre_B.dtype, device=centre_B.device) + 0.5) / size
        return (pixel_N - centre_B[:, None]).abs() < CUTOUT_SIZE / 2

    down, right = centre_B2.unbind(1)
    cut_BHW = near(image.shape[2], down)[:, :, None] & near(image.shape[3], right)[:, None, :]
    return image.masked_fill(cut_BHW[:, None], 0)
