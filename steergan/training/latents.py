"""What a generator starts from, drawn from a stream that the caller names."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from steergan.training.protocols import Generator

LatentLaw = Literal["normal", "bernoulli"]


class Latents(NamedTuple):
    """What a generator needs beside the labels."""

    z: Tensor
    """(B, Z) float32."""
    element: Tensor | None
    """(B,) int64 group elements, or None if the generator uses none."""


def draw_latents(
    generator: Generator,
    count: int,
    draw: torch.Generator,
    *,
    law: LatentLaw = "normal",
    device: torch.device | str = "cpu",
    rows: slice = slice(None),
) -> Latents:
    """Latents, and uniform group elements if the generator wants them.

    Both laws have mean 0 and variance 1 per coordinate: `normal` is Gaussian, `bernoulli` is -1 or +1 with equal odds.

    Args:
        generator: asked for `z_dim` and `elements` only.
        count: B, samples.
        draw: a CPU stream, such as `torch_stream(seed, "training/0", step)`; every device sees the same numbers.
        law: `generator.latent_law` of a recipe.
        device: where the result goes.
        rows: which of the samples are wanted.

    Shapes:
        z (B, Z) float32; element (B,) int64, or None.

    Source: Gaussian or Bernoulli, Dey et al. 2021, C.2.
    Differs: the paper does not say which two values its Bernoulli latents take; ours are centred.

    Examples:
        >>> from types import SimpleNamespace
        >>> from steergan.randomness import torch_stream
        >>> generator = SimpleNamespace(z_dim=3, elements=4)
        >>> latents = draw_latents(generator, 2, torch_stream(0, "example"), law="bernoulli")
        >>> latents.z.abs()
        tensor([[1., 1., 1.],
                [1., 1., 1.]])
        >>> latents.element.shape
        torch.Size([2])
    """
    if law == "normal":
        z = torch.randn(count, generator.z_dim, generator=draw)
    else:
        z = torch.randint(2, (count, generator.z_dim), generator=draw).mul(2).sub(1).to(torch.float32)
    element = None
    if generator.elements:
        element = torch.randint(generator.elements, (count,), generator=draw)[rows].to(device, non_blocking=True)
    return Latents(z[rows].to(device, non_blocking=True), element)
