"""Penalties on top of an objective: functions of networks and batches, already multiplied by their weight."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

ROTATIONS = 4
"""Quarter turns that `rotation_loss` tells apart."""


def r1_penalty(score_B: Tensor, image: Tensor, weight: float) -> Tensor:
    """R1: weight / 2 times the mean over the batch of the squared gradient of the score by the image.

    The gradient is that of the sum of the scores, taken in the image's precision and squared in float32 or better; the
    label stays fixed. With batch norm in the discriminator the scores of a batch depend on each other, and the penalty
    is one of the batch. An image with a map of scores has their mean (`per_image`).

    Args:
        score_B: scores of `image`, (B,) or a map each, (B, ...) float, from a forward made after
            `image.requires_grad_()`.
        image: (B, C, H, W) float.
        weight: gamma, `loss.r1_weight` of a recipe.

    Raises:
        ValueError: `image` did not require gradients before the forward.

    Source: Mescheder et al. 2018; Dey et al. 2021, section 2.1, gamma in C.2.1.

    Examples:
        >>> image = torch.zeros(2, 1, 2, 2).requires_grad_()
        >>> score_B = 3 * image.sum((1, 2, 3))  # four slopes of 3: a squared gradient of 36
        >>> r1_penalty(score_B, image, weight=0.5).item()
        9.0
    """
    gradient_BD = image_gradient(score_B, image)
    return weight / 2 * gradient_BD.square().sum(1).mean()


def mixed_images(real: Tensor, fake: Tensor, mix_B: Tensor) -> Tensor:
    """Images between real and fake ones, (B, C, H, W), for `wgan_gp`: leaves that require gradients.

    Args:
        real: (B, C, H, W) float.
        fake: (B, C, H, W) float.
        mix_B: share of the real image, (B,) float in [0, 1], drawn by the caller.

    Source: Gulrajani et al. 2017, algorithm 1.

    Examples:
        >>> mixed_images(torch.ones(2, 1, 1, 1), torch.zeros(2, 1, 1, 1), torch.tensor([0.25, 1.0])).flatten().tolist()
        [0.25, 1.0]
    """
    return torch.lerp(fake.detach(), real.detach(), mix_B[:, None, None, None]).requires_grad_()


def wgan_gp(score_B: Tensor, mixed: Tensor, weight: float) -> Tensor:
    """WGAN-GP: weight times the mean of (gradient norm - 1)^2 at images between real and fake ones.

    Args:
        score_B: scores of `mixed`, (B,) or a map each, (B, ...) float; a real and a fake image that are mixed share a
            label.
        mixed: from `mixed_images`.
        weight: lambda, `loss.wgan_gp_weight` of a recipe (10 in the sources).

    Raises:
        ValueError: `mixed` did not require gradients before the forward.

    Source: Gulrajani et al. 2017; Dey et al. 2021, C.2.1.

    Examples:
        >>> mixed = torch.zeros(3, 1, 1, 1).requires_grad_()
        >>> wgan_gp(4 * mixed.flatten(), mixed, weight=10.0).item()  # 10 (4 - 1)^2
        90.0
    """
    gradient_BD = image_gradient(score_B, mixed)
    return weight * (torch.linalg.vector_norm(gradient_BD, dim=1) - 1).square().mean()


def consistency_penalty(
    discriminator: Callable[[Tensor, Tensor], Tensor],
    image: Tensor,
    y: Tensor,
    score_B: Tensor,
    transform: Callable[[Tensor], Tensor],
    weight: float,
) -> Tensor:
    """A term of bCR: weight times the mean squared difference of the scores of images and of their transforms.

    Gradients go through both scores and not into the images. With batch norm in the discriminator the transformed
    images are normalised as a batch of their own, and in training mode running moments learn from it too.

    Args:
        discriminator: (image, y) -> score (B,), or a map each.
        image: (B, C, H, W) float, real or generated.
        y: labels, (B,) int64.
        score_B: scores of `image`, with their graph.
        transform: images -> images of the same shape, already drawn.
        weight: lambda_real or lambda_fake, 10 in the source.

    Symmetry: zero to rounding where the discriminator is invariant under the transform.

    Source: Zhao et al. 2020, "Improved Consistency Regularization for GANs", section 3.1 (balanced consistency);
        Dey et al. 2021, section 3.2.

    Examples:
        >>> image, y = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1), torch.zeros(2, dtype=torch.int64)
        >>> discriminator = lambda image, y: image.flatten()
        >>> consistency_penalty(discriminator, image, y, image.flatten(), lambda image: -image, weight=1.0)
        tensor(10.)
    """
    return weight * (per_image(discriminator(transform(image.detach()), y)) - per_image(score_B)).square().mean()


def rotation_loss(rotation_logits: Callable[[Tensor], Tensor], image: Tensor, weight: float) -> Tensor:
    """Auxiliary rotations: weight times the cross entropy of guessing by how many quarter turns images were rotated.

    Every fourth image, from the first, is shown in all four rotations, so that as many images are scored as the batch
    has, and as the parts of a batch have together. Gradients reach `image`, as a generator needs.

    Args:
        rotation_logits: (B, C, H, W) -> (B, 4).
        image: (B, C, H, W) float, H = W, upright: label k is `torch.rot90` by k, counterclockwise.
        weight: 1.0 on real images for the discriminator, 0.2 on generated ones for the generator, in the source.

    Source: Chen et al. 2019, "Self-Supervised GANs via Auxiliary Rotation Loss", and its code (compare_gan).
    Differs: the logarithm of the softmax without an epsilon; every fourth image, not the last quarter.

    Examples:
        >>> knows_nothing = lambda image: torch.zeros(len(image), ROTATIONS)
        >>> rotation_loss(knows_nothing, torch.zeros(8, 3, 4, 4), weight=1.0)  # log 4
        tensor(1.3863)
    """
    quarter = image[::ROTATIONS]
    turned = torch.cat([torch.rot90(quarter, k, (2, 3)) for k in range(ROTATIONS)])
    label = torch.arange(ROTATIONS, device=image.device).repeat_interleave(len(quarter))
    return weight * cross_entropy(rotation_logits(turned), label)


def orthogonal_penalty(matrices: Sequence[Tensor], weight: float) -> Tensor:
    """Orthogonal regularisation: weight times the squared products of different rows, of all matrices together.

    The length of a row is free: only its directions are pushed apart.

    Args:
        matrices: weights, (rows = outputs, columns) each.
        weight: beta, `loss.orthogonal_weight` of a recipe (1e-4 in the source).

    Raises:
        ValueError: there are none.

    Source: Brock et al. 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", equation 3; of
        rows, as in their code.

    Examples:
        >>> matrix = torch.tensor([[3.0, 0.0], [2.0, 5.0]])  # the rows' product is 6, twice in the table of products
        >>> orthogonal_penalty([matrix, torch.eye(4)], weight=0.5)
        tensor(36.)
    """
    if not matrices:
        raise ValueError("no matrices came; they would be the free weights of layers of steergan.layers")
    products = [matrix @ matrix.mT for matrix in matrices]
    return weight * torch.stack([(table - table.diag().diag()).square().sum() for table in products]).sum()


def reconstruction_loss(image: Tensor, target: Tensor, weight: float) -> Tensor:
    """Weight times the mean absolute difference of generated images and those that they should be (L1).

    Args:
        image: (B, C, H, W) float, generated, with its graph.
        target: the same shape.
        weight: lambda, `loss.reconstruction_weight` of a recipe; 100 in the source, where images lie in [-1, 1].

    Raises:
        ValueError: the shapes differ.

    Source: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", equation 4.

    Examples:
        >>> reconstruction_loss(torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, -1.0], [0.5, 0.5]]]]), weight=100.0)
        tensor(75.)
    """
    if image.shape != target.shape:
        raise ValueError(f"images {tuple(image.shape)} and targets {tuple(target.shape)}; equal shapes were wanted")
    return weight * (image - target).abs().mean()


def per_image(score: Tensor) -> Tensor:
    """One score an image, (B,): of a map of scores the mean, so that a penalty weighs the same however many there are.

    Args:
        score: (B,), or a map each, (B, ...).

    Examples:
        >>> per_image(torch.tensor([[[[1.0, 3.0]]], [[[0.0, 4.0]]]]))
        tensor([2., 2.])
    """
    return score if score.ndim == 1 else score.flatten(1).mean(1)


def image_gradient(score_B: Tensor, image: Tensor) -> Tensor:
    """Gradient of the summed scores by the image, differentiable, as (B, C * H * W) in float32 or better."""
    if not image.requires_grad:
        raise ValueError("the image does not require gradients; call image.requires_grad_() before the forward")
    (gradient,) = torch.autograd.grad(per_image(score_B).sum(), image, create_graph=True)
    wide = torch.promote_types(gradient.dtype, torch.float32)
    return gradient.flatten(1).to(wide)
