"""Laws of tensor operations that gather entries: reductions, norms, pools, convolutions."""

from dataclasses import replace

import torch
from torch import Tensor

from steergan.verification.elements import Matrix, channel_action, pixel_action
from steergan.verification.laws.calculus import TOO_LARGE, combined, gathered, pointwise, rearranged
from steergan.verification.laws.kernel_tables import algebra_fault, bank_of
from steergan.verification.laws.law import LARGEST, Fields, Fixed, Law, Lost, Turning, distinct
from steergan.verification.laws.operations import Operation, Rule
from steergan.verification.laws.windows import window_fault


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
        kept = [a for a in range(x.dim()) if a not in axes]
        # Row m of `positions` lists where the arguments of the m-th entry of the result lie, in the order of memory.
        positions = torch.arange(x.numel()).reshape(x.shape).permute(*kept, *axes).reshape(out.numel(), -1)
        result = gathered(law, x.shape, positions, out.shape, parity, len(call.elements))
        if not isinstance(call.out, tuple):
            return result
        if call.name == "var_mean":
            return result, result
        return result, result if isinstance(result, Fixed) else Lost("the position of a maximum")

    return rule


def softmax(call: Operation) -> Law:
    """Each entry together with the multiset of those along the axis."""
    x, axis = call.args[0], call.args[1]
    law = call.written_out(x)
    if isinstance(law, Fixed | Lost):
        return Fixed(distinct(x.shape)) if isinstance(law, Fixed) else law
    # exp(v[i]) / sum_j exp(v[j]): a function of one entry and of the multiset that it is normalised by.
    sets = torch.arange(x.numel()).reshape(x.shape).movedim(axis, -1)
    shape = torch.Size([*sets.shape[:-1]])
    whole = gathered(law, x.shape, sets.reshape(-1, x.shape[axis]), shape, "general", len(call.elements))
    if isinstance(whole, Lost):
        return whole
    whole = rearranged(whole, shape, lambda ids: ids.unsqueeze(axis), call.elements)
    size = torch.Size([1 if a == axis % x.dim() else n for a, n in enumerate(x.shape)])
    return combined([law, whole], [x.shape, size], x.shape, "general", call.elements)


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
    if batch_moments:
        # Mean and variance of a channel over samples and pixels, under one law: the mean is odd, the variance even.
        # Where entries do change sign, the general function below loses the law whichever is said here.
        sets = torch.arange(x.numel()).reshape(x.shape).movedim(1, 0).flatten(1)
        laws.append(gathered(laws[0], x.shape, sets, torch.Size([x.shape[1]]), "even", len(call.elements)))
        shapes.append(shape)
    views = [law if s == x.shape else _viewed(law, s) for law, s in zip(laws, shapes, strict=True)]
    result = combined(views, shapes, x.shape, "general", call.elements)
    moments = laws[-1] if batch_moments else Fixed(distinct(call.out[1].shape))
    return result, moments, moments


def _viewed(law: Law, shape: torch.Size) -> Law:
    return law if isinstance(law, Lost | Fields) else replace(law, ids=law.ids.reshape(shape))


def pool(call: Operation) -> Law | tuple[Law, ...]:
    """Windows that lie symmetrically on the map; a maximum only of permuted channels."""
    x = call.args[0]
    law = call.law_of(x)
    second = (Lost("the position of a maximum"),) if isinstance(call.out, tuple) else ()
    if isinstance(law, Fixed):
        ids = Fixed(distinct((call.out[0] if second else call.out).shape))
        return (ids, ids) if second else ids
    if not isinstance(law, Fields):
        lost = law if isinstance(law, Lost) else Lost(f"{call.name} on a tensor that is no feature map")
        return (lost, *second) if second else lost
    kernel, stride, padding = call.arg(1, "kernel_size"), call.arg(2, "stride"), call.arg(3, "padding", 0)
    dilation, ceil = (call.arg(4, "dilation", 1), call.arg(5, "ceil_mode")) if second else (1, call.arg(4, "ceil_mode"))
    result: Law = law
    fault = window_fault(tuple(x.shape[2:]), kernel, stride or kernel, padding or 0, dilation or 1, bool(ceil))
    if fault is not None:
        result = Lost(fault)
    elif second:
        result = pointwise(law, "general")
    return (result, *second) if second else result


def adaptive_pool(call: Operation) -> Law | tuple[Law, ...]:
    """Only to one pixel, or by whole windows."""
    x, law = call.args[0], call.law_of(call.args[0])
    out = call.out[0] if isinstance(call.out, tuple) else call.out
    if isinstance(law, Fixed):
        result: Law = Fixed(distinct(out.shape))
    elif not isinstance(law, Fields):
        result = law if isinstance(law, Lost) else Lost(f"{call.name} on a tensor that is no feature map")
    elif any(n % m for n, m in zip(x.shape[2:], out.shape[2:], strict=True)):
        result = Lost(f"{call.name} from {tuple(x.shape[2:])} to {tuple(out.shape[2:])}: windows overlap unevenly")
    else:
        result = law if "avg" in call.name else pointwise(law, "general")
    return (result, Lost("the position of a maximum")) if isinstance(call.out, tuple) else result


def convolution(call: Operation) -> Law:
    """A stride of a map by the bank at hand: which permutation of its rows the elements amount to, if any."""
    x, bank, bias = call.args[0], call.args[1], call.args[2]
    law = call.law_of(x)
    if isinstance(law, Lost):
        return law
    groups = call.args[8]
    depthwise = isinstance(law, Fields) and bank.shape[:2] == (x.shape[1], 1) and groups == x.shape[1] and bias is None
    if not isinstance(law, Fields) or bank.dim() != 4 or call.args[6] or (groups != 1 and not depthwise):
        return Lost("a convolution outside a certified layer, of no feature map, transposed or in groups")
    kernel, stride, padding, dilation = bank.shape[2:], call.args[3], call.args[4], call.args[5]
    fault = window_fault(tuple(x.shape[2:]), kernel, stride, padding, dilation, False)
    if fault is not None:
        return Lost(fault)
    if any(not isinstance(call.law_of(t), Fixed) for t in (bank, bias) if t is not None):
        return Lost("a convolution whose filters depend on the input")
    if depthwise and groups > 1:
        return law if _blurs(bank, call.elements) else Lost("a depthwise convolution that is no blur")
    values = bank.flatten(1) if bias is None else torch.cat([bank.flatten(1), bias[:, None]], 1)
    index = []
    for matrix in call.elements:
        rows = _matched_rows(bank, bias, values, law, matrix)
        if rows is None:
            return Lost("a convolution outside a certified layer, whose filters at hand are not equivariant")
        index.append(rows)
    return _channels_permuted(call.out.shape, index, call.elements)


def fourier_convolution(call: Operation) -> Law:
    """steergan::convolve outside a certified layer: a convolution by the bank that the kernels' tables make of w."""
    x, w, group, adjoint = call.args
    if adjoint:
        return Lost("the adjoint of a convolution")
    if not isinstance(call.law_of(w), Fixed):
        return Lost("a convolution whose filters depend on the input")
    fault = algebra_fault(group)
    if fault:
        return Lost(f"a convolution by kernels whose algebra is wrong: {fault}")
    bank, middle = bank_of(w, group), [w.shape[-1] // 2] * 2

    def law_of(tensor: Tensor) -> Law:
        return Fixed(distinct(bank.shape)) if tensor is bank else call.law_of(tensor)

    arguments = (x, bank, None, [1, 1], middle, [1, 1], False, [0, 0], 1)
    return convolution(Operation(call.func, arguments, {}, call.out, law_of, call.elements))


def _blurs(bank: Tensor, elements: tuple[Matrix, ...]) -> bool:
    """Whether every channel has the same filter, one that every element leaves as it is."""
    taps = [pixel_action(matrix, *bank.shape[2:]) for matrix in elements]
    flat = bank.flatten(1)
    return bool((flat == flat[:1]).all()) and all(t is not None and bool((flat[:, t] == flat).all()) for t in taps)


def _matched_rows(bank: Tensor, bias: Tensor | None, values: Tensor, law: Fields, matrix: Matrix) -> Tensor | None:
    """For each out channel the one whose filter it has after an element acted; None if there is none, bit for bit."""
    action, taps = channel_action(law.type, matrix), pixel_action(matrix, *bank.shape[2:])
    if action is None or taps is None:
        return None
    # (K * g x)[o](q) = sum_{i, p} K[o, i, p] sign[i] x[index[i]](g^-1 (q + p))
    #                 = sum_{j, r} K'[o, j, r] x[j](g^-1 q + r),  K'[o, index[i], g^-1 p] = sign[i] K[o, i, p]:
    # a stride by another bank. If its rows are those of K in another order, K'[o] = K[rows[o]], then g permutes the
    # channels of the result by `rows`. `moved` gets the channels first, then the taps.
    moved = torch.empty_like(bank).flatten(2)
    moved[:, action.index] = bank.flatten(2) * action.sign.to(bank)[None, :, None]
    moved = moved[:, :, taps.argsort()].flatten(1)  # pixel_action reads from g^-1 p; its inverse reads from g p
    if bias is not None:
        moved = torch.cat([moved, bias[:, None]], 1)
    rows = {tuple(row): o for o, row in enumerate(values.tolist())}
    found = [rows.get(tuple(row), -1) for row in moved.tolist()]
    return None if -1 in found else torch.tensor(found)


def _channels_permuted(shape: torch.Size, index: list[Tensor], elements: tuple[Matrix, ...]) -> Law:
    if shape.numel() * len(elements) > LARGEST:
        return Lost(TOO_LARGE)
    ids = distinct(shape)
    moved = []
    for matrix, rows in zip(elements, index, strict=True):
        pixels = pixel_action(matrix, *shape[2:])
        if pixels is None:
            return Lost("the element turns the map onto another shape")
        moved.append(ids[:, rows].flatten(2)[..., pixels].flatten())  # (g v)[b, o, q] = v[b, rows[o], g^-1 q]
    table = torch.stack(moved)
    return Turning(ids, table, torch.ones_like(table))
