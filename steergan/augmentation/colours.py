"""Colour transforms of images, each a linear map of channels, differentiable any number of times."""

import math

from torch import Tensor


def each(value_B: Tensor, image: Tensor) -> Tensor:
    """A number for each image, as what multiplies it."""
    return value_B.to(image.dtype)[:, None, None, None]


def relight(image: Tensor, brightness_B: Tensor, contrast_B: Tensor) -> Tensor:
    """Brightness added, then contrast multiplied."""
    return (image + each(brightness_B, image)) * each(contrast_B, image)


def flip_luma(image: Tensor, sign_B: Tensor) -> Tensor:
    """The mean of the channels with the other sign where `sign_B` is -1, colours kept; a grey image's negative."""
    return image - image.mean(dim=1, keepdim=True) * (1 - each(sign_B, image))


def turn_hue(image: Tensor, angle_B: Tensor) -> Tensor:
    """Colours (B, 3, H, W) turned about the grey axis by an angle in radians."""
    colour = image - image.mean(dim=1, keepdim=True)
    across = (colour.roll(1, dims=1) - colour.roll(-1, dims=1)) / math.sqrt(3)
    # In this form an angle of 0 adds zeros.
    return image + colour * (each(angle_B.cos(), image) - 1) + across * each(angle_B.sin(), image)


def saturate(image: Tensor, saturation_B: Tensor) -> Tensor:
    """The distance of colours from grey multiplied; a saturation of 1 adds zeros."""
    return image + (image - image.mean(dim=1, keepdim=True)) * (each(saturation_B, image) - 1)
