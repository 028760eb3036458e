"""Normalisation by moments of each sample alone: of every field (instance norm), or of all fields together."""

from abc import abstractmethod

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn
from torch.nn.functional import group_norm

from steergan.copies import copied
from steergan.errors import SteerganError
from steergan.layers.field_moments import FieldMoments
from steergan.layers.fields import FieldLayout, channel_owners, typed_tensor
from steergan.layers.plain import as_graph
from steergan.layers.spectral_norm import full_precision
from steergan.symmetry import is_permutation


class SampleNorm(EquivariantModule):
    """What instance and layer norm share: scale and shift of every field, and no running moments.

    Args:
        in_type: any field type.
        eps: added to the variance.
        affine: learn one scale and one shift per field (per invariant direction of fields that are no permutations).
    """

    def __init__(self, in_type: FieldType, *, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        self.eps, self.affine = eps, affine
        self.layout = FieldLayout(in_type)
        permuted = all(is_permutation(representation) for representation in set(in_type.representations))
        self.moments = None if permuted else FieldMoments(in_type)
        shifts = len(in_type) if self.moments is None else self.moments.directions
        self.register_parameter("weight", nn.Parameter(torch.ones(len(in_type))) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(shifts)) if affine else None)
        self.register_buffer("owners", channel_owners(in_type), persistent=False)

    @property
    @abstractmethod
    def fewest(self) -> int:
        """Channels of the smallest set that moments are taken of."""

    @abstractmethod
    def permuted(self, x: Tensor) -> Tensor:
        """The norm of fields whose channels the group permutes, (B, C, H, W) -> the same."""

    @abstractmethod
    def measure(self, moments: FieldMoments, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is subtracted along invariant directions, (B, directions), and the variance of fields, (B, fields)."""

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> the same.

        Raises:
            SteerganError: a single value, which has no variance.
        """
        tensor = typed_tensor(self, x)
        if tensor.shape[2:] == (1, 1) and self.fewest == 1:
            name = type(self).__name__
            raise SteerganError(f"{name} got a 1 x 1 map with one channel to normalise; one value has no variance")
        if self.moments is None:
            return self.out_type(self.on_tensors(tensor))
        wide = tensor.to(self.moments.get_buffer("basis0").dtype)
        with full_precision(wide):
            return self.out_type(self.on_tensors(wide).to(tensor.dtype))

    def on_tensors(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same, in the precision of what comes."""
        moments = self.moments
        if moments is None:
            return self.permuted(x)
        mean, variance = self.measure(moments, x)
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale.index_select(1, moments.field_of_direction)
        if self.bias is not None:
            shift = shift + self.bias
        return moments.scaled(x, scale, shift)

    @torch.no_grad()
    def export(self) -> nn.Module:
        """Plain torch on tensors, (B, C, H, W) -> the same."""
        return as_graph(OnTensors(copied(self)))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, eps={self.eps}, affine={self.affine}"


class OnTensors(nn.Module):
    """A norm, to be traced.

    Args:
        norm: whose `on_tensors` is called.
    """

    def __init__(self, norm: SampleNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        return self.norm.on_tensors(x)


class FieldInstanceNorm(SampleNorm):
    """Instance normalisation whose moments are of one sample and one field, over space and the field's channels.

    What `FieldBatchNorm` does in training to a batch of one; here in every batch and in both modes. With the trivial
    group this is `torch.nn.InstanceNorm2d`. Fields that are no permutations (irreps, Fourier fields) have a mean and a
    shift along their trivial irreps only, and one variance, see `FieldMoments`.

    Args:
        in_type: any field type.
        eps: added to the variance.
        affine: learn one scale and one shift per field.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant, exact to rounding.

    Raises:
        SteerganError: a 1 x 1 map of fields with one channel (when it is called).
    Source: Ulyanov et al. 2016 (instance norm); Dey et al. 2021, section 2.2 (moments of a field).

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 1)
        >>> x = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 4, 1, 1)
        >>> [f"{value:.2f}" for value in FieldInstanceNorm(regular)(regular(x)).tensor.flatten()]
        ['-1.34', '-0.45', '0.45', '1.34']
    """

    @property
    def fewest(self) -> int:
        """Channels of the smallest field."""
        return min(self.layout.sizes)

    def permuted(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same: a group of channels for every field."""
        done = []
        for part, size, fields in zip(self.layout.split(x), self.layout.sizes, self.layout.fields, strict=True):
            own = fields if self.layout.mixed else slice(None)
            weight, bias = (None if v is None else v[own].repeat_interleave(size) for v in (self.weight, self.bias))
            normed = group_norm(part.flatten(1, 2), len(fields), weight, bias, self.eps)
            done.append(normed.unflatten(1, (-1, size)))
        return self.layout.join(done)

    def measure(self, moments: FieldMoments, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of each sample: mean (B, directions), variance (B, fields)."""
        return moments.measure_each(x)


class FieldLayerNorm(SampleNorm):
    """Layer normalisation: moments of one sample over space and all fields together; scale and shift of every field.

    With the trivial group this is `torch.nn.GroupNorm` with one group. Fields that are no permutations have means along
    their trivial irreps only: one number for all fields, times sqrt(channels of the field / trivial irreps in it) along
    each, so that a regular field is treated alike in any basis; the variance is the mean square of what is left.

    Args:
        in_type: any field type.
        eps: added to the variance.
        affine: learn one scale and one shift per field.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant, exact to rounding.

    Raises:
        SteerganError: a 1 x 1 map of a single channel (when it is called).
    Source: Ba et al. 2016 (layer norm), over channels and space as Wu and He 2018 take it (group norm, one group).

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C2"), 2)
        >>> x = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 4, 1, 1)
        >>> [f"{value:.2f}" for value in FieldLayerNorm(regular)(regular(x)).tensor.flatten()]
        ['-1.34', '-0.45', '0.45', '1.34']
    """

    @property
    def fewest(self) -> int:
        """All channels."""
        return int(self.in_type.size)

    def permuted(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same: all channels are one group."""
        owners = self.get_buffer("owners")
        weight, bias = (None if v is None else v.index_select(0, owners) for v in (self.weight, self.bias))
        return group_norm(x, 1, weight, bias, self.eps)

    def measure(self, moments: FieldMoments, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of each sample: mean (B, directions), variance (B, fields), the same number for all fields."""
        mean, variance = moments.measure_each(x)
        lengths = moments.lengths
        common = (mean * lengths).sum(1, keepdim=True) / lengths.square().sum().clamp(min=1)
        subtracted = common * lengths
        # Of each field: its own variance, and what its mean keeps of the common one's place.
        squares = moments.sizes * variance + moments.per_field((mean - subtracted).square())
        whole = squares.sum(1, keepdim=True) / moments.sizes.sum()
        return subtracted, whole.expand_as(variance)
