"""Resampling of maps: to a factor or to a given size, nearest, bilinear or bicubic, from corner to corner or not.

Each axis is resampled by itself, by a matrix A: out[i] = sum_j A[i, j] in[j], n pixels to m. What permutes pixels
mirrors axes and exchanges them, so that the whole commutes with it if both axes have the same A and A is its own mirror
image, A[m - 1 - i, n - 1 - j] = A[i, j].

Bilinear, bicubic and their antialiased forms read at the point p(i) with weights that are an even function of p(i) - j,
cut off or held at the borders alike on both sides. Their A is its own mirror image if p(m - 1 - i) = n - 1 - p(i):

* pixels as areas, p(i) = (i + 1/2) s - 1/2 with s = n / m: p(i) + p(m - 1 - i) = m s - 1 = n - 1. With a factor of the
  caller's, s = 1 / factor, it needs m = n factor, which fails where n factor is no whole number and m is cut down;
* corners to corners, p(i) = i (n - 1) / (m - 1): p(i) + p(m - 1 - i) = n - 1. For m = 1 it reads p = 0, the first of n.

Nearest reads pixel j(i) alone, floor((i + 1/2) s) or floor(i s), which is its own mirror image by whole factors and at
few sizes else.
"""

import torch
from torch import Tensor

from steergan.verification.laws.channels import each_channel
from steergan.verification.laws.law import Fixed, Law, Lost, distinct
from steergan.verification.laws.operations import Operation

ROUNDED = 2.0**-20
"""How far weights that are equal may be apart, which the operator computes in floating point."""


def resampled(call: Operation) -> Law:
    """Where both axes are resampled by a matrix that is its own mirror image."""
    x, law = call.args[0], call.law_of(call.args[0])
    if isinstance(law, Fixed | Lost):
        return Fixed(distinct(call.out.shape)) if isinstance(law, Fixed) else law
    fault = resampling_fault(call, x, call.out)
    if fault:
        return Lost(f"resampling from {tuple(x.shape[2:])} to {tuple(call.out.shape[2:])} {fault}")
    return each_channel(law, x.shape, call.out.shape, "odd", call.elements, call.name)


def resampling_fault(call: Operation, x: Tensor, out: Tensor) -> str:
    """Why it commutes with no mirror of an axis; empty if it does.

    The equations above say of which weights equality is meant; the operator, on unit impulses, has them so.
    """
    nearest = "nearest" in call.name
    corners = bool(not nearest and call.args[2])
    factors = [f for f in call.args[2 if nearest else 3 :] if f is not None]
    matrices = [axis_matrix(call, x, axis) for axis in (2, 3)]
    for n, m, factor, matrix in zip(x.shape[2:], out.shape[2:], factors or [None, None], matrices, strict=True):
        off = float((matrix - matrix.flip(0, 1)).abs().max())
        if off == 0:
            continue
        if corners and m == 1 < n:
            return "reads one corner"
        # A factor in floating point stands for the fraction m / n that it rounds.
        if not nearest and not corners and factor is not None and abs(n * factor - m) > n * 2.0**-50:
            return f"by a factor of {factor:g}: of {n * factor:g} pixels, what is no whole one is left out on one side"
        if nearest or off > ROUNDED:
            return "does not treat both sides alike"
    if matrices[0].shape == matrices[1].shape and float((matrices[0] - matrices[1]).abs().max()) > ROUNDED:
        return "differs between rows and columns"
    return ""


def axis_matrix(call: Operation, x: Tensor, axis: int) -> Tensor:
    """A of one axis, (m, n): of ones along the other axis the operator makes ones, and so leaves it out."""
    n, other = x.shape[axis], x.shape[5 - axis]
    dtype = x.dtype if "nearest" in call.name else torch.float64
    impulses = torch.eye(n, dtype=dtype)[:, None, :, None].expand(n, 1, n, other)
    found: Tensor = call.func(impulses if axis == 2 else impulses.mT, *call.args[1:], **call.kwargs)
    return found[:, 0, :, 0].mT if axis == 2 else found[:, 0, 0, :].mT
