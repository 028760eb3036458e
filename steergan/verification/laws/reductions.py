"""Laws of tensor operations that gather entries: reductions, orders, pools, convolutions."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from steergan.verification.elements import ChannelAction, Matrix, pixel_action
from steergan.verification.laws.calculus import combined, viewed
from steergan.verification.laws.channels import channels_of, each_channel, map_of_channels
from steergan.verification.laws.kernel_tables import algebra_fault, bank_of
from steergan.verification.laws.law import Fields, Fixed, Law, Lost, Turning, distinct
from steergan.verification.laws.matching import BASIS_ROUNDING, MATRIX_ROUNDING, matched, scaled, unique_rows
from steergan.verification.laws.multisets import gathered
from steergan.verification.laws.operations import Operation, Rule
from steergan.verification.laws.windows import transposed_fault, window_fault


def reduced(parity: str) -> Rule:
    """A symmetric function over some axes."""

    def rule(call: Operation) -> Law | tuple[Law, ...]:
        x = call.args[0]
        out = call.out[0] if isinstance(call.out, tuple) else call.out
        if call.func._overloadname in ("other", "out", "names_dim"):
            return Lost(f"{call.name}.{call.func._overloadname}")
        axes = call.arg(2, "dim") if "norm" in call.name else call.arg(1, "dim")
        axes = [axes] if isinstance(axes, int) else axes
        axes = sorted(a % x.dim() for a in axes) if axes else list(range(x.dim()))
        law = call.written_out(x)
        sign = parity if out.is_floating_point() else "general"  # a sum as a truth value has no sign
        kept = [a for a in range(x.dim()) if a not in axes]
        # Row m of `positions` lists where the arguments of the m-th entry of the result lie, in the order of memory.
        positions = torch.arange(x.numel()).reshape(x.shape).permute(*kept, *axes).reshape(out.numel(), -1)
        result = gathered(law, x.shape, positions, out.shape, sign, len(call.elements))
        if not isinstance(call.out, tuple):
            return result
        if call.name == "var_mean":
            return result, gathered(law, x.shape, positions, out.shape, "odd", len(call.elements))
        return result, Fixed(distinct(out.shape)) if isinstance(result, Fixed) else Lost("the position of a maximum")

    return rule


def ordered(call: Operation) -> Law | tuple[Law, ...]:
    """topk, sort, kthvalue, median: entry n of the result is the n-th of a multiset, whatever order it came in.

    That is a symmetric function of what lies along the axis, for each n its own, ties among it or not. The positions
    are none: of two equal entries the one that happens to come first is named, and another one in the turned map.
    """
    x = call.args[0]
    by_name = call.func._overloadname == "stable"
    axis = call.kwargs.get("dim", -1) if by_name else call.arg(AXIS_OF[call.name], "dim", -1)
    values = call.out[0] if isinstance(call.out, tuple) else call.out
    law = call.written_out(x)
    if isinstance(law, Fixed):
        still = Fixed(distinct(values.shape))
        return (still, still) if isinstance(call.out, tuple) else still
    positions = Lost(f"{call.name} says where the largest are; of two that are equal, the one that happens to be first")
    if call.name == "topk" and not call.arg(4, "sorted", True):
        return Lost("topk without sorting"), positions
    kept = torch.arange(x.numel()).reshape(x.shape).movedim(axis, -1)
    whole = gathered(law, x.shape, kept.flatten(0, -2), kept.shape[:-1], "general", len(call.elements))
    if call.name in ("topk", "sort") and not isinstance(whole, Lost):
        # The n-th: a function of the multiset and of n.
        count = torch.Size([n if a == axis % x.dim() else 1 for a, n in enumerate(values.shape)])
        shape = torch.Size([1 if a == axis % x.dim() else n for a, n in enumerate(values.shape)])
        laws = [viewed(whole, shape), Fixed(distinct(count))]
        whole = combined(laws, [shape, count], values.shape, "general", call.elements)
    return viewed(whole, values.shape), positions


AXIS_OF = {"topk": 2, "sort": 1, "kthvalue": 2, "median": 1, "nanmedian": 1}
"""Which argument says along which axis."""


def pool(call: Operation) -> Law | tuple[Law, ...]:
    """Windows that lie symmetrically on the map; a maximum only of permuted channels."""
    x = call.args[0]
    second = (Lost("the position of a maximum"),) if isinstance(call.out, tuple) else ()
    out = call.out[0] if second else call.out
    kernel, stride, padding = call.arg(1, "kernel_size"), call.arg(2, "stride"), call.arg(3, "padding", 0)
    dilation, ceil = (call.arg(4, "dilation", 1), call.arg(5, "ceil_mode")) if second else (1, call.arg(4, "ceil_mode"))
    law = call.law_of(x)
    if isinstance(law, Fixed):
        ids = Fixed(distinct(out.shape))
        return (ids, ids) if second else ids
    fault = window_fault(tuple(x.shape[-2:]), kernel, stride or kernel, padding or 0, dilation or 1, bool(ceil))
    if fault is not None and not isinstance(law, Lost):
        law = Lost(fault)
    result = each_channel(law, x.shape, out.shape, "general" if second else "odd", call.elements, call.name)
    return (result, *second) if second else result


def adaptive_pool(call: Operation) -> Law | tuple[Law, ...]:
    """Windows from floor(i n / m) to ceil((i + 1) n / m), n pixels to m, whether or not m divides n.

    They are mirror images of themselves: that of window m - 1 - i begins at n - ceil((i + 1) n / m), because
    floor((m - 1 - i) n / m) = n - ceil((i + 1) n / m), and ends at n - floor(i n / m) for the same reason. Rows and
    columns of a square map have to become equally many, or a quarter turn finds no map of that shape.
    """
    x, law = call.args[0], call.law_of(call.args[0])
    maximum = isinstance(call.out, tuple)
    out = call.out[0] if maximum else call.out
    if isinstance(law, Fixed):
        result: Law = Fixed(distinct(out.shape))
    else:
        result = each_channel(law, x.shape, out.shape, "general" if maximum else "odd", call.elements, call.name)
    return (result, Lost("the position of a maximum")) if maximum else result


def convolution(call: Operation) -> Law:
    """A stride of a map by the bank at hand: which permutation of its rows the elements amount to, if any."""
    x, bank, bias = call.args[:3]
    law, (stride, padding, dilation, transposed, added, groups) = call.law_of(x), call.args[3:9]
    if isinstance(law, Lost):
        return law
    if not isinstance(law, Fields | Turning) or bank.dim() != 4 or x.dim() != 4:
        return Lost("a convolution outside a certified layer, of no feature map")
    kernel, size = bank.shape[2:], (x.shape[2], x.shape[3])
    if transposed:
        fault = transposed_fault(size, kernel, stride, padding, dilation, added)
    else:
        fault = window_fault(size, kernel, stride, padding, dilation, False)
    if fault is not None:
        return Lost(fault)
    operands = [t for t in (bank, bias) if t is not None]
    if not all(call.knows(t) for t in operands):
        return Lost("a convolution whose filters depend on the input")
    if groups > 1 and bank.shape[:2] == (x.shape[1], 1) and bias is None and _blurs(bank, call.elements):
        return each_channel(law, x.shape, call.out.shape, "odd", call.elements, call.name)
    channels = channels_of(law, x.shape, call.elements)
    if channels is None:
        why = "of no feature map" if isinstance(law, Turning) else "whose filters at hand are not equivariant"
        return Lost(f"a convolution outside a certified layer, {why}")
    bank = scaled(_dense(bank, groups, transposed).double())
    alike = torch.arange(x.shape[1]) if isinstance(law, Fields) else _alike(law.ids.reshape(x.shape))
    moved = [_moved(bank, action, matrix, alike) for matrix, action in zip(call.elements, channels, strict=True)]
    every = torch.stack([_summed(bank, alike).flatten(1), *moved])
    if bias is not None:
        every = torch.cat([every, scaled(bias.double())[None, :, None].expand(len(every), -1, 1)], 2)
    tolerance = BASIS_ROUNDING if math.prod(kernel) > 1 else MATRIX_ROUNDING
    found = matched(every[0], every[1:].flatten(0, 1), tolerance)
    if found is None:
        return Lost("a convolution outside a certified layer, whose filters at hand are not equivariant")
    call.values, call.bound = operands, found.bound
    rows, signs = (part.view(len(moved), -1) for part in (found.number, found.sign))
    actions = [ChannelAction(index, sign) for index, sign in zip(rows, signs, strict=True)]
    result = map_of_channels(actions, call.out.shape, call.elements)
    # Channels with equal filters are equal.
    return replace(result, ids=result.ids[:, found.classes]) if isinstance(result, Turning) else result


def _dense(bank: Tensor, groups: int, transposed: bool) -> Tensor:
    """The bank (C_out, C_in, k, k) of a convolution in groups, or a transposed one, with zeros between groups.

    A transposed convolution has its bank the other way round: out(s p + d t - padding) += K[i, o](t) x[i](p).
    """
    blocks = [block.transpose(0, 1) if transposed else block for block in bank.chunk(groups)]
    out, into = blocks[0].shape[:2]
    dense = bank.new_zeros(groups * out, groups * into, *bank.shape[2:])
    for n, block in enumerate(blocks):
        dense[n * out : (n + 1) * out, n * into : (n + 1) * into] = block
    return dense


def fourier_convolution(call: Operation) -> Law:
    """steergan::convolve outside a certified layer: a convolution by the bank that the kernels' tables make of w."""
    x, w, group, adjoint = call.args
    if adjoint:
        return Lost("the adjoint of a convolution")
    if not call.knows(w):
        return Lost("a convolution whose filters depend on the input")
    fault = algebra_fault(group)
    if fault:
        return Lost(f"a convolution by kernels whose algebra is wrong: {fault}")
    bank, middle = bank_of(w, group), [w.shape[-1] // 2] * 2

    def law_of(tensor: Tensor) -> Law:
        return Fixed(distinct(bank.shape), frozenset()) if tensor is bank else call.law_of(tensor)

    arguments = (x, bank, None, [1, 1], middle, [1, 1], False, [0, 0], 1)
    dense = Operation(call.func, arguments, {}, call.out, law_of, call.elements)
    law = convolution(dense)
    call.values, call.bound = [w], dense.bound
    return law


def _blurs(bank: Tensor, elements: tuple[Matrix, ...]) -> bool:
    """Whether every channel has the same filter, one that every element leaves as it is."""
    taps = [pixel_action(matrix, *bank.shape[2:]) for matrix in elements]
    flat = bank.flatten(1)
    return bool((flat == flat[:1]).all()) and all(t is not None and bool((flat[:, t] == flat).all()) for t in taps)


def _alike(ids: Tensor) -> Tensor:
    """For each channel of ids (B, C, H, W) the first one that is the same."""
    first, number = unique_rows(ids.transpose(0, 1).flatten(1))
    return first[number]


def _summed(bank: Tensor, index: Tensor) -> Tensor:
    """The bank by which index[i] meets what channel i met: a sum, where channels are the same."""
    return torch.zeros_like(bank).index_add_(1, index, bank)


def _moved(bank: Tensor, action: ChannelAction, matrix: Matrix, alike: Tensor) -> Tensor:
    """The filters (C_out, C_in * k * k) that meet x where those of the bank meet what an element made of x."""
    taps = pixel_action(matrix, *bank.shape[2:])
    assert taps is not None  # kernels of windows without a fault are square
    # (K * g x)[o](q) = sum_{i, p} K[o, i, p] sign[i] x[index[i]](g^-1 (q + p))
    #                 = sum_{j, r} K'[o, j, r] x[j](g^-1 q + r),  K'[o, j, g^-1 p] = sum over i with index[i] = j
    # of sign[i] K[o, i, p]: a stride by another bank. If its rows are plus or minus those of K in another order,
    # K'[o] = sign'[o] K[rows[o]], then g permutes the channels of the result so. A transposed convolution by
    # q = s p + d t has the same bank K' (of t), because g (s p + d t) = s g p + d g t about the middles of its maps and
    # of its taps.
    moved = _summed(bank * action.sign.to(bank)[None, :, None, None], alike[action.index]).flatten(2)
    return moved[:, :, taps.argsort()].flatten(1)  # pixel_action reads from g^-1 p; its inverse reads from g p
