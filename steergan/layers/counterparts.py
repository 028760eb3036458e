"""Which layer of steergan's computes the same as one of escnn's."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from escnn.gspaces import GSpace2D
from escnn.nn import (
    EquivariantModule,
    FourierELU,
    FourierPointwise,
    GroupPooling,
    InnerBatchNorm,
    PointwiseAvgPool2D,
    QuotientFourierELU,
    QuotientFourierPointwise,
    R2Conv,
    R2ConvTransposed,
    R2Upsampling,
)
from torch import nn
from torch.nn.utils import parametrize

from steergan.errors import SymmetryError
from steergan.layers.batch_norm import FieldBatchNorm
from steergan.layers.convolution import GroupConvolution
from steergan.layers.filters.conversion import bank_of, is_plain
from steergan.layers.fourier_pointwise import SampledPointwise
from steergan.layers.pooling import AveragePool, GroupPool
from steergan.layers.resample import Upsample
from steergan.layers.windowed_convolution import StridedConvolution, TransposedConvolution
from steergan.symmetry import is_permutation

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def counterpart(layer: EquivariantModule) -> EquivariantModule:
    """A layer that computes the same.

    Raises:
        SymmetryError: there is none, and why.
    """
    kind: Any = next(k for k in COUNTERPARTS if isinstance(layer, k))
    for part in layer.modules():
        if parametrize.is_parametrized(part):
            raise SymmetryError("it has parametrizations")
        if any(getattr(part, name) for name in HOOKS) or "forward" in vars(part):
            raise SymmetryError("it has hooks, or a forward of its own")
    if any(p._backward_hooks or getattr(p, "_post_accumulate_grad_hooks", None) for p in layer.parameters()):
        raise SymmetryError("its parameters have hooks")
    if type(layer) is not kind:
        raise SymmetryError(f"a subclass of {kind.__name__} may compute something else")
    if not isinstance(layer.in_type.gspace, GSpace2D):
        raise SymmetryError(f"{layer.in_type.gspace.name} is not planar")
    with torch.random.fork_rng(devices=[]):  # the first weights of a layer, which are not to stay, are drawn
        new = COUNTERPARTS[kind](layer)
    new.origin = Origin(layer)
    return new


class Origin:
    """The layer of escnn's in whose place one of ours stands; copies of ours share it. It is not one of its parts."""

    def __init__(self, layer: EquivariantModule) -> None:
        self.layer = layer

    def __deepcopy__(self, memo: object) -> "Origin":
        return self


def origin_of(layer: nn.Module) -> EquivariantModule | None:
    """The layer in whose place this one stands."""
    origin = vars(layer).get("origin")
    return origin.layer if isinstance(origin, Origin) else None


Convolution = GroupConvolution | StridedConvolution | TransposedConvolution


@torch.no_grad()
def _convolution(old: R2Conv | R2ConvTransposed) -> Convolution:
    if not old.training and not _cache_is_fresh(old):
        raise SymmetryError("its cached filter is not that of its weights; call train() and eval() first")
    new: Convolution
    if isinstance(old, R2ConvTransposed):
        new = TransposedConvolution.from_r2conv(old)
    else:
        new = (GroupConvolution if is_plain(old) else StridedConvolution).from_r2conv(old)
    inner = new if isinstance(new, GroupConvolution) else new.convolution
    if (0 if old.bias is None else len(old.bias)) != (0 if inner.bias is None else len(inner.bias)):
        raise SymmetryError(f"its bias has {len(old.bias)} free numbers, one per trivial irrep; ours one per field")
    if not inner.exact:
        _require_same_band(old, inner)
    for weight in inner.weights:
        weight.requires_grad_(old.weights.requires_grad)
    if inner.bias is not None:
        inner.bias.requires_grad_(old.bias.requires_grad)
    return new.train(old.training)


def _require_same_band(old: R2Conv | R2ConvTransposed, inner: GroupConvolution) -> None:
    """Off the grid ours has escnn's default filters, and no others: neither more nor fewer are to be trained.

    Raises:
        SymmetryError: the old one has others.
    """
    free = sum(weight.numel() for weight in inner.weights)
    if free != old.weights.numel():
        raise SymmetryError(f"its filters have {old.weights.numel()} free numbers, escnn's default band {free}")
    expand: Any = old.basisexpansion
    size = inner.kernel_size
    # Any filters: those at hand may be zero, and fit into every band.
    drawn = expand(torch.randn(len(old.weights)).to(old.weights)).unflatten(-1, (size, size))
    inner.load_bank(drawn)
    inner.load_bank(bank_of(old))


def _cache_is_fresh(old: R2Conv | R2ConvTransposed) -> bool:
    """Whether a convolution in evaluation mode computes what its weights say."""
    bank, bias = old.expand_parameters()
    same = torch.allclose(old.filter, bank, rtol=1e-5, atol=1e-5 * float(bank.abs().max()))
    return same and (bias is None or torch.allclose(old.expanded_bias, bias, rtol=1e-5, atol=1e-6))


@torch.no_grad()
def _norm(old: InnerBatchNorm) -> FieldBatchNorm:
    if not all(is_permutation(r) for r in set(old.in_type.representations)):
        raise SymmetryError("it has fields that are no permutations")
    parts = [norm for norm in old.children() if isinstance(norm, nn.modules.batchnorm._BatchNorm)]
    strange = next((type(norm).__name__ for norm in parts if type(norm) is not nn.BatchNorm3d), None)
    if strange is not None:
        raise SymmetryError(f"it holds a {strange} instead of a BatchNorm3d")
    first = parts[0]
    if not first.track_running_stats:
        raise SymmetryError("it does not track running moments (track_running_stats=False)")
    if any(_settings(norm) != _settings(first) for norm in parts):
        raise SymmetryError("its fields of different sizes have different settings")
    new = FieldBatchNorm(old.in_type, momentum=first.momentum, eps=first.eps, affine=first.affine)
    assert first.running_mean is not None
    new.to(first.running_mean.device, first.running_mean.dtype).train(first.training)
    for size, fields in zip(new.layout.sizes, new.layout.fields, strict=True):
        norm = getattr(old, f"batch_norm_[{size}]")
        for name in ("weight", "bias", "running_mean", "running_var")[0 if first.affine else 2 :]:
            getattr(new, name)[fields] = getattr(norm, name)
        new.num_batches_tracked.copy_(norm.num_batches_tracked)
    if new.weight is not None:
        new.weight.requires_grad_(first.weight.requires_grad)
        new.bias.requires_grad_(first.bias.requires_grad)
    return new


def _settings(norm: nn.Module) -> tuple[Any, ...]:
    frozen = tuple(parameter.requires_grad for parameter in norm.parameters())
    names = ("momentum", "eps", "affine", "track_running_stats", "training")
    return (*(getattr(norm, name) for name in names), frozen, str(norm.num_batches_tracked))


def _pool(old: GroupPooling) -> GroupPool:
    return GroupPool(old.in_type).train(old.training)


def _average(old: PointwiseAvgPool2D) -> AveragePool:
    settings = (old.kernel_size, old.stride, old.padding, old.ceil_mode)
    if settings != ((2, 2), (2, 2), (0, 0), False):
        raise SymmetryError(f"kernel, stride, padding and ceil_mode {settings}; ours gains on windows of 2 x 2 alone")
    return AveragePool(old.in_type, strict=False).train(old.training)


def _upsampling(old: R2Upsampling) -> Upsample:
    factor, corners = old._scale_factor, old._align_corners
    if old._mode != "bilinear" or corners or not isinstance(factor, int):
        raise SymmetryError("ours gains on bilinear upsampling by a whole number alone, without align_corners")
    return Upsample(old.in_type, factor, "bilinear").train(old.training)


def _sampled(old: FourierPointwise | QuotientFourierPointwise) -> SampledPointwise:
    function = SAMPLED.get(old._function)
    if function is None:
        raise SymmetryError(f"ours gains on ELU and ReLU alone, not on {getattr(old._function, '__name__', 'others')}")
    return SampledPointwise(old.in_type, old.out_type, (old.A, old.Ainv), function).train(old.training)


SAMPLED: dict[Any, str] = {F.relu: "relu", F.relu_: "relu", F.elu: "elu", F.elu_: "elu"}
"""What escnn's Fourier layers apply to samples, and our name for it."""

COUNTERPARTS: dict[type, Callable[[Any], EquivariantModule]] = {
    R2Conv: _convolution,
    R2ConvTransposed: _convolution,
    InnerBatchNorm: _norm,
    GroupPooling: _pool,
    PointwiseAvgPool2D: _average,
    R2Upsampling: _upsampling,
    FourierELU: _sampled,
    FourierPointwise: _sampled,
    QuotientFourierELU: _sampled,
    QuotientFourierPointwise: _sampled,
}
