"""Certificates of convolutions on gathered filter banks: tables of integers, for all weights."""

from collections.abc import Iterator

import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan.layers import (
    GroupConvolution,
    GroupedConvolution,
    StridedConvolution,
    TransposedConvolution,
    Upsample,
    UpsampleConvolution,
)
from steergan.symmetry import gspace, trivial_type
from steergan.verification.certificates.bases import placement, rounded_matrix, sampled_bank
from steergan.verification.certificates.fourier import fourier_findings, numbered
from steergan.verification.elements import NAMES, Matrix, channel_action, fiber_matrix, pixel_action
from steergan.verification.records import Finding, broken, exact, unknown
from steergan.verification.registry import Situation, certifies

LARGEST_PROBE = 12
"""Side of the map on which upsampling and convolution are compared in integers; a filter reaches a few pixels."""


@certifies(GroupConvolution)
def group_convolution(layer: GroupConvolution, at: Situation) -> Iterator[Finding]:
    """Filter bank, bias, where its windows lie, and the Fourier form."""
    yield from placement(at, layer.kernel_size, 1, layer.padding, 1)
    yield from _bank(layer, at.elements)
    yield from fourier_findings(layer, at)


@certifies(UpsampleConvolution)
def upsample_convolution(layer: UpsampleConvolution, at: Situation) -> Iterator[Finding]:
    """The inner convolution's bank and bias; the fused and the Fourier form are upsampling and that convolution."""
    yield from _bank(layer.convolution, at.elements)
    side = min(max(at.in_shape[2:]), LARGEST_PROBE)
    fault = fused_difference(layer.convolution.kernel_size, side)
    if fault:
        yield broken("the fused layer is not upsampling and convolution", fault)
    else:
        yield exact(
            f"equals nearest upsampling and the convolution, tap by tap on every unit impulse of {side} x {side}"
        )
    yield from fourier_findings(layer, at)


@certifies(GroupedConvolution)
def grouped_convolution(layer: GroupedConvolution, at: Situation) -> Iterator[Finding]:
    """Where its windows lie, the bank and the bias of all its parts, and that a part holds whole fields."""
    inner = layer.convolution
    yield from placement(at, inner.kernel_size, 1, inner.padding, 1)
    yield from _bank(inner, at.elements)
    yield _whole_fields(layer, at.elements)


def _whole_fields(layer: GroupedConvolution, elements: tuple[Matrix, ...]) -> Finding:
    """Whether every element acts on each part by itself, as the bank's certificate has it."""
    wanted = "every element has to act on each part of the channels by itself"
    parts = torch.eye(layer.cardinality, dtype=torch.float64)
    for matrix in elements:
        part = torch.from_numpy(rounded_matrix(fiber_matrix(layer.convolution.in_type, matrix)))
        whole = torch.from_numpy(rounded_matrix(fiber_matrix(layer.in_type, matrix)))
        if not torch.equal(whole, torch.kron(parts, part)):
            return broken(wanted, f"{NAMES[matrix]} mixes parts of the input, or acts on them in different ways")
        out = torch.from_numpy(rounded_matrix(fiber_matrix(layer.out_type, matrix)))
        blocks = torch.kron(parts, torch.ones(len(out) // layer.cardinality, len(out) // layer.cardinality))
        if bool((out[blocks == 0] != 0).any()):
            return broken(wanted, f"{NAMES[matrix]} mixes parts of the output")
    return exact(f"each of {layer.cardinality} parts holds whole fields, on which every element acts alike")


@certifies(StridedConvolution)
def strided_convolution(layer: StridedConvolution, at: Situation) -> Iterator[Finding]:
    """Where its windows lie, what is added around the map, and the inner convolution's bank and bias."""
    inner, (stride, _, dilation, mode) = layer.convolution, layer.windows
    yield from placement(at, inner.kernel_size, stride, layer.padding, dilation)
    if layer.padding and mode != "zeros":
        yield exact(f"{mode} padding treats all four sides alike")
    yield from _bank(inner, at.elements)
    if layer.skips:
        batch, channels, *sides = at.in_shape
        skipped = at._replace(in_shape=(batch, channels, *((side - 1) // stride + 1 for side in sides)))
        yield from fourier_findings(inner, skipped)


@certifies(TransposedConvolution)
def transposed_convolution(layer: TransposedConvolution, at: Situation) -> Iterator[Finding]:
    """Pixel i reaches s i + d t - p by tap t; turned, the last pixel by the last tap the last of the larger map."""
    stride, padding, dilation, _ = layer.windows
    rule = "(H - 1) s + d (k - 1) + 1 - 2 p pixels were wanted, so that both ends of the larger map are reached alike"
    kernel, (height, width) = layer.convolution.kernel_size, at.in_shape[2:]
    ends = [(side - 1) * stride + dilation * (kernel - 1) + 1 - 2 * (padding or 0) for side in (height, width)]
    found = list(layer.evaluate_output_shape(at.in_shape)[2:])
    if found == ends:
        yield exact(f"(H - 1) x {stride} + {dilation * (kernel - 1) + 1} - 2 x {padding}, the same on every side")
    else:
        yield broken(rule, f"{found[0]} x {found[1]} where {ends[0]} x {ends[1]} are symmetric (output padding)")
    yield from _bank(layer.convolution, at.elements)


def fused_difference(kernel_size: int, side: int) -> str:
    """Where the fused layer differs from its two parts: both are linear in taps and pixels, so units decide."""
    layer, upsampling, plain = _trivial_pair(kernel_size)
    impulses = torch.eye(side * side, dtype=torch.float64).view(-1, 1, side, side)
    for tap in range(kernel_size**2):
        for convolution in (layer.convolution, plain):
            weight = convolution.weights[0]
            weight.data = torch.zeros_like(weight).index_fill_(2, torch.tensor([tap]), 1.0)
        fused, wanted = layer(layer.in_type(impulses)), plain(upsampling(layer.in_type(impulses)))
        if not torch.equal(fused.tensor, wanted.tensor):
            return f"tap {tap} of a {kernel_size} x {kernel_size} filter on a map of {side} x {side}"
    return ""


def _trivial_pair(kernel_size: int) -> tuple[UpsampleConvolution, Upsample, GroupConvolution]:
    one = trivial_type(gspace("trivial"), 1)
    layer = UpsampleConvolution(one, one, kernel_size, bias=False).double()
    return layer, Upsample(one), GroupConvolution(one, one, kernel_size, bias=False).double()


def _bank(layer: GroupConvolution, elements: tuple[Matrix, ...]) -> Iterator[Finding]:
    if not bool(layer.raw_filter().any()):
        yield unknown("every filter is zero: whatever follows is not tested by it (vacuous)")
    elif layer.exact:
        yield _gathered_bank(numbered(layer), elements)
    else:
        yield sampled_bank(layer, elements)
    bias = layer.channel_bias()
    if bias is not None:
        yield _gathered_bias(numbered(layer), elements)


@torch.no_grad()
def _gathered_bank(layer: GroupConvolution, elements: tuple[Matrix, ...]) -> Finding:
    k = layer.kernel_size
    table = layer.raw_filter().view(layer.out_type.size, layer.in_type.size, k, k)
    if not bool((table == table.round()).all()):
        return unknown("the filter bank is not a signed gather of the free weights")
    table = table.to(torch.int32)
    for matrix in elements:
        moved, wanted = moved_bank(table, layer.in_type, layer.out_type, matrix)
        wrong = (moved != wanted).nonzero()
        if len(wrong):
            o, i, tap = wrong[0].tolist()
            where = f"out channel {o}, in channel {i}, row {tap // k}, column {tap % k}"
            return broken("idx[ga, gb, gx] = idx[a, b, x] was wanted", f"under {NAMES[matrix]}, {where}")
    return exact("idx[ga, gb, gx] = idx[a, b, x] with signs, for every entry of the table of free weights")


def moved_bank(bank: Tensor, in_type: FieldType, out_type: FieldType, matrix: Matrix) -> tuple[Tensor, Tensor]:
    """Both sides of K(g x) rho_in(g) = rho_out(g) K(x), (C_out, C_in, k * k); the types act by signed permutations."""
    into, out = channel_action(in_type, matrix), channel_action(out_type, matrix)
    taps = pixel_action(matrix, *bank.shape[2:])
    assert into is not None
    assert out is not None
    assert taps is not None
    flat = bank.flatten(2)
    moved = torch.empty_like(flat)
    moved[:, into.index] = flat * into.sign.to(flat)[None, :, None]
    # pixel_action says where an entry comes from, g^-1 x; its inverse is g x.
    moved = moved[:, :, taps.argsort()]
    return moved, flat[out.index] * out.sign.to(flat)[:, None, None]


@torch.no_grad()
def _gathered_bias(layer: GroupConvolution, elements: tuple[Matrix, ...]) -> Finding:
    bias = numbered(layer).channel_bias()
    assert bias is not None
    for matrix in elements:
        rho = torch.from_numpy(rounded_matrix(fiber_matrix(layer.out_type, matrix)))
        wrong = (rho @ bias != bias).nonzero()
        if len(wrong):
            where = f"under {NAMES[matrix]}, channel {int(wrong[0, 0])}"
            return broken("a bias has to lie in the invariant subspace", where)
    return exact("the bias is constant on every orbit of channels, and zero where signs change")
