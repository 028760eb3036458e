"""Plain forms of layers in evaluation: ours by their own `export()`, escnn's here."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from escnn import nn as enn
from torch import Tensor, nn

from steergan.errors import SymmetryError
from steergan.exporting.escnn_twins import Doubled, FieldNorms, Function, Gated, NormScaled, Part, VectorFields
from steergan.layers import StridedConvolution, TransposedConvolution
from steergan.layers.convolution import GroupConvolution
from steergan.layers.counterparts import HOOKS
from steergan.layers.fields import FieldLayout
from steergan.layers.filters.conversion import is_plain
from steergan.layers.plain import as_graph, frozen
from steergan.layers.plain_fields import PooledGroup, Sampled
from steergan.symmetry import is_grid_group, signed_permutation


def plain_form(layer: Any) -> nn.Module | None:
    """Plain torch for a layer in evaluation; None where its own forward is followed instead.

    Args:
        layer: an escnn module in evaluation and float64.
    """
    if any(getattr(layer, name) for name in HOOKS) or "forward" in vars(layer):
        return None
    if type(layer).__module__.startswith("steergan.layers"):
        plain: nn.Module = layer.export()
        return plain
    make = FORMS.get(type(layer))
    return None if make is None else make(layer)


def _convolution(layer: Any) -> nn.Module | None:
    """With the gathered bank, whose equal entries are equal to the last bit, where the group permutes pixels.

    escnn samples its bases in float32, and by other roads for other entries.
    """
    kinds = {*layer.in_type.representations, *layer.out_type.representations}
    if not is_grid_group(layer.in_type.gspace) or any(signed_permutation(kind) is None for kind in kinds):
        return None
    try:
        if isinstance(layer, enn.R2ConvTransposed):
            return TransposedConvolution.from_r2conv(layer).export()
        kind = GroupConvolution if is_plain(layer) else StridedConvolution
        return kind.from_r2conv(layer).export()
    except SymmetryError:
        return None


@torch.no_grad()
def _affine(layer: Any) -> nn.Module | None:
    """A norm in evaluation as a number times every channel plus another, if that is what it is."""
    channels = layer.in_type.size
    stream = torch.Generator().manual_seed(0)

    def numbers(x: Tensor) -> Tensor:
        found: Tensor = layer(enn.GeometricTensor(x, layer.in_type)).tensor
        return found.double()

    zero, one = (numbers(torch.full((1, channels, 1, 1), value, dtype=torch.float64)) for value in (0.0, 1.0))
    scale, shift = (one - zero).flatten(), zero.flatten()
    x = torch.randn(2, channels, 2, 2, dtype=torch.float64, generator=stream)
    wanted = scale.view(1, -1, 1, 1) * x + shift.view(1, -1, 1, 1)
    if not torch.allclose(numbers(x), wanted, rtol=1e-6, atol=1e-6 * float(wanted.abs().max())):
        return None
    norm = nn.BatchNorm2d(channels, eps=0.0, dtype=torch.float64)
    norm.weight.data, norm.bias.data = scale, shift
    plain: nn.Module = frozen(norm)
    return plain


def _inner_norm(layer: Any) -> nn.Module:
    """One torch norm of fields for each size, with every field's numbers for all its channels."""
    sizes = [int(r.size) for r in layer.in_type.representations]
    parts = {size: getattr(layer, f"batch_norm_[{size}]") for size in set(sizes)}
    if any(part.running_mean is None for part in parts.values()):
        return as_graph(layer)  # by the moments of the batch at hand: refused
    first = parts[sizes[0]]
    norm = nn.BatchNorm2d(layer.in_type.size, first.eps, affine=first.affine, dtype=torch.float64)
    counted = dict.fromkeys(parts, 0)
    start = 0
    for size in sizes:
        number, part = counted[size], parts[size]
        counted[size] += 1
        for name in ("running_mean", "running_var", *(("weight", "bias") if first.affine else ())):
            getattr(norm, name).data[start : start + size] = getattr(part, name).data[number]
        start += size
    plain: nn.Module = frozen(norm)
    return plain


def _average(layer: Any) -> nn.Module:
    return nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode).eval()


def _upsampling(layer: Any) -> nn.Module:
    options = {} if layer._align_corners is None else {"align_corners": layer._align_corners}
    return nn.Upsample(size=layer._size, scale_factor=layer._scale_factor, mode=layer._mode, **options).eval()


def _group_pool(layer: Any) -> nn.Module:
    return as_graph(PooledGroup(FieldLayout(layer.in_type), "max"))


OUT_OF_PLACE: dict[Any, Callable[[Tensor], Tensor]] = {F.relu_: F.relu, F.elu_: F.elu}


def _sampled(layer: Any) -> nn.Module:
    function = OUT_OF_PLACE.get(layer._function, layer._function)
    return as_graph(Sampled(layer.A.double(), layer.Ainv.double(), Function(function)))


def _norm_scaled(layer: Any) -> nn.Module:
    biases = None if layer.log_bias is None else layer.log_bias.detach().exp().flatten()
    parts, start = [], 0
    for size in layer._order:
        count = layer._nfields[size]
        bias = None if biases is None else biases[start : start + count].clone()
        channels = _channels(getattr(layer, f"indices_{size}"), layer._contiguous[size])
        parts.append(Part(size, channels, channels, bias))
        start += count
    return as_graph(NormScaled(parts, Function(layer._function), float(layer.eps)))


def _induced_norm_scaled(layer: Any) -> nn.Module:
    """Fields made of smaller ones, each with a norm of its own, that share a bias."""
    biases = None if layer.log_bias is None else layer.log_bias.detach().exp().flatten()
    parts, start = [], 0
    for kind in layer._order:
        (size, inner), count = kind, layer._nfields[kind]
        bias = None if biases is None else biases[start : start + count].repeat_interleave(size // inner)
        channels = _channels(getattr(layer, f"indices_{kind}"), layer._contiguous[kind])
        parts.append(Part(inner, channels, channels, bias))
        start += count
    return as_graph(NormScaled(parts, Function(layer._function), float(layer.eps)))


def _vector_fields(layer: Any) -> nn.Module:
    return as_graph(VectorFields(layer._rotations))


def _doubled(layer: Any) -> nn.Module:
    return as_graph(Doubled(Function(layer._function)))


def _gated(layer: Any) -> nn.Module:
    gates = layer._contiguous.get("gate")
    where = _channels(layer.gates_indices, bool(gates))
    parts = []
    for size in layer._order:
        contiguous = layer._contiguous[size]
        into, out = (_channels(getattr(layer, f"{side}_indices_{size}"), contiguous) for side in ("input", "output"))
        parts.append(Part(size, into, out, None))
    kept = None if layer.drop_gates else where
    return as_graph(Gated(parts, where, kept, layer.bias.detach().flatten().clone()))


def _field_norms(layer: Any) -> nn.Module:
    parts = []
    for size, contiguous in layer._contiguous.items():
        into, out = (_channels(getattr(layer, f"{side}_indices_{size}"), contiguous) for side in ("in", "out"))
        parts.append(Part(size, into, out, None))
    return as_graph(FieldNorms(parts))


def _channels(index: Tensor, contiguous: bool) -> Tensor:
    """All channels, of which escnn keeps the first and the end where they lie together."""
    return torch.arange(int(index[0]), int(index[1])) if contiguous else index.clone()


FORMS: dict[type, Callable[[Any], nn.Module | None]] = {
    enn.R2Conv: _convolution,
    enn.R2ConvTransposed: _convolution,
    enn.InnerBatchNorm: _inner_norm,
    enn.IIDBatchNorm2d: _affine,
    enn.NormBatchNorm: _affine,
    enn.GNormBatchNorm: _affine,
    enn.GroupPooling: _group_pool,
    enn.PointwiseAvgPool2D: _average,
    enn.R2Upsampling: _upsampling,
    enn.FourierELU: _sampled,
    enn.FourierPointwise: _sampled,
    enn.QuotientFourierELU: _sampled,
    enn.QuotientFourierPointwise: _sampled,
    enn.NormNonLinearity: _norm_scaled,
    enn.InducedNormNonLinearity: _induced_norm_scaled,
    enn.VectorFieldNonLinearity: _vector_fields,
    enn.ConcatenatedNonLinearity: _doubled,
    enn.GatedNonLinearity1: _gated,
    enn.NormPool: _field_norms,
}
"""escnn's layers whose own forward fills tensors piece by piece, keeps float32, or would leave more nodes."""
