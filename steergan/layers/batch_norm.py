"""Batch normalisation with one set of moments per field."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.layers.dense import SpectralLinear
from steergan.layers.field_moments import FieldMoments
from steergan.layers.fields import FieldLayout, typed_tensor
from steergan.layers.plain_norms import plain_conditional_norm, plain_norm
from steergan.layers.spectral_norm import NormOf, full_precision
from steergan.symmetry import is_permutation


class FieldBatchNorm(EquivariantModule):
    """Batch normalisation whose moments are pooled over batch, space and the channels of a field.

    With the trivial group this is `torch.nn.BatchNorm2d`, to the last bit and with the same state_dict. Fields that are
    no permutations (irreps, Fourier fields) have a mean and a shift along their trivial irreps only, see
    `FieldMoments`.

    Args:
        in_type: any field type.
        momentum: weight of the newest batch in the running moments; None averages all batches since the last reset.
        eps: added to the variance.
        affine: learn one scale and one shift per field.

    Attributes:
        gather: (n,) -> (N, n), the same numbers of all N processes that hold equal parts of a batch, differentiable
            any number of times; None: the batch is all here.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant, exact to rounding, in both modes.
    Source: Dey et al. 2021, section 2.2 ("moments are calculated per group-feature map").

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 1)
        >>> norm = FieldBatchNorm(regular, momentum=1.0)
        >>> x = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 4, 1, 1)
        >>> [f"{value:.2f}" for value in norm(regular(x)).tensor.flatten()]
        ['-1.34', '-0.45', '0.45', '1.34']
        >>> norm.running_mean.tolist()
        [4.0]
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    gather: Callable[[Tensor], Tensor] | None = None

    def __init__(
        self, in_type: FieldType, *, momentum: float | None = 0.1, eps: float = 1e-5, affine: bool = True
    ) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        self.momentum, self.eps, self.affine = momentum, eps, affine
        self.layout = FieldLayout(in_type)
        permuted = all(is_permutation(representation) for representation in set(in_type.representations))
        self.moments = None if permuted else FieldMoments(in_type)
        fields = len(in_type)
        means = fields if self.moments is None else self.moments.directions
        self.register_parameter("weight", torch.nn.Parameter(torch.ones(fields)) if affine else None)
        self.register_parameter("bias", torch.nn.Parameter(torch.zeros(means)) if affine else None)
        self.register_buffer("running_mean", torch.zeros(means))
        self.register_buffer("running_var", torch.ones(fields))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    @torch.no_grad()
    def reset_running_stats(self) -> None:
        """Forget every batch seen."""
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.num_batches_tracked.zero_()

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> the same; in training mode the running moments learn."""
        tensor = typed_tensor(self, x)
        factor = 0.0
        if self.training:
            self.num_batches_tracked += 1
            factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        if self.moments is not None:
            return self.out_type(self._normalise_any(self.moments, tensor, factor))
        if not self.layout.mixed:
            part = self.layout.split(tensor)[0]
            return self.out_type(self.layout.join([self._normalise(part, slice(None), factor)]))
        parts = zip(self.layout.split(tensor), self.layout.fields, strict=True)
        return self.out_type(self.layout.join([self._normalise(part, fields, factor) for part, fields in parts]))

    def _normalise(self, x_BFGHW: Tensor, fields: slice | list[int], factor: float) -> Tensor:
        """Normalise the fields of one size. A list selects copies of the buffers, a slice the buffers themselves."""
        if self.training and self.gather is not None:
            return self._normalise_together(x_BFGHW, fields, factor)
        mean, variance = self.running_mean[fields], self.running_var[fields]
        out = torch.nn.functional.batch_norm(
            x_BFGHW.flatten(2, 3),
            mean,
            variance,
            None if self.weight is None else self.weight[fields],
            None if self.bias is None else self.bias[fields],
            self.training,
            factor,
            self.eps,
        )
        if self.training and isinstance(fields, list):
            self.running_mean[fields], self.running_var[fields] = mean, variance
        return out.view_as(x_BFGHW)

    def _normalise_together(self, x_BFGHW: Tensor, fields: slice | list[int], factor: float) -> Tensor:
        """Normalise the fields of one size by the moments of a batch that N processes hold in equal parts.

        Of equal parts with means m_i and variances v_i the whole has mean m = sum m_i / N and variance
        sum (v_i + (m_i - m)^2) / N. Gradients flow through all of them, to the other processes' images too.
        """
        assert self.gather is not None
        wide = x_BFGHW.to(self.running_mean.dtype)
        here = wide.mean((0, 2, 3, 4)), wide.var((0, 2, 3, 4), correction=0)
        means_NF, variances_NF = self.gather(torch.cat(here)).chunk(2, dim=1)
        mean = means_NF.mean(0)
        variance = (variances_NF + (means_NF - mean).square()).mean(0)
        numbers = len(means_NF) * x_BFGHW.numel() // x_BFGHW.shape[1]
        with torch.no_grad():
            self.running_mean[fields] = self.running_mean[fields].lerp(mean, factor)
            unbiased = variance * (numbers / max(numbers - 1, 1))
            self.running_var[fields] = self.running_var[fields].lerp(unbiased, factor)
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight[fields]
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias[fields]
        return torch.addcmul(shift[:, None, None, None], scale[:, None, None, None], wide).to(x_BFGHW.dtype)

    def _normalise_any(self, moments: FieldMoments, x: Tensor, factor: float) -> Tensor:
        """Normalise fields of any representations, in the precision of the running moments."""
        narrow, x = x.dtype, x.to(self.running_var.dtype)
        with full_precision(x):
            return self._normalise_wide(moments, x, factor).to(narrow)

    def _normalise_wide(self, moments: FieldMoments, x: Tensor, factor: float) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean, variance = moments.measure(x)
            numbers = moments.sizes * (x.numel() // x.shape[1])
            if self.gather is not None:
                means, variances = self.gather(torch.cat([mean, variance])).split([len(mean), len(variance)], dim=1)
                mean = means.mean(0)
                apart = moments.per_field((means - mean).square()) / moments.sizes
                variance = (variances + apart).mean(0)
                numbers = numbers * len(means)
            with torch.no_grad():  # torch's batch norm remembers the unbiased variance too
                self.running_mean.lerp_(mean, factor)
                self.running_var.lerp_(variance * (numbers / (numbers - 1).clamp(min=1)), factor)
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale[moments.field_of_direction]
        if self.bias is not None:
            shift = shift + self.bias
        return moments.scaled(x, scale[None], shift[None])

    @torch.no_grad()
    def export(self) -> torch.nn.BatchNorm2d:
        """Torch's own batch norm in evaluation, with every field's moments, scale and shift for all its channels."""
        return plain_norm(self)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape


class ConditionalBatchNorm(EquivariantModule):
    """Batch normalisation whose scale and shift, one of each per field, are linear in a conditioning vector.

    scale = 1 + gamma(c), shift = beta(c), both without a constant. Fields that are no permutations are shifted along
    their trivial irreps only, each by a number of its own.

    Args:
        in_type: any field type.
        conditioning: length of c.
        spectral_norm: divide both dense weights by their spectral norms.
        momentum: as in `FieldBatchNorm`.
        eps: as in `FieldBatchNorm`.

    Shapes: (B, C, H, W) and c (B, conditioning) -> (B, C, H, W).
    Symmetry: equivariant in the feature map, exact to rounding, where c is invariant.
    Source: Dey et al. 2021, section 2.2 ("affine transformation parameters per group-feature map").

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 2)
        >>> norm = ConditionalBatchNorm(regular, conditioning=3)
        >>> norm(regular(torch.randn(5, 8, 6, 6)), torch.randn(5, 3)).shape
        torch.Size([5, 8, 6, 6])
        >>> norm.scale(torch.randn(5, 3)).shape  # one number per field
        torch.Size([5, 2])
    """

    def __init__(
        self,
        in_type: FieldType,
        conditioning: int,
        *,
        spectral_norm: bool | NormOf = True,
        momentum: float | None = 0.1,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        self.norm = FieldBatchNorm(in_type, momentum=momentum, eps=eps, affine=False)
        self.scale = SpectralLinear(conditioning, len(in_type), bias=False, spectral_norm=spectral_norm)
        shifts = len(self.norm.running_mean)
        self.shift = SpectralLinear(conditioning, shifts, bias=False, spectral_norm=spectral_norm) if shifts else None

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """(B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        layout, moments = self.norm.layout, self.norm.moments
        with full_precision(c):
            scale_BF, shift_BF = 1 + self.scale(c), None if self.shift is None else self.shift(c)
        dtype = x.tensor.dtype
        scale_BF, shift_BF = scale_BF.to(dtype), None if shift_BF is None else shift_BF.to(dtype)
        if moments is not None:
            return self.out_type(moments.scaled(self.norm(x).tensor, scale_BF, shift_BF))
        assert shift_BF is not None
        parts = []
        for x_BFGHW, fields in zip(layout.split(self.norm(x).tensor), layout.fields, strict=True):
            selected = fields if layout.mixed else slice(None)
            scale = scale_BF[:, selected, None, None, None]
            shift = shift_BF[:, selected, None, None, None]
            parts.append(torch.addcmul(shift, scale, x_BFGHW))
        return self.out_type(layout.join(parts))

    @torch.no_grad()
    def export(self) -> torch.nn.Module:
        """Plain torch on tensors: (B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        return plain_conditional_norm(self.norm, self.scale, self.shift)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape


def batch_norms(network: torch.nn.Module) -> list[Any]:
    """Every module of a network with running moments, steergan's or another's.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> network = torch.nn.Sequential(FieldBatchNorm(regular_type(gspace("C4"), 2)), torch.nn.BatchNorm2d(8))
        >>> [type(norm).__name__ for norm in batch_norms(network)]
        ['FieldBatchNorm', 'BatchNorm2d']
    """
    return [module for module in network.modules() if isinstance(getattr(module, "running_mean", None), Tensor)]


@contextmanager
def moments_untouched(norms: Sequence[Any]) -> Iterator[None]:
    """Forwards inside normalise as they would, and the running moments learn nothing from them.

    Examples:
        >>> norm = torch.nn.BatchNorm2d(1)
        >>> with moments_untouched([norm]):
        ...     _ = norm(torch.ones(2, 1, 3, 3))
        >>> norm.running_mean.item(), norm.num_batches_tracked.item()
        (0.0, 0)
    """
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
