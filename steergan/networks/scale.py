"""At which scale a discriminator plays: the gradient of its score, and the gain that sets it."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from steergan.copies import copied
from steergan.errors import RecipeError
from steergan.networks.discriminator import Discriminator
from steergan.penalties import per_image

DIGITS = 3
"""Of the gain: so few that every machine, and every number of threads, comes to the same one."""


def gradient_norms(discriminator: Callable[[Tensor, Tensor], Tensor], image: Tensor, y: Tensor) -> Tensor:
    """The Euclidean norm of the score's gradient by the pixels at every image of a batch, (B,) float64.

    Args:
        discriminator: (image, y) -> score (B,), or a map each, of which the mean is meant; in either mode.
        image: (B, C, H, W) float.
        y: labels, (B,) int64.

    Examples:
        >>> gradient_norms(lambda image, y: 3 * image.sum((1, 2, 3)), torch.zeros(2, 1, 2, 2), torch.tensor([0, 0]))
        tensor([6., 6.], dtype=torch.float64)
    """
    with torch.enable_grad():
        image = image.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(per_image(discriminator(image, y)).sum(), image)
    return gradient.flatten(1).double().norm(dim=1)


def gain_for(discriminator: Discriminator, batches: Iterable[tuple[Tensor, Tensor]], norm: float) -> float:
    """The gain with which the root mean square of ||dD/dx|| over images is `norm`, to three digits.

    An objective and a penalty name scales of their own: a hinge bends at scores of 1, R1 weighs a squared gradient.
    What spectral norms leave of the gradient depends on the group, the width and the depth (0.007 to 0.4 in the paper's
    networks); with this gain all start from the same. Without spectral norms it stands for an initialisation.

    Args:
        discriminator: in training mode, as its first step will see it; it stays as it is, its moments too.
        batches: real images, (B, C, H, W) in [-1, 1], and their labels, (B,) int64; so many at once as memory takes.
        norm: what is wanted, above 0.

    Raises:
        RecipeError: the score does not depend on the images, or its gradient is no number.

    Examples:
        >>> from steergan.networks import DiscriminatorSpec
        >>> discriminator = Discriminator(DiscriminatorSpec(widths=(8, 16), initial_gradient=1), (1, 8, 8), classes=3)
        >>> image, y = torch.randn(16, 1, 8, 8), torch.arange(16) % 3
        >>> gain = gain_for(discriminator, [(image, y)], norm=1.0)
        >>> discriminator.gain.fill_(gain)  # doctest: +ELLIPSIS
        tensor(...)
        >>> rms = gradient_norms(discriminator, image, y).square().mean().sqrt()
        >>> 0.9 < float(rms) < 1.1
        True
    """
    probe = copied(discriminator).train()
    if probe.gain is not None:
        probe.gain.fill_(1)
    norms = torch.cat([gradient_norms(probe, image, y) for image, y in batches])
    found = float(norms.square().mean().sqrt())
    if not found or not math.isfinite(found):
        raise RecipeError(
            f"discriminator.initial_gradient = {norm:g}: the score's gradient at training images is {found:g}, of "
            "which no factor makes another; leave the key out, or look at the images"
        )
    return float(f"{norm / found:.{DIGITS}g}")
