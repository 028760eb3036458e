"""Functions of sampled fields, P f(S x) at every pixel, as an operator that torch knows, with its derivatives.

The gradient of <g, P f(S x)> by x is a function of x and g, which is an operator too; its own gradients, along v, are
one more, of which torch's operators make derivatives of higher order. On the CPU, in float32 and float64.
"""

from typing import Any

import torch
from torch import Tensor

from steergan.errors import SteerganError
from steergan.kernels import interface, library

Matrices = tuple[Tensor, Tensor]


def computes(x: Tensor, sampling: Tensor, projection: Tensor, function: str) -> bool:
    """Whether the kernels can compute this: on CPUs, in one float type, with not too many samples."""
    if function not in interface.POINTWISE or x.device.type != "cpu":
        return False
    if not x.dtype == sampling.dtype == projection.dtype or x.dtype not in (torch.float32, torch.float64):
        return False
    if max(*sampling.shape, *projection.shape) > interface.MOST_SAMPLES or torch.is_autocast_enabled("cpu"):
        return False
    return library.native() is not None


def _call(name: str, function: str, slope: float, matrices: Matrices, maps: tuple[Tensor, ...], *sizes: int) -> Any:
    """One of the library's functions on maps (fields, size, pixels), of whose results the sizes of fields are given."""
    found = library.native()
    if found is None:
        raise SteerganError(f"this process has no kernels: {library.absence()}")
    sampling, projection = (matrix.contiguous() for matrix in matrices)
    x, *rest = (each.contiguous() for each in maps)
    (fields, in_size, pixels), out_size, samples = x.shape, len(projection), len(sampling)
    wanted = [(fields, out_size, pixels), x.shape][: len(rest)]
    if sampling.shape != (samples, in_size) or projection.shape[1] != samples or [r.shape for r in rest] != wanted:
        raise SteerganError(
            f"maps of {[tuple(m.shape) for m in maps]} with matrices of {tuple(sampling.shape)} and "
            f"{tuple(projection.shape)} do not fit together"
        )
    dtypes = {str(each.dtype).removeprefix("torch.") for each in (sampling, projection, x, *rest)}
    if len(dtypes) > 1 or not dtypes <= interface.TYPES.keys():
        raise SteerganError(f"samples of {' with '.join(sorted(dtypes))}; all float32 or all float64 were wanted")
    results = [x.new_empty(fields, size, pixels) for size in sizes]
    if x.numel():
        shape = (fields, pixels, in_size, out_size, samples)
        dtype, places = dtypes.pop(), (sampling.data_ptr(), projection.data_ptr())
        sampled = interface.Sampled(shape, dtype, function, slope, *places)
        addresses = tuple(each.data_ptr() for each in (x, *rest, *results))
        interface.call_samples(found.functions, name, sampled, addresses, torch.get_num_threads())
    return results


@torch.library.custom_op("steergan::sampled", mutates_args=(), device_types="cpu")
def sampled(x: Tensor, sampling: Tensor, projection: Tensor, function: str, slope: float) -> Tensor:
    """P f(S x) of every field at every pixel.

    Args:
        x: fields of a whole batch.
        sampling: S.
        projection: P.
        function: "elu" or "leaky_relu" (with slope 0: relu).
        slope: of leaky_relu below zero.

    Shapes: x (fields, in size, pixels), S (samples, in size), P (out size, samples) -> (fields, out size, pixels).
        float32 or float64, on the CPU. No gradients flow to S and P.

    Raises:
        SteerganError: there are no kernels; other shapes or dtypes; more than 144 samples.
    """
    result: Tensor = _call("steergan_samples", function, slope, (sampling, projection), (x,), len(projection))[0]
    return result


@torch.library.custom_op("steergan::sampled_gradient", mutates_args=(), device_types="cpu")
def sampled_gradient(
    x: Tensor, g: Tensor, sampling: Tensor, projection: Tensor, function: str, slope: float
) -> Tensor:
    """The gradient of <g, sampled(x)> by x.

    Shapes: x (fields, in size, pixels), g (fields, out size, pixels) -> as x.

    Raises:
        SteerganError: as `sampled`.
    """
    matrices = (sampling, projection)
    result: Tensor = _call("steergan_samples_gradient", function, slope, matrices, (x, g), sampling.shape[1])[0]
    return result


@torch.library.custom_op("steergan::sampled_second", mutates_args=(), device_types="cpu")
def sampled_second(
    x: Tensor, g: Tensor, v: Tensor, sampling: Tensor, projection: Tensor, function: str, slope: float
) -> tuple[Tensor, Tensor]:
    """The gradients of <v, sampled_gradient(x, g)> by g and by x.

    Shapes: x and v (fields, in size, pixels), g (fields, out size, pixels) -> as g, as x.

    Raises:
        SteerganError: as `sampled`.
    """
    sizes = (len(projection), sampling.shape[1])
    by_g, by_x = _call("steergan_samples_second", function, slope, (sampling, projection), (x, g, v), *sizes)
    return by_g, by_x


@sampled.register_fake
def _(x: Tensor, sampling: Tensor, projection: Tensor, function: str, slope: float) -> Tensor:
    return x.new_empty(x.shape[0], projection.shape[0], x.shape[2])


@sampled_gradient.register_fake
def _(x: Tensor, g: Tensor, sampling: Tensor, projection: Tensor, function: str, slope: float) -> Tensor:
    return torch.empty_like(x)


@sampled_second.register_fake
def _(
    x: Tensor, g: Tensor, v: Tensor, sampling: Tensor, projection: Tensor, function: str, slope: float
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(g), torch.empty_like(x)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, ctx.function, ctx.slope = inputs
    ctx.save_for_backward(*tensors)


def _sampled_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, sampling, projection = ctx.saved_tensors
    wanted = ctx.needs_input_grad[0]
    by_x = sampled_gradient(x, g, sampling, projection, ctx.function, ctx.slope) if wanted else None
    return by_x, None, None, None, None


def _gradient_backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
    x, g, sampling, projection = ctx.saved_tensors
    by_g, by_x = sampled_second(x, g, v, sampling, projection, ctx.function, ctx.slope)
    return by_x, by_g, None, None, None, None


def _second_backward(ctx: Any, u_g: Tensor, u_x: Tensor) -> tuple[Tensor | None, ...]:
    """By torch's own operators, which have derivatives of every order."""
    x, g, v, sampling, projection = ctx.saved_tensors
    first, second, third = _derivatives(sampling @ x, ctx.function, ctx.slope)
    b, c, d, e = projection.mT @ g, sampling @ v, projection.mT @ u_g, sampling @ u_x
    # <u_g, P (f' c)> + <u_x, S^T (f'' b c)> = sum over samples of d f' c + e f'' b c
    by_x = sampling.mT @ (d * second * c + e * third * b * c)
    by_v = sampling.mT @ (d * first + e * second * b)
    return by_x, projection @ (e * second * c), by_v, None, None, None, None


def _derivatives(a: Tensor, function: str, slope: float) -> tuple[Tensor, Tensor, Tensor]:
    above = a > 0
    if function == "elu":
        grown = a.clamp_max(0).exp()
        curved = torch.where(above, torch.zeros_like(a), grown)
        return torch.where(above, torch.ones_like(a), grown), curved, curved
    flat = torch.zeros_like(a)
    return torch.where(above, flat + 1, flat + slope), flat, flat


sampled.register_autograd(_sampled_backward, setup_context=_keep)
sampled_gradient.register_autograd(_gradient_backward, setup_context=_keep)
sampled_second.register_autograd(_second_backward, setup_context=_keep)
