"""Latents as functions of (seed, stream, step, update)."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from steergan.randomness import torch_stream
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
    *,
    seed: int,
    stream: str,
    step: int = 0,
    update: int = 0,
    law: LatentLaw = "normal",
    device: torch.device | str = "cpu",
    rows: slice = slice(None),
) -> Latents:
    """Latents, and uniform group elements if the generator wants them; a pure function of its arguments.

    Both laws have mean 0 and variance 1 per coordinate: `normal` is Gaussian, `bernoulli` is -1 or +1 with equal odds.

    Args:
        generator: asked for `z_dim` and `elements` only.
        count: B, samples.
        seed: of the run.
        stream: a name; different uses take different names.
        step: generator step.
        update: which update of that step.
        law: `generator.latent_law` of a recipe.
        device: where the result goes; the drawing itself is on the CPU, so every device sees the same numbers.
        rows: which of the samples are wanted.

    Source: Gaussian or Bernoulli, Dey et al., C.2.
    Differs: the paper does not say which two values its Bernoulli latents take; ours are centred.
    """
    draw = torch_stream(seed, f"{stream}/{update}", step)
    if law == "normal":
        z = torch.randn(count, generator.z_dim, generator=draw)
    else:
        z = torch.randint(2, (count, generator.z_dim), generator=draw).mul(2).sub(1).to(torch.float32)
    element = None
    if generator.elements:
        element = torch.randint(generator.elements, (count,), generator=draw)[rows].to(device, non_blocking=True)
    return Latents(z[rows].to(device, non_blocking=True), element)
