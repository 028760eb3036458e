"""Calls with constant weights as torch's own modules."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Arguments = dict[str, Any]

NAMES: dict[str, tuple[str, ...]] = {
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose2d": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "linear": ("input", "weight", "bias"),
    "embedding": ("input", "weight", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": (
        "input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
    ),
    "adaptive_avg_pool2d": ("input", "output_size"),
    "interpolate": (
        "input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias",
    ),
    "relu": ("input", "inplace"),
    "leaky_relu": ("input", "negative_slope", "inplace"),
    "elu": ("input", "alpha", "inplace"),
    "softplus": ("input", "beta", "threshold"),
    "tanh": ("input",),
    "sigmoid": ("input",),
}  # fmt: skip
"""What the arguments of functions are called, in order."""


def module_of(name: str, args: tuple[Any, ...], kwargs: Arguments, x: Tensor | None) -> nn.Module | None:
    """The module that does the same, or None.

    Args:
        name: of the function.
        args: of the call; the first is what the module is called with.
        kwargs: of the call.
        x: the first argument's value.
    """
    if name not in NAMES or x is None or len(args) > len(NAMES[name]):
        return None
    given = {**dict(zip(NAMES[name], args, strict=False)), **kwargs}
    first, constants = given.pop("input", None), ("weight", "bias", "running_mean", "running_var")
    if first is None or any(isinstance(v, Tensor) and k not in constants for k, v in given.items()):
        return None
    if any(given.get(k) is not None and not isinstance(given[k], Tensor) for k in constants):
        return None  # weights that depend on the inputs
    return MAKERS[name](given, x)


def _convolution(kind: Any) -> Callable[[Arguments, Tensor], nn.Module | None]:
    def make(given: Arguments, x: Tensor) -> nn.Module | None:
        weight, bias = given.pop("weight"), given.pop("bias", None)
        if x.dim() != 4 or isinstance(given.get("padding"), str):
            return None
        groups = given.get("groups", 1)
        into, out = weight.shape[1] * groups, weight.shape[0]
        if kind is nn.ConvTranspose2d:
            into, out = weight.shape[0], weight.shape[1] * groups
        size = tuple(weight.shape[2:])
        return filled(kind(into, out, size, bias=bias is not None, device="meta", **given), weight=weight, bias=bias)

    return make


def _linear(given: Arguments, x: Tensor) -> nn.Module:
    weight, bias = given["weight"], given.get("bias")
    return filled(nn.Linear(weight.shape[1], weight.shape[0], bias is not None, "meta"), weight=weight, bias=bias)


def _embedding(given: Arguments, x: Tensor) -> nn.Module | None:
    weight = given.pop("weight")
    if given.get("max_norm") is not None:
        return None
    return filled(nn.Embedding(weight.shape[0], weight.shape[1], device="meta"), weight=weight)


def _norm(given: Arguments, x: Tensor) -> nn.Module | None:
    mean, variance, weight, bias = (given.get(k) for k in ("running_mean", "running_var", "weight", "bias"))
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}.get(x.dim())
    if given.get("training") or mean is None or variance is None or kind is None or (weight is None) != (bias is None):
        return None
    eps = given.get("eps", 1e-5)
    layer = kind(len(mean), eps, affine=weight is not None, device="meta")
    layer.running_mean, layer.running_var = mean.detach().clone(), variance.detach().clone()
    layer.num_batches_tracked = torch.tensor(0)
    return filled(layer, weight=weight, bias=bias)


def _pool(kind: Any) -> Callable[[Arguments, Tensor], nn.Module | None]:
    def make(given: Arguments, x: Tensor) -> nn.Module | None:
        if x.dim() != 4 or given.pop("return_indices", False):
            return None
        given = {k: v for k, v in given.items() if v is not None}
        return kind(**given)

    return make


def _upsampling(given: Arguments, x: Tensor) -> nn.Module | None:
    if given.pop("antialias", False) or given.get("recompute_scale_factor"):
        return None
    given.pop("recompute_scale_factor", None)
    size = given.get("size")
    if size is not None and not all(isinstance(n, int) for n in ([size] if isinstance(size, int) else size)):
        return None
    return nn.Upsample(**given)


def _pointwise(kind: Any) -> Callable[[Arguments, Tensor], nn.Module]:
    def make(given: Arguments, x: Tensor) -> nn.Module:
        given.pop("inplace", None)
        return kind(**given)

    return make


MAKERS: dict[str, Callable[[Arguments, Tensor], nn.Module | None]] = {
    "conv2d": _convolution(nn.Conv2d),
    "conv_transpose2d": _convolution(nn.ConvTranspose2d),
    "linear": _linear,
    "embedding": _embedding,
    "batch_norm": _norm,
    "max_pool2d": _pool(nn.MaxPool2d),
    "avg_pool2d": _pool(nn.AvgPool2d),
    "adaptive_avg_pool2d": _pool(nn.AdaptiveAvgPool2d),
    "interpolate": _upsampling,
    "relu": _pointwise(nn.ReLU),
    "leaky_relu": _pointwise(nn.LeakyReLU),
    "elu": _pointwise(nn.ELU),
    "softplus": _pointwise(nn.Softplus),
    "tanh": _pointwise(nn.Tanh),
    "sigmoid": _pointwise(nn.Sigmoid),
}


def filled(layer: Any, **weights: Tensor | None) -> Any:
    """A module of the meta device with these weights."""
    for name, tensor in weights.items():
        if tensor is not None:
            setattr(layer, name, nn.Parameter(tensor.detach().clone().contiguous()))
    return layer
