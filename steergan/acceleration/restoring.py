"""The way back: escnn's layers, as they were, with the weights that ours have learned."""

from typing import Any

import torch
from escnn.nn import InnerBatchNorm, R2Conv, R2ConvTransposed
from torch import Tensor, nn

from steergan.acceleration.report import ATTRIBUTE
from steergan.copies import copied
from steergan.errors import SteerganError, SymmetryError
from steergan.layers import (
    FieldBatchNorm,
    GroupConvolution,
    SampledPointwise,
    StridedConvolution,
    TransposedConvolution,
)
from steergan.layers.counterparts import origin_of
from steergan.layers.filters.conversion import AnyR2Conv, restored_convolution
from steergan.places import layers_in, put

Convolutions = GroupConvolution | StridedConvolution | TransposedConvolution


class RestorationError(SteerganError):
    """Layers that escnn's can't express. The model is as it was."""


@torch.no_grad()
def restore(model: nn.Module, *, wider: bool = False) -> nn.Module:
    """Put escnn's own layers back where `accelerate` took them, with the weights of now, in place.

    The layers are those that were there, and so are the names in the state dict: a checkpoint of it can be loaded by
    who has no steergan. Our filters are all that the group admits, and escnn's default ones a part of them, so that
    training may have led beyond; then the layer is named, and how far beyond it is.

    Args:
        model: that was accelerated.
        wider: layers that escnn's band limit does not hold any more get `frequencies_cutoff=4.0`, which holds all
            filters up to 5 x 5. Code that loads the checkpoint has to build these layers with it.

    Returns:
        The model; the restored layer, if it is such a layer itself.

    Raises:
        RestorationError: a layer has weights that escnn's does not hold. The model is as it was.

    Examples:
        >>> from escnn import nn as enn
        >>> from steergan.acceleration import accelerate
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> image, fields = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)
        >>> model = enn.SequentialModule(enn.R2Conv(image, fields, 3), enn.GroupPooling(fields))
        >>> model = accelerate(model, sizes=9, for_=None, certify=False)
        >>> [type(layer).__name__ for layer in restore(model)]
        ['R2Conv', 'GroupPooling']
    """
    back: dict[str, nn.Module] = {}
    faults = []
    for layer, paths in layers_in(model, lambda module: origin_of(module) is not None):
        try:
            stock = _stock(layer, wider)
        except SymmetryError as error:
            faults.append(f"{' and '.join(paths) or 'the model'}: {error}")
            continue
        back |= dict.fromkeys(paths, stock)
    if faults:
        hint = "" if wider else "; restore(model, wider=True) gives such layers escnn's full band"
        raise RestorationError(f"{'; '.join(faults)}{hint}; the model is as it was")
    if back:
        vars(model).pop(ATTRIBUTE, None)  # it tells of layers that are no longer there
    return put(model, back)


def _stock(layer: nn.Module, wider: bool) -> nn.Module:
    origin = origin_of(layer)
    if isinstance(layer, Convolutions) and isinstance(origin, R2Conv | R2ConvTransposed):
        return _convolution(layer, origin, wider)
    if isinstance(layer, FieldBatchNorm) and isinstance(origin, InnerBatchNorm):
        return _norm(layer, origin)
    if origin is not None and not any(True for _ in layer.parameters()):  # nothing of it is trained
        stock = copied(origin).train(layer.training)
        return stock.to(layer.sampling.device, layer.sampling.dtype) if isinstance(layer, SampledPointwise) else stock
    raise SymmetryError(f"no way leads from {type(layer).__name__} to {type(origin).__name__}")


def _convolution(layer: Convolutions, origin: AnyR2Conv, wider: bool) -> nn.Module:
    inner = layer if isinstance(layer, GroupConvolution) else layer.convolution
    bank = inner.filter_bank() if inner.spectral is None else inner.bank_to_give()
    stock: Any = restored_convolution(copied(origin), bank, inner.channel_bias(), wider)
    stock.weights.requires_grad_(inner.weights[0].requires_grad)
    if stock.bias is not None and inner.bias is not None:
        stock.bias.requires_grad_(inner.bias.requires_grad)
    restored: nn.Module = stock.to(bank.device, bank.dtype).train()
    return restored if layer.training else restored.eval()


def _norm(layer: FieldBatchNorm, origin: InnerBatchNorm) -> nn.Module:
    stock = copied(origin).to(layer.running_mean.device, layer.running_mean.dtype)
    for size, fields in zip(layer.layout.sizes, layer.layout.fields, strict=True):
        norm = getattr(stock, f"batch_norm_[{size}]")
        for name in ("weight", "bias", "running_mean", "running_var")[0 if norm.affine else 2 :]:
            own: Tensor = getattr(layer, name)
            getattr(norm, name).copy_(own[fields])
            getattr(norm, name).requires_grad_(own.requires_grad)
        norm.num_batches_tracked.copy_(layer.num_batches_tracked)
    return stock.train(layer.training)
