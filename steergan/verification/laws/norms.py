"""Laws of softmax and of norms: each entry together with the multiset of entries by which it is normalised."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from steergan.verification.elements import Matrix
from steergan.verification.laws.calculus import combined, viewed
from steergan.verification.laws.law import Fields, Fixed, Law, Lost, Turning, distinct, written_out
from steergan.verification.laws.multisets import gathered
from steergan.verification.laws.operations import Operation


def softmax(call: Operation) -> Law:
    """Each entry together with the multiset of those along the axis."""
    x, axis = call.args[0], call.args[1]
    return softmax_of(call.law_of(x), x.shape, axis, call.elements)


def softmax_of(law: Law, shape: torch.Size, axis: int, elements: tuple[Matrix, ...]) -> Law:
    """exp(v[i]) / sum_j exp(v[j]): a function of one entry and of the multiset that it is normalised by."""
    law = written_out(law, shape, elements) if isinstance(law, Fields) else law
    if isinstance(law, Fixed | Lost):
        return Fixed(distinct(shape)) if isinstance(law, Fixed) else law
    sets = torch.arange(shape.numel()).reshape(shape).movedim(axis, -1)
    whole = gathered(law, shape, sets.reshape(-1, shape[axis]), sets.shape[:-1], "general", len(elements))
    size = torch.Size([1 if a == axis % len(shape) else n for a, n in enumerate(shape)])
    return combined([law, viewed(whole, size)], [shape, size], shape, "general", elements)


def batch_norm(call: Operation) -> tuple[Law, ...]:
    """(x - mean) * scale + shift, each constant along all axes but the second; in training, mean and variance of x."""
    x = call.args[0]
    per_channel = [t for t in call.args[1:5] if isinstance(t, Tensor)]
    shape = torch.Size([1, x.shape[1], *[1] * (x.dim() - 2)])
    laws: list[Law] = [call.written_out(x)]
    if any(not isinstance(call.law_of(t), Fixed) for t in per_channel):
        return (Lost("batch norm with moments or weights that depend on the input"),) * 3
    laws += [call.law_of(t) for t in per_channel]
    shapes = [x.shape, *[shape] * len(per_channel)]
    batch_moments = bool(call.out[1].numel())
    sets = torch.arange(x.numel()).reshape(x.shape).movedim(1, 0).flatten(1)
    if batch_moments:
        laws.append(moments(laws[0], x.shape, sets, torch.Size([x.shape[1]]), call.elements))
        shapes.append(shape)
    views = [law if s == x.shape else viewed(law, s) for law, s in zip(laws, shapes, strict=True)]
    result = combined(views, shapes, x.shape, "general", call.elements)
    if not batch_moments:
        return result, *(Fixed(distinct(out.shape)) for out in call.out[1:])
    return result, *each_moment(laws[0], x.shape, sets, call)


def moments(law: Law, shape: torch.Size, sets: Tensor, out: torch.Size, elements: Sequence[Matrix]) -> Law:
    """Mean and variance of entries, under one law, for a general function of both, where the mean's sign is lost."""
    return gathered(law, shape, sets, out, "even", len(elements))


def each_moment(law: Law, shape: torch.Size, sets: Tensor, call: Operation) -> tuple[Law, Law]:
    """Mean and deviation of entries, each with the law of its own, as an operator returns them."""
    (mean, deviation), count = call.out[1:], len(call.elements)
    return (
        gathered(law, shape, sets, mean.shape, "odd", count),
        gathered(law, shape, sets, deviation.shape, "all even", count),
    )


def group_norm(call: Operation) -> tuple[Law, ...]:
    """(x - mean) * scale + shift: moments of a sample's channels group by group, scale and shift of every channel."""
    x, weight, bias, batch, channels, groups = *call.args[:5], call.args[6]
    sets = torch.arange(x.numel()).view(batch * groups, -1)
    each = torch.Size([batch, groups, 1, 1])
    spread = torch.Size([batch, groups, channels // groups, x.numel() // (batch * channels)])
    per_channel = torch.Size([1, groups, channels // groups, 1])
    return normed(call, sets, (each, spread), [(t, per_channel) for t in (weight, bias) if t is not None])


def layer_norm(call: Operation) -> tuple[Law, ...]:
    """(x - mean) * scale + shift: moments over the last axes, scale and shift of each entry along them."""
    x, over, weight, bias = call.args[:4]
    count = prod(over)
    sets = torch.arange(x.numel()).view(-1, count)
    each, spread = torch.Size([len(sets), 1]), torch.Size([len(sets), count])
    return normed(call, sets, (each, spread), [(t, torch.Size([1, count])) for t in (weight, bias) if t is not None])


def normed(
    call: Operation, sets: Tensor, shapes: tuple[torch.Size, torch.Size], affine: list[tuple[Tensor, torch.Size]]
) -> tuple[Law, ...]:
    """Each entry, the moments of its set, and what it is scaled by and shifted by, as one function of all of them.

    Args:
        call: of an operator that returns the result, the means and the deviations.
        sets: (M, K) int64, the positions that each pair of moments is taken of.
        shapes: in which moments and entries are broadcast, of M entries and of M * K.
        affine: weights, with the shapes in which they are broadcast to the entries.
    """
    x = call.args[0]
    law = call.written_out(x)
    if any(not isinstance(call.law_of(t), Fixed) for t, _ in affine):
        return (Lost(f"{call.name} with weights that depend on the input"),) * 3
    if isinstance(law, Fixed | Lost):
        return (Fixed(distinct(x.shape)) if isinstance(law, Fixed) else law,) * 3
    assert isinstance(law, Turning)
    each, spread = shapes
    found = moments(law, x.shape, sets, each, call.elements)
    laws = [viewed(law, spread), found, *(viewed(call.law_of(t), s) for t, s in affine)]
    result = combined(laws, [spread, each, *(s for _, s in affine)], spread, "general", call.elements)
    return viewed(result, x.shape), *each_moment(law, x.shape, sets, call)
