"""First weights of a group convolution: every row of the filter bank has length about one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_drawn_later: ContextVar[bool] = ContextVar("drawn_later", default=False)


@contextmanager
def drawn_later(wanted: bool = True) -> Iterator[None]:
    """Inside, layers get normal weights in place of orthogonal ones, which take minutes on wide layers.

    For networks whose first weights are of another law, and are drawn as soon as it is built.

    Args:
        wanted: False changes nothing.
    """
    token = _drawn_later.set(wanted)
    try:
        yield
    finally:
        _drawn_later.reset(token)


def orthogonal_weights(weights: list[Tensor], scales: list[Tensor]) -> None:
    """Fill the (n_out, n_in, orbits) weights of one out representation with an orthogonal matrix (n_out, all others).

    Args:
        weights: one tensor for each in representation; filled in place.
        scales: for each of them (orbits,), factors that make a row of the bank as long as a row of the matrix.

    Source: Saxe et al. 2014 (orthogonal initialisation), on the free weights as Dey et al. 2021, C.2.
    """
    matrix = torch.empty(len(weights[0]), sum(w[0].numel() for w in weights))
    if _drawn_later.get():
        matrix.normal_(std=matrix.shape[1] ** -0.5)
    else:
        torch.nn.init.orthogonal_(matrix)
    for weight, scale, part in zip(weights, scales, matrix.split([w[0].numel() for w in weights], dim=1), strict=True):
        weight.copy_(part.reshape(weight.shape) * scale)


def normal_weights(weights: list[Tensor], bases: list[Tensor]) -> None:
    """Fill (n_out, n_in, count) coefficients of one out representation with normal numbers.

    Args:
        weights: one tensor for each in representation; filled in place.
        bases: for each of them (count, out size, in size * k * k).

    Differs: escnn's `generalized_he_init` gives each frequency its own variance, and takes seconds for a wide D8 layer.
    """
    energy = sum(float(b.square().sum()) / b.shape[1] * w.shape[1] for w, b in zip(weights, bases, strict=True))
    for weight in weights:
        weight.normal_(std=energy**-0.5)
