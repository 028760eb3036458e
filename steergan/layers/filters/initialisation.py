"""First weights of a group convolution: every row of the filter bank has length about one."""

import torch
from torch import Tensor


def orthogonal_weights(weights: list[Tensor], scales: list[Tensor]) -> None:
    """Fill the (n_out, n_in, orbits) weights of one out representation with an orthogonal matrix (n_out, all others).

    Args:
        weights: one tensor for each in representation; filled in place.
        scales: for each of them (orbits,), factors that make a row of the bank as long as a row of the matrix.

    Source: Saxe et al. 2014 (orthogonal initialisation), on the free weights as Dey et al. 2021, C.2.
    """
    matrix = torch.empty(len(weights[0]), sum(w[0].numel() for w in weights))
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
