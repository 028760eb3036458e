"""Certificates of convolutions in the group's Fourier basis: the compiled kernels compute what the filter bank says.

The algebra and the tables of taps that the loaded binary works with are checked in integers (`laws.kernel_tables`); its
loops are then compared with the bank, on the layer's own fields.
"""

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from steergan.copies import copied
from steergan.kernels import operators
from steergan.kernels.operators import convolve
from steergan.layers import GroupConvolution, UpsampleConvolution
from steergan.layers.filters.path import FourierFields, kernels_are_there
from steergan.symmetry import group_order, gspace, regular_type
from steergan.verification.certificates.pixel_fields import bank_of_form, change_finding, difference
from steergan.verification.laws.kernel_tables import algebra_fault, bank_of
from steergan.verification.laws.matching import BASIS_ROUNDING
from steergan.verification.records import Finding, Scope, broken, exact, unknown
from steergan.verification.registry import Situation

FourierLayer = GroupConvolution | UpsampleConvolution
"""Layers that may be computed in the group's Fourier basis."""

FLOAT64_BOUND = 2.0**-40
"""Of the largest number: what float64 rounds, 2^-53, in sums of up to thousands of products in another order."""

FLOAT32_EXACT = 2**24

OPERATOR = convolve
"""The kernels' operator as it was when this module was imported."""


def fourier_findings(layer: FourierLayer, at: Situation) -> Iterator[Finding]:
    """The Fourier form of a layer; nothing if the layer does not take it, or if all filters are zero.

    Args:
        layer: in the mode that is certified.
        at: where.
    """
    convolution = _convolution(layer)
    group = convolution.fourier_group
    if group is None or not convolution.wants_fourier or not kernels_are_there():
        return
    if not bool(convolution.raw_filter().any()):
        return
    if _replaced():
        yield unknown("Fourier form: the operator steergan::convolve was replaced", form="Fourier")
        return
    yield _finding(
        algebra_fault(group),
        f"the binary's products are the convolution on the group, times {group_order(gspace(group))}",
        "for every pair of elements",
    )
    fields = convolution.fourier_fields
    if fields is not None:
        yield from _findings_of_fields(layer, fields, at)
        return
    yield _finding(
        _tables_fault(convolution, group),
        "the tables of taps make of the free weights the filter bank",
        "every entry of it by the same weight",
    )
    yield _finding(
        _weight_fault(convolution),
        "its filters are the free weights divided by one number",
        "as those of the bank are",
    )
    yield _finding(
        _operator_fault(layer, at),
        "the operator is the convolution by the bank",
        "bit for bit on integers, and to 2^-40 on random numbers in float64",
    )


def _findings_of_fields(layer: FourierLayer, fields: FourierFields, at: Situation) -> Iterator[Finding]:
    """Of a layer whose channels are taken for regular fields of the pixel group."""
    convolution, group = _convolution(layer), fields.into.group
    regular = regular_type(gspace(group), 1)
    yield _finding(
        _tables_fault(GroupConvolution(regular, regular, convolution.kernel_size, bias=False), group),
        f"the tables of taps make of the filters between regular fields of {group} the bank between them",
        "every entry of it by the same number",
    )
    fault, worst = change_finding(convolution, fields)
    there = f"the channels are regular fields of {group}, there and back and under every element"
    if fault or fields.permute:
        yield _finding(fault, there, "by a permutation")
    else:
        yield Finding("bounded", "holds", f"Fourier form: {there}", worst, form="Fourier")
    yield _bank_finding(convolution, fields)
    yield _finding(
        _loops_fault(fields, convolution.kernel_size) or _operator_fault(layer, at),
        "the operator is the convolution by its filters",
        "bit for bit on integers, and the layer's to 2^-40 on random numbers in float64",
    )


def _bank_finding(convolution: GroupConvolution, fields: FourierFields) -> Finding:
    wanted = "the filters between regular fields are the bank between the channels"
    off = difference(copied(convolution).double().eval(), fields)
    if not off <= (FLOAT64_BOUND if convolution.exact else BASIS_ROUNDING):
        return broken(f"Fourier form: {wanted}", f"off by {off:.2g} of it", off, form="Fourier")
    scope: Scope = "all weights" if convolution.exact else "these weights"
    return Finding("bounded", "holds", f"Fourier form: {wanted}", off, scope=scope, form="Fourier")


def _finding(fault: str, wanted: str, how: str) -> Finding:
    if fault:
        return broken(f"Fourier form: {wanted}", fault, form="Fourier")
    return exact(f"Fourier form: {wanted}, {how}", form="Fourier")


def _convolution(layer: FourierLayer) -> GroupConvolution:
    return layer.convolution if isinstance(layer, UpsampleConvolution) else layer


def _replaced() -> bool:
    """Whether another function stands where layers find the operator."""
    user = sys.modules[GroupConvolution.__module__]
    return any(vars(module).get("convolve") is not OPERATOR for module in (user, operators))


# --- the tables of taps


def numbered(layer: GroupConvolution) -> GroupConvolution:
    """A copy in float64 whose free weights are 1, 2, 3, ...: the bank then names the weight behind each entry."""
    twin = copied(layer).double()
    start = 1
    for weight in twin.weights:
        weight.data = torch.arange(start, start + weight.numel(), dtype=torch.float64).view_as(weight)
        start += weight.numel()
    if twin.bias is not None:
        twin.bias.data = torch.arange(1, len(twin.bias) + 1, dtype=torch.float64)
    return twin


@torch.no_grad()
def _tables_fault(layer: GroupConvolution, group: str) -> str:
    twin, k = numbered(layer), layer.kernel_size
    wanted = twin.raw_filter()
    try:
        found = bank_of(twin.weights[0].unflatten(2, (-1, k, k)), group).flatten(1)
    except (IndexError, RuntimeError):
        return "a table points outside of the filter"
    wrong = (found != wanted).nonzero()
    if not len(wrong):
        return ""
    channel, tap = divmod(int(wrong[0, 1]), k * k)
    return f"out channel {int(wrong[0, 0])}, in channel {channel}, row {tap // k}, column {tap % k}"


# --- filters, and the operator


@torch.no_grad()
def _weight_fault(layer: GroupConvolution) -> str:
    """Whether the filters of the kernels are not weights / sigma, with the sigma of the matrix itself."""
    twin = copied(layer).double()
    weights = twin.weights[0]
    found = twin.normalized_weight()
    matrix = twin.weight_matrix() if twin.norm_of == "weights" else twin.raw_filter()
    sigma = weights.new_ones(()) if twin.spectral is None else twin.spectral.sigma(matrix)
    if sigma.numel() != 1 or found.shape != weights.shape:
        return "not one number for all of them"
    return "" if _close(found * sigma, weights) else "they are other numbers than the weights over sigma"


def _close(found: Tensor, wanted: Tensor) -> bool:
    return float((found - wanted).abs().max()) <= FLOAT64_BOUND * float(wanted.abs().max())


@torch.no_grad()
def _operator_fault(layer: FourierLayer, at: Situation) -> str:
    """Compare the forward in the Fourier form with the bank, on a map just larger than filters reach."""
    twin = copied(layer).double().eval()
    inner = _convolution(twin)
    inner.convolution_choice = "fourier"
    stream = torch.Generator().manual_seed(0)
    shape = (2, twin.in_type.size, *_sides(layer, at))
    x = torch.randn(shape, generator=stream, dtype=torch.float64)
    if not inner.takes_fourier(x):
        return "the layer does not take it where it was told to"
    if not _close(_forward(twin, x), _by_bank(twin, x)):
        return "random numbers in float64"
    if inner.fourier_fields is not None:
        return ""
    inner.spectral = None
    for parameter in twin.parameters():
        parameter.copy_(torch.randint(-1, 2, parameter.shape, generator=stream))
    x = torch.randint(-2, 3, shape, generator=stream).double()
    wanted = _by_bank(twin, x)
    order = twin.in_type.gspace.fibergroup.order()
    # Coefficients are up to |G| times as large as numbers, on three ways: of signals, of filters, and back.
    largest = 2 * twin.in_type.size * inner.kernel_size**2 * order**2
    for dtype in (torch.float64, torch.float32) if largest < FLOAT32_EXACT else (torch.float64,):
        if not torch.equal(_forward(twin.to(dtype), x.to(dtype)).double(), wanted):
            return f"integers in {str(dtype).removeprefix('torch.')}"
    return ""


@torch.no_grad()
def _loops_fault(fields: FourierFields, k: int) -> str:
    """Compare the operator between the layer's regular fields with their bank, on integers."""
    stream = torch.Generator().manual_seed(0)
    group, order, n_in, n_out = fields.into.group, fields.into.size, fields.into.count, fields.out.count

    def draw(low: int, *shape: int) -> Tensor:
        return torch.randint(low, 1 - low, shape, generator=stream).double()

    weight, x = draw(-1, n_out, n_in, order, k, k), draw(-2, 2, n_in * order, k // 2 + 4, k // 2 + 3)
    wanted = conv2d(x, bank_of(weight, group), padding=k // 2)
    largest = 2 * n_in * order * k**2 * order**2
    for dtype in (torch.float64, torch.float32) if largest < FLOAT32_EXACT else (torch.float64,):
        if not torch.equal(convolve(x.to(dtype), weight.to(dtype), group, False).double(), wanted):
            return f"integers in {str(dtype).removeprefix('torch.')}"
    return ""


def _sides(layer: FourierLayer, at: Situation) -> list[int]:
    """Two sides, as different as the map's own size allows."""
    reach = _convolution(layer).kernel_size // 2
    sides = [min(n, reach + more) for n, more in zip(at.in_shape[2:], (4, 3), strict=True)]
    return [(side + 1) // 2 for side in sides] if isinstance(layer, UpsampleConvolution) else sides


def _forward(layer: Any, x: Tensor) -> Tensor:
    result: Tensor = layer(layer.in_type(x)).tensor
    return result


def _by_bank(layer: FourierLayer, x: Tensor) -> Tensor:
    inner = _convolution(layer)
    if isinstance(layer, UpsampleConvolution):
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    if inner.fourier_fields is not None:
        # Its own filters' bank, which is equivariant to the last bit: a sampled basis is to its rounding.
        filters = bank_of_form(inner.fourier_filter(), inner.fourier_fields)
    else:
        filters = inner.normed_filter().unflatten(1, (-1, inner.kernel_size, inner.kernel_size))
    return conv2d(x, filters, inner.channel_bias(), padding=inner.padding)
