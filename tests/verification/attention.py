"""Attention over pixels, as users write it, with every way to get it wrong as an argument."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def attended(
    x: Tensor,
    *,
    heads: int = 1,
    scored: int | None = None,
    positions: int | None = None,
    bias: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """softmax(x^T x / C + bias) over all pixels, applied to x.

    Args:
        x: (B, C, H, W).
        heads: of as many channels each, one after the other.
        scored: how many of the first channels scores are made of; all by default.
        positions: how many of the first pixels are looked at; all by default.
        bias: of offsets (2, P, P) in pixels, from the second axis to the third; to (P, P), or (heads, P, P).
    """
    tokens = x.reshape(x.shape[0], heads, -1, x.shape[2] * x.shape[3])
    keys = tokens if scored is None else x[:, None, :scored].flatten(3)
    scores = keys.mT @ keys / x.shape[1]
    if bias is not None:
        scores = scores + bias(offsets(x))
    weights = scores[..., :positions].softmax(-1)
    return (tokens[..., :positions] @ weights.mT).reshape(x.shape)


def fused(x: Tensor) -> Tensor:
    """The same by torch's own operator, without a bias."""
    tokens = x.flatten(2).mT[:, None]
    out: Tensor = F.scaled_dot_product_attention(tokens, tokens, tokens, scale=1 / x.shape[1])
    return out[:, 0].mT.reshape(x.shape)


def offsets(x: Tensor) -> Tensor:
    """(2, P, P): rows and columns from each pixel to each."""
    grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in x.shape[2:]), indexing="ij")).flatten(1)
    return (grid[:, None, :] - grid[:, :, None]).to(x)


def by_distance(offset: Tensor) -> Tensor:
    """A bias that is constant on the orbits of pairs of pixels."""
    return (-offset.square().sum(0) / 9).exp()


def by_column(offset: Tensor) -> Tensor:
    """One that is not: it tells left from right."""
    return offset[1] / 5


def largest(x: Tensor, magnitude: Tensor, count: int = 3) -> Tensor:
    """x where its magnitude (B, C or 1, H, W) is among the largest of a map, all ties kept, and zero elsewhere."""
    flat = magnitude.flatten(2)
    threshold = flat.topk(min(count, flat.shape[2]), 2)[0][..., -1:, None]
    return x * (magnitude >= threshold)
