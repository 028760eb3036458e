"""Convolutions of regular fields in the group's Fourier basis, as operators that torch knows.

The trilinear form <y, convolution(x, w)> has three partial gradients: by y the convolution itself, by x its adjoint, by
w the filter gradient. Each is linear in two arguments, and their derivatives are again these three; so derivatives of
every order exist. The operators run on the CPU, in float32 and float64; under autocast in float32.
"""

from typing import Any

import torch
from torch import Tensor

from steergan.errors import SteerganError
from steergan.kernels import interface, library
from steergan.symmetry import group_order, gspace


def _call(name: str, group: str, sizes: interface.Sizes, operands: tuple[Tensor, Tensor], result: Tensor) -> Tensor:
    found = library.native()
    if found is None:
        raise SteerganError(f"this process has no convolution kernels: {library.absence()}")
    dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in operands}
    if len(dtypes) > 1 or not dtypes <= interface.TYPES.keys():
        raise SteerganError(f"a convolution of {' with '.join(sorted(dtypes))}; all float32 or all float64 were wanted")
    if not all(tensor.numel() for tensor in operands):
        return result.zero_()
    x, y = (tensor.contiguous() for tensor in operands)
    addresses = (x.data_ptr(), y.data_ptr(), result.data_ptr())
    convolution = interface.Convolution(group, sizes, dtypes.pop())
    interface.call(found.functions, name, convolution, addresses, torch.get_num_threads())
    return result


def _check(group: str, x: Tensor, w: Tensor | None, fields: int) -> None:
    """Refuse shapes that the kernels would read beyond the ends of.

    Raises:
        SteerganError: an unknown group, or maps or filters of another shape.
    """
    if group not in interface.ALGEBRAS:
        raise SteerganError(f"group {group!r} has no kernels; one of {', '.join(interface.ALGEBRAS)} was wanted")
    order = group_order(gspace(group))
    if w is not None and (w.dim() != 5 or w.shape[2] != order or w.shape[3] != w.shape[4]):
        raise SteerganError(f"filters of {tuple(w.shape)}; (out fields, in fields, {order}, k, k) was wanted")
    if x.dim() != 4 or x.shape[1] != fields * order:
        raise SteerganError(f"maps of {tuple(x.shape)}; (batch, {fields} * {order}, height, width) was wanted")


@torch.library.custom_op("steergan::convolve", mutates_args=(), device_types="cpu")
def convolve(x: Tensor, w: Tensor, group: str, adjoint: bool) -> Tensor:
    """The convolution of regular fields that keeps their size, or its adjoint, which takes y to the gradient of x.

    Args:
        x: feature map of regular fields.
        w: one filter for each pair of fields: the identity rows of the filter bank.
        group: a key of `interface.ALGEBRAS`.
        adjoint: go from w's out fields to its in fields.

    Shapes: x (B, C * G, H, W), w (O, C, G, k, k), k odd -> (B, O * G, H, W); with `adjoint` (B, O * G, H, W) ->
        (B, C * G, H, W). float32 or float64, on the CPU.

    Raises:
        SteerganError: there are no kernels; other shapes, dtypes or groups; a kernel that is even or larger than 11.
    Symmetry: equivariant, exactly in real arithmetic.
    Source: own derivation; see `fourier_basis`. For layers without taps: Octic Vision Transformers, arXiv 2505.15441.
    """
    _check(group, x, w, fields=w.shape[0 if adjoint else 1] if w.dim() == 5 else 0)
    out_fields, in_fields, order, k = w.shape[:4]
    result = x.new_empty(x.shape[0], (in_fields if adjoint else out_fields) * order, *x.shape[2:])
    sizes = (x.shape[0], in_fields, out_fields, x.shape[2], x.shape[3], k)
    name = "steergan_convolve_adjoint" if adjoint else "steergan_convolve"
    return _call(name, group, sizes, (x, w), result)


@torch.library.custom_op("steergan::filter_gradient", mutates_args=(), device_types="cpu")
def filter_gradient(x: Tensor, y: Tensor, group: str, kernel_size: int) -> Tensor:
    """The gradient of <y, convolve(x, w)> by w.

    Shapes: x (B, C * G, H, W), y (B, O * G, H, W) -> (O, C, G, k, k).

    Raises:
        SteerganError: as `convolve`.
    """
    order = group_order(gspace(group))
    in_fields, out_fields = (tensor.shape[1] // order if tensor.dim() == 4 else 0 for tensor in (x, y))
    _check(group, x, None, in_fields)
    _check(group, y, None, out_fields)
    if (x.shape[0], *x.shape[2:]) != (y.shape[0], *y.shape[2:]):
        raise SteerganError(f"maps of {tuple(x.shape)} and {tuple(y.shape)}; the same batch and size were wanted")
    result = x.new_empty(out_fields, in_fields, order, kernel_size, kernel_size)
    sizes = (x.shape[0], in_fields, out_fields, x.shape[2], x.shape[3], kernel_size)
    return _call("steergan_filter_gradient", group, sizes, (x, y), result)


@convolve.register_fake
def _(x: Tensor, w: Tensor, group: str, adjoint: bool) -> Tensor:
    return x.new_empty(x.shape[0], w.shape[1 if adjoint else 0] * w.shape[2], x.shape[2], x.shape[3])


@filter_gradient.register_fake
def _(x: Tensor, y: Tensor, group: str, kernel_size: int) -> Tensor:
    order = group_order(gspace(group))
    return x.new_empty(y.shape[1] // order, x.shape[1] // order, order, kernel_size, kernel_size)


def _wanted(ctx: Any, position: int) -> bool:
    """Whether the running backward asks for this gradient.

    `needs_input_grad` tells whether any backward could. R1's first derivative by the images, or a generator's update
    through a frozen discriminator, would then cost all filter gradients; torch's own convolutions know better.
    """
    if not ctx.needs_input_grad[position]:
        return False
    try:
        return bool(torch._C._will_engine_execute_node(ctx.next_functions[position][0]))
    except (AttributeError, RuntimeError):  # another torch; a leaf that is asked for by name
        return True


def _convolve_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, w, ctx.group, ctx.adjoint = inputs
    ctx.save_for_backward(x, w)


def _convolve_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
    x, w = ctx.saved_tensors
    grad_x = convolve(grad, w, ctx.group, not ctx.adjoint) if _wanted(ctx, 0) else None
    grad_w = None
    if _wanted(ctx, 1):
        pair = (grad, x) if ctx.adjoint else (x, grad)
        grad_w = filter_gradient(*pair, ctx.group, w.shape[-1])
    return grad_x, grad_w, None, None


def _filter_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, y, ctx.group, _ = inputs
    ctx.save_for_backward(x, y)


def _filter_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
    x, y = ctx.saved_tensors
    grad_x = convolve(y, grad, ctx.group, True) if _wanted(ctx, 0) else None
    grad_y = convolve(x, grad, ctx.group, False) if _wanted(ctx, 1) else None
    return grad_x, grad_y, None, None


convolve.register_autograd(_convolve_backward, setup_context=_convolve_context)
filter_gradient.register_autograd(_filter_backward, setup_context=_filter_context)
for _operator in (convolve, filter_gradient):
    _operator.register_autocast("cpu", torch.float32)
