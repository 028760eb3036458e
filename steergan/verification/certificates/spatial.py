"""Certificates of layers that move between map sizes: where their windows lie, at the actual size, in integers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from escnn import nn as enn
from torch import Tensor

from steergan.layers import AntialiasedPool, AveragePool, MaxPool, Upsample
from steergan.symmetry import is_permutation
from steergan.verification.certificates.bases import rounded_matrix
from steergan.verification.certificates.fibres import Worst, field_matrix, same_buffers
from steergan.verification.elements import pixel_action
from steergan.verification.laws.windows import Pair, pair, window_fault
from steergan.verification.records import Finding, broken, exact, unknown
from steergan.verification.registry import Situation, certifies

MAXIMUM = "a maximum needs fields whose channels the group permutes"


@certifies(AveragePool, enn.PointwiseAvgPool2D)
def average_pool(layer: Any, at: Situation) -> Iterator[Finding]:
    """Any linear map of windows, where the windows lie symmetrically."""
    yield windows(at, layer.kernel_size, layer.stride, layer.padding, 1, getattr(layer, "ceil_mode", False))


@certifies(MaxPool, enn.PointwiseMaxPool2D)
def max_pool(layer: Any, at: Situation) -> Iterator[Finding]:
    """Windows that lie symmetrically, of fields whose channels are permuted."""
    ceil, dilation = getattr(layer, "ceil_mode", False), getattr(layer, "dilation", 1)
    yield windows(at, layer.kernel_size, layer.stride, layer.padding, dilation, ceil)
    yield from permutations(layer)


@certifies(enn.NormMaxPool, apart="two different fields of a window are equally long")
def norm_max_pool(layer: enn.NormMaxPool, at: Situation) -> Iterator[Finding]:
    """The longest field of every window, where windows lie symmetrically: elements leave lengths as they are.

    Which of two is taken that are equally long depends on which comes first, and so does not turn.
    """
    yield windows(at, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)
    rebuilt = enn.NormMaxPool(layer.in_type, 1)
    if layer._contiguous != rebuilt._contiguous or not same_buffers(layer, rebuilt):
        yield unknown("the tables that sort channels are not those of the field type")
        return
    worst = Worst()
    for field in set(layer.in_type.representations):
        for matrix in at.elements:
            rho = rounded_matrix(field_matrix(layer.in_type.gspace, field, matrix))
            worst.see(np.abs(rho @ rho.T - np.eye(len(rho))).max(), matrix)
    yield worst.finding("the longest field of every window; every element leaves lengths as they are")


@certifies(enn.PointwiseAvgPoolAntialiased2D)
def blurred_average_pool(layer: Any, at: Situation) -> Iterator[Finding]:
    """A symmetric blur with a stride."""
    yield windows(at, layer.kernel_size, layer.stride, layer.padding, 1)
    yield blur(layer.filter, at)


@certifies(enn.PointwiseMaxPoolAntialiased2D)
def blurred_max_pool(layer: Any, at: Situation) -> Iterator[Finding]:
    """A dense maximum, then a symmetric blur with a stride."""
    yield windows(at, layer.kernel_size, 1, layer.padding, layer.dilation, layer.ceil_mode)
    reach = [d * (k - 1) for k, d in zip(pair(layer.kernel_size), pair(layer.dilation), strict=True)]
    dense = [n + 2 * p - r for n, p, r in zip(at.in_shape[2:], pair(layer.padding), reach, strict=True)]
    inner = at._replace(in_shape=(*at.in_shape[:2], *dense))
    yield windows(inner, layer.filter.shape[2:], layer.stride, layer._pad, 1)
    yield blur(layer.filter, at)
    yield from permutations(layer)


@certifies(AntialiasedPool)
def antialiased_pool(layer: AntialiasedPool, at: Situation) -> Iterator[Finding]:
    """One symmetric filter with a stride, divided by what it finds on a map of ones."""
    yield windows(at, layer.kernel_size, layer.stride, layer.padding, 1)
    yield blur(torch.outer(layer.taps, layer.taps)[None, None], at)


@certifies(Upsample)
def upsample(layer: Upsample, at: Situation) -> Iterator[Finding]:
    """Nearest or bilinear, by a whole factor, pixels being areas."""
    yield exact(f"{layer.mode} upsampling by {layer.scale_factor} treats every pixel alike, from all sides")


def windows(at: Situation, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil: bool = False) -> Finding:
    """Whether windows lie symmetrically on the map that came in."""
    height, width = at.in_shape[2:]
    fault = window_fault((height, width), kernel, stride, padding, dilation, ceil)
    k, s, p, d = (pair(setting)[0] for setting in (kernel, stride, padding, dilation))
    if fault is not None:
        return broken("windows that lie symmetrically were wanted", fault)
    return exact(f"({height} + 2 x {p} - {d * (k - 1) + 1}) mod {s} = 0, the same on every side")


def permutations(layer: Any) -> Iterator[Finding]:
    """Whether a maximum commutes with what the group does to channels."""
    wrong = [r.name for r in set(layer.in_type.representations) if not is_permutation(r)]
    yield broken(MAXIMUM, f"a field of {wrong[0]}") if wrong else exact(MAXIMUM)


def blur(taps: Tensor, at: Situation) -> Finding:
    """Whether every channel is blurred alike, by a filter that every element leaves as it is, bit for bit."""
    flat = taps.flatten(1)
    turned = [pixel_action(matrix, *taps.shape[2:]) for matrix in at.elements]
    if not bool((flat == flat[:1]).all()) or any(t is None or not torch.equal(flat[:, t], flat) for t in turned):
        return unknown("the blur is not one symmetric filter for all channels")
    return exact("one blur for all channels, which every element leaves as it is, bit for bit")
