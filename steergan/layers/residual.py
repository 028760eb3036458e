"""Pre-activation residual blocks, and the pool that halves their maps."""

from dataclasses import dataclass

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.errors import SteerganError, SymmetryError
from steergan.layers.activation import activation
from steergan.layers.antialiased_pool import AntialiasedPool
from steergan.layers.batch_norm import ConditionalBatchNorm, FieldBatchNorm
from steergan.layers.convolution import GroupConvolution
from steergan.layers.pooling import AveragePool, MaxPool, SpatialPool
from steergan.layers.recomputation import Recomputable
from steergan.layers.resample import Upsample
from steergan.layers.spectral_norm import NormOf
from steergan.layers.upsample_convolution import filter_size, upsampled_convolution, upsampling_mode
from steergan.symmetry import group_name, is_grid_group, is_permutation


class GeneratorBlock(Recomputable):
    """ResBlockG: CBN, ReLU, upsampling, 3x3, CBN, ReLU, 3x3, plus a 1x1 shortcut, upsampled.

    The convolution in front of a norm has no bias, and the shortcut needs none beside the last convolution's. The
    shortcut is convolved before it is upsampled: the same function at a quarter of the cost. Groups that don't permute
    pixels get bilinear upsampling and 5x5. The place of ReLU is taken by what suits the fields, see `activation`.

    Args:
        in_type: what `activation` takes: permutation representations, Fourier or gated fields.
        out_type: the same, of the same gspace.
        conditioning: length of c.
        kernel_size: of all but the shortcut; None: `filter_size` of the group.
        upsample: double the height and the width.
        spectral_norm: on the filter banks and on CBN's dense layers.

    Shapes: (B, C_in, H, W) and c (B, conditioning) -> (B, C_out, 2 H, 2 W), or H and W as they were.
    Symmetry: equivariant in the feature map, exact to rounding for grid groups, where c is invariant.

    Raises:
        SymmetryError: fields that no nonlinearity suits; the gspaces differ.
    Source: Dey et al. 2021, Figure 13 (its caption) and C.2.2.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 2)
        >>> block = GeneratorBlock(regular, regular, conditioning=3)
        >>> block(regular(torch.randn(5, 8, 4, 4)), torch.randn(5, 3)).shape
        torch.Size([5, 8, 8, 8])
    """

    conditioned = True

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        conditioning: int,
        *,
        kernel_size: int | None = None,
        upsample: bool = True,
        spectral_norm: bool | NormOf = True,
    ) -> None:
        super().__init__()
        self.in_type, self.out_type = in_type, out_type
        size = kernel_size or filter_size(in_type.gspace)
        self.norm1 = ConditionalBatchNorm(in_type, conditioning, spectral_norm=spectral_norm)
        self.activation1 = activation(in_type, "relu")
        self.upsample_in, self.convolution1 = upsampled_convolution(
            self.activation1.out_type, out_type, size, upsample=upsample, bias=False, spectral_norm=spectral_norm
        )
        self.norm2 = ConditionalBatchNorm(out_type, conditioning, spectral_norm=spectral_norm)
        self.activation2 = activation(out_type, "relu")
        self.convolution2 = GroupConvolution(self.activation2.out_type, out_type, size, spectral_norm=spectral_norm)
        self.shortcut = GroupConvolution(in_type, out_type, 1, bias=False, spectral_norm=spectral_norm)
        self.upsample_out = Upsample(out_type, 2, upsampling_mode(in_type.gspace)) if upsample else None

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """(B, C_in, H, W) and c (B, conditioning) -> (B, C_out, H, W), doubled where it upsamples."""
        h = self.activation1(self.norm1(x, c))
        if self.upsample_in is not None:
            h = self.upsample_in(h)
        h = self.activation2(self.norm2(self.convolution1(h), c))
        shortcut = self.shortcut(x)
        if self.upsample_out is not None:
            shortcut = self.upsample_out(shortcut)
        return self.convolution2(h) + shortcut

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, height, width = input_shape
        factor = 1 if self.upsample_out is None else self.upsample_out.scale_factor
        return (batch, self.out_type.size, factor * height, factor * width)


POOLS = ("average", "max")


@dataclass(frozen=True)
class HalvingPool:
    """A pool with stride 2, for whatever fields it is called with: what recipes say about pools, in one value.

    Off the grid an average is antialiased, on two more taps if their number is even.

    Args:
        reduce: "average" or "max".
        window: pixels along one side: 2 for even maps, 3 for odd ones, which become (H + 1) // 2 pixels high.
        padding: on every side; 1 with a window of 3.
        strict: refuse sizes on which the pool is not equivariant.
        antialiased: averages are, on the grid, too.

    Raises:
        SteerganError: another word than "average" and "max".

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 2)
        >>> HalvingPool()(regular).evaluate_output_shape((1, 8, 6, 6))
        (1, 8, 3, 3)
        >>> HalvingPool("max", window=3, padding=1)(regular).evaluate_output_shape((1, 8, 7, 7))
        (1, 8, 4, 4)
    """

    reduce: str = "average"
    window: int = 2
    padding: int = 0
    strict: bool = True
    antialiased: bool = False

    def __post_init__(self) -> None:
        if self.reduce not in POOLS:
            raise SteerganError(f"pooling {self.reduce!r} is not known; choose one of {', '.join(POOLS)}")

    def __call__(self, in_type: FieldType) -> SpatialPool:
        """The layer.

        Raises:
            SymmetryError: a maximum of fields that are no permutations.
        """
        if self.reduce == "max":
            if not all(is_permutation(r) for r in set(in_type.representations)):
                raise SymmetryError(
                    f'pool = "max" on irreps of {group_name(in_type.gspace)} is not equivariant; use "average", or a '
                    "finite group such as C16"
                )
            return MaxPool(in_type, self.window, 2, self.padding, strict=self.strict)
        if is_grid_group(in_type.gspace) and not self.antialiased:
            return AveragePool(in_type, self.window, 2, self.padding, strict=self.strict)
        even = self.window == 2
        return AntialiasedPool(in_type, 4 if even else self.window, 2, self.padding + even, strict=self.strict)


AVERAGE = HalvingPool()
"""The mean over windows of 2 x 2."""


class DiscriminatorBlock(Recomputable):
    """ResBlockD: ReLU, 3x3, ReLU, 3x3, pool, plus a 1x1 shortcut, pooled. ResBlockD-BN has a norm before each ReLU.

    Groups that don't permute pixels get 5x5 and antialiased average pools. The shortcut is pooled before it is
    convolved: with average pooling the same function at a quarter of the cost. The place of ReLU is taken by what suits
    the fields, see `activation`.

    Args:
        in_type: the field type that comes in: any if `first` with average pooling, else what `activation` takes.
        out_type: what `activation` takes, of the same gspace.
        pool: halves the height and the width, see `HalvingPool`; None: they stay.
        first: the input is an image: no norm and no ReLU in front of the first convolution.
        batch_norm: the ResBlockD-BN of the paper; convolutions in front of a norm then have no bias.
        spectral_norm: on the filter banks.
        kernel_size: of the 3x3 convolutions; None: `filter_size` of the group.

    Shapes: (B, C_in, H, W) -> (B, C_out, H // 2, W // 2), or H and W as they were.
    Symmetry: equivariant, exact to rounding for grid groups on the sizes that a strict pool lets pass.

    Raises:
        SymmetryError: a representation does not fit; the gspaces differ; a size that the pool refuses.
    Source: Dey et al. 2021, Figure 13 (its caption) and C.2.2 to C.2.4; Tables 9 and 10 for ResBlockD-BN.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> space = gspace("C4")
        >>> image = trivial_type(space, 1)
        >>> block = DiscriminatorBlock(image, regular_type(space, 2), first=True)
        >>> block(image(torch.randn(5, 1, 8, 8))).shape
        torch.Size([5, 8, 4, 4])
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        *,
        pool: HalvingPool | None = AVERAGE,
        first: bool = False,
        batch_norm: bool = False,
        spectral_norm: bool | NormOf = True,
        kernel_size: int | None = None,
    ) -> None:
        super().__init__()
        self.in_type, self.out_type = in_type, out_type
        before = [] if first else _activation(in_type, batch_norm)
        between = _activation(out_type, batch_norm)
        size = kernel_size or filter_size(in_type.gspace)
        x_type = before[-1].out_type if before else in_type
        convolution1 = GroupConvolution(x_type, out_type, size, bias=not batch_norm, spectral_norm=spectral_norm)
        convolution2 = GroupConvolution(between[-1].out_type, out_type, size, spectral_norm=spectral_norm)
        shortcut = GroupConvolution(in_type, out_type, 1, bias=False, spectral_norm=spectral_norm)
        self.branch = torch.nn.Sequential(*before, convolution1, *between, convolution2)
        self.shortcut = torch.nn.Sequential(shortcut)
        if pool is not None:
            self.branch.append(pool(out_type))
            self.shortcut.insert(0, pool(in_type))

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, H, W), halved by the pool."""
        return self.branch(x) + self.shortcut(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        shape = input_shape
        layers: list[EquivariantModule] = list(self.branch)
        for layer in layers:
            shape = layer.evaluate_output_shape(shape)
        return shape


def _activation(field_type: FieldType, batch_norm: bool) -> list[EquivariantModule]:
    relu = activation(field_type, "relu")
    return [FieldBatchNorm(field_type), relu] if batch_norm else [relu]
