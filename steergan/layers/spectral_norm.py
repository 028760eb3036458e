"""Spectral normalisation by power iteration."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from steergan.layers.filters.matrices import BasisMatrix, GatheredMatrix

AnyMatrix = Tensor | GatheredMatrix | BasisMatrix
NormOf = Literal["bank", "weights", "off"]
"""Which matrix's largest singular value a filter bank is divided by: the bank's, with rows = output channels; that of
its free weights, with rows = output fields; or none.

A bank repeats each row of the weights |G| times, permuted, so that sigma(weights) <= sigma(bank) <= sqrt(|G|)
sigma(weights) for regular fields on the grid: divided by sigma(weights), the layers of every group are as strong as a
plain CNN's, and bounded by sqrt(|G|) in place of 1."""


class SpectralNorm(torch.nn.Module):
    """A matrix divided by its largest singular value, sigma = u^T W v.

    In training mode each forward moves u and v by one power iteration first; in evaluation it never does. Both modes
    compute the same function of (W, u, v). The gradient flows through W in sigma, not through u and v. A zero matrix
    gives NaN.

    Args:
        rows: rows of the matrix.
        columns: columns of the matrix.

    Symmetry: a scalar factor, so it keeps whatever symmetry the matrix has, exactly.
    Source: Miyato et al. 2018, Algorithm 1; used on expanded filter banks by Dey et al. 2021, section 2.2.

    Examples:
        >>> norm, matrix = SpectralNorm(2, 2), torch.diag(torch.tensor([3.0, 1.0]))
        >>> for _ in range(30):
        ...     normed = norm(matrix)  # in training mode each forward is one power iteration
        >>> f"{torch.linalg.matrix_norm(normed, 2):.3f}"
        '1.000'
    """

    u: Tensor
    v: Tensor

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.register_buffer("u", normalize(torch.randn(rows), dim=0))
        self.register_buffer("v", normalize(torch.randn(columns), dim=0))

    def iterated_sigma(self, matrix: AnyMatrix) -> Tensor:
        """One power iteration, in place, and sigma after it."""
        with torch.no_grad():
            self.v.copy_(normalize(matrix.mT @ self.u, dim=0))
        product = matrix @ self.v.clone()
        with torch.no_grad():
            self.u.copy_(normalize(product, dim=0))
        return torch.dot(self.u.clone(), product)

    @torch.no_grad()
    def converge(self, matrix: AnyMatrix, tolerance: float, max_iterations: int) -> None:
        """Power iterations until sigma moves by less than `tolerance` (relative) in one of them.

        To the bits of as many calls of `iterated_sigma`, without the copies that graphs need: there are hundreds of
        iterations, whose products are so small that copies and calls take most of the time.
        """
        transposed, u, v = matrix.mT, self.u, self.v
        before = float("inf")
        for _ in range(max_iterations):
            v = unit(transposed @ u)
            product = matrix @ v
            u = unit(product)
            sigma = float(torch.dot(u, product))
            if abs(sigma - before) <= tolerance * abs(sigma):
                break
            before = sigma
        self.u.copy_(u)
        self.v.copy_(v)

    def sigma(self, matrix: AnyMatrix) -> Tensor:
        """u^T W v, a scalar of the matrix's dtype."""
        # Clones, so that the next iteration leaves the vectors in this graph alone.
        return torch.dot(self.u.clone(), matrix @ self.v.clone())

    def forward(self, matrix: Tensor) -> Tensor:
        """(rows, columns) -> (rows, columns)."""
        return matrix / (self.iterated_sigma(matrix) if self.training else self.sigma(matrix))


def unit(vector: Tensor) -> Tensor:
    """What torch's `normalize` makes of one vector, in a third of the calls."""
    return vector / torch.linalg.vector_norm(vector, 2, 0, True).clamp_min(1e-12)


def full_precision(tensor: Tensor) -> AbstractContextManager[Any]:
    """Autocast is off inside, for what has to be computed in the tensor's own precision."""
    kind = tensor.device.type
    if kind in ("cpu", "cuda") and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
