"""Convolutions whose windows are further apart, wider, or padded by other numbers than zeros, and their adjoints."""

from typing import Any, NamedTuple, Self, TypeVar

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor, R2Conv, R2ConvTransposed
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad

from steergan.errors import SteerganError, SymmetryError
from steergan.layers.convolution import GroupConvolution
from steergan.layers.fields import typed_tensor
from steergan.layers.filters.conversion import AnyR2Conv, check_convertible, make_r2conv, one_padding
from steergan.layers.spectral_norm import NormOf

PADDING_MODES = ("zeros", "circular", "reflect", "replicate")


class Windows(NamedTuple):
    """Where the windows of a convolution lie.

    Attributes:
        stride: pixels from one to the next.
        padding: pixels that are added on every side; None: half of the window, dilated.
        dilation: pixels from one tap to the next.
        padding_mode: one of `PADDING_MODES`: what is added.

    Examples:
        >>> Windows(stride=2)._replace(padding_mode="circular")
        Windows(stride=2, padding=None, dilation=1, padding_mode='circular')
    """

    stride: int = 1
    padding: int | None = None
    dilation: int = 1
    padding_mode: str = "zeros"


class StridedConvolution(EquivariantModule):
    """A `GroupConvolution` with a stride, a dilation, or another padding than zeros.

    Args:
        in_type: any field type.
        out_type: a field type of the same gspace.
        kernel_size: taps along one side.
        windows: where they lie.
        bias: as in `GroupConvolution`.
        spectral_norm: as in `GroupConvolution`.

    Attributes:
        convolution: the `GroupConvolution` that holds the weights.

    Shapes: (B, C_in, H, W) -> (B, C_out, (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, alike).
    Symmetry: equivariant, as `GroupConvolution` is, on sizes where that division leaves nothing: else some windows have
        no mirror image. Off the grid dilated filters are those of the default band, spread.

    Raises:
        SymmetryError: stride or dilation is no int of at least 1; there is no such padding mode; whatever
            `GroupConvolution` refuses.
        SteerganError: the map is smaller than a window (when asked for the output shape).

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 1)
        >>> layer = StridedConvolution(regular, regular, 3, windows=Windows(stride=2))
        >>> layer(regular(torch.randn(1, 4, 9, 9))).shape
        torch.Size([1, 4, 5, 5])
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        *,
        windows: Windows,
        bias: bool = True,
        spectral_norm: bool | NormOf = False,
    ) -> None:
        super().__init__()
        for name in ("stride", "dilation"):
            _check_count(name, getattr(windows, name))
        if windows.padding_mode not in PADDING_MODES:
            raise SymmetryError(f"padding_mode {windows.padding_mode!r}; one of {', '.join(PADDING_MODES)} was wanted")
        self.in_type, self.out_type = in_type, out_type
        reach = windows.dilation * (kernel_size - 1)
        padding = (reach + 1) // 2 if windows.padding is None else windows.padding
        self.windows = windows._replace(padding=padding)
        self.convolution = GroupConvolution(
            in_type, out_type, kernel_size, padding=padding, bias=bias, spectral_norm=spectral_norm
        )
        if not self.skips:
            self.convolution.fourier_group = None

    @property
    def skips(self) -> bool:
        """Whether it is its inner convolution of every stride-th pixel: a single tap, and nothing around the map."""
        return self.convolution.kernel_size == 1 and self.padding == self.convolution.padding == 0

    @property
    def padding(self) -> int:
        """Pixels that are added on every side."""
        assert self.windows.padding is not None
        return self.windows.padding

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, fewer, fewer)."""
        tensor, inner = typed_tensor(self, x), self.convolution
        stride, dilation = self.windows.stride, self.windows.dilation
        if self.skips:
            skipped: GeometricTensor = inner(self.in_type(tensor[:, :, ::stride, ::stride]))
            return skipped
        padding = self.padding
        if padding and self.windows.padding_mode != "zeros":
            tensor, padding = pad(tensor, (padding,) * 4, self.windows.padding_mode), 0
        bank = inner.kept("bank", lambda: inner.arranged(inner.filter_bank()))
        out = conv2d(inner.arranged(tensor), bank, inner.kept_bias(), stride, padding, dilation)
        return self.out_type(out)

    @torch.no_grad()
    def export(self) -> torch.nn.Conv2d:
        """Torch's convolution with this filter bank, bias and windows."""
        stride, _, dilation, mode = self.windows
        return self.convolution.plain_convolution(
            stride=stride, padding=self.padding, dilation=dilation, padding_mode=mode
        )

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, *sides = input_shape
        reach = self.windows.dilation * (self.convolution.kernel_size - 1)
        if min(sides) + 2 * self.padding <= reach:
            raise SteerganError(
                f"StridedConvolution (windows of {reach + 1} pixels, padding {self.padding}) got a "
                f"{sides[0]} x {sides[1]} map; it needs a larger one"
            )
        free = 2 * self.padding - reach - 1
        return (batch, self.out_type.size, *((side + free) // self.windows.stride + 1 for side in sides))

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return ", ".join(f"{name}={value}" for name, value in self.windows._asdict().items())

    @classmethod
    @torch.no_grad()
    def from_r2conv(cls, convolution: R2Conv) -> Self:
        """A layer that computes what an escnn `R2Conv` does, whatever its stride, dilation and padding mode.

        Args:
            convolution: with groups 1, in either mode; it is left as it is.

        Raises:
            SymmetryError: it cannot be expressed, for what it is or for its weights or bias.
        """
        return _taken_over(cls, convolution, padding_mode=convolution.padding_mode)

    def to_r2conv(self) -> R2Conv:
        """An escnn `R2Conv` that computes the same function, in training mode; a spectral norm is divided out for good.

        Raises:
            SymmetryError: escnn's basis cannot hold the filter bank (even kernels, or larger than 5 x 5).
        """
        inner, windows = self.convolution, self.windows._asdict()
        bank, bias = inner.bank_to_give(), inner.channel_bias()
        return make_r2conv(self.in_type, self.out_type, bank, bias=bias, full_band=inner.exact, **windows)


class TransposedConvolution(EquivariantModule):
    """The transposed convolution: every pixel leaves its filter on a larger map, where filters that overlap are added.

    Args:
        in_type: any field type.
        out_type: a field type of the same gspace.
        kernel_size: taps along one side.
        windows: stride, padding (None: 0) and dilation as torch's `ConvTranspose2d` means them; padded by zeros.
        bias: as in `GroupConvolution`.
        spectral_norm: as in `GroupConvolution`.
        output_padding: rows and columns that are added at the lower and the right side, which breaks the symmetry.

    Attributes:
        convolution: the `GroupConvolution` that holds the weights. Its forward is not called.

    Shapes: (B, C_in, H, W) -> (B, C_out, (H - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1,
        alike).
    Symmetry: equivariant, as `GroupConvolution` is, on every size, without output padding.

    Raises:
        SymmetryError: another padding than of zeros; whatever `StridedConvolution` refuses.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 1)
        >>> layer = TransposedConvolution(regular, regular, 4, windows=Windows(stride=2, padding=1))
        >>> layer(regular(torch.randn(1, 4, 5, 5))).shape
        torch.Size([1, 4, 10, 10])
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        *,
        windows: Windows,
        bias: bool = True,
        spectral_norm: bool | NormOf = False,
        output_padding: int = 0,
    ) -> None:
        super().__init__()
        for name in ("stride", "dilation"):
            _check_count(name, getattr(windows, name))
        if windows.padding_mode != "zeros":
            raise SymmetryError(f"padding_mode {windows.padding_mode!r}; transposed convolutions are padded by zeros")
        self.in_type, self.out_type = in_type, out_type
        self.windows, self.output_padding = windows._replace(padding=windows.padding or 0), output_padding
        self.convolution = GroupConvolution(
            in_type, out_type, kernel_size, padding=windows.padding or 0, bias=bias, spectral_norm=spectral_norm
        )
        self.convolution.fourier_group = None

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, more, more)."""
        tensor, inner = typed_tensor(self, x), self.convolution
        bank = inner.kept("transposed", self._bank)
        stride, padding, dilation, _ = self.windows
        out = conv_transpose2d(
            inner.arranged(tensor), bank, inner.kept_bias(), stride, padding or 0, self.output_padding, 1, dilation
        )
        return self.out_type(out)

    def _bank(self) -> Tensor:
        return self.convolution.filter_bank().transpose(0, 1)

    @torch.no_grad()
    def export(self) -> torch.nn.ConvTranspose2d:
        """Torch's transposed convolution with this filter bank, bias and windows."""
        stride, padding, dilation, _ = self.windows
        return self.convolution.plain_convolution(
            True, stride=stride, padding=padding, dilation=dilation, output_padding=self.output_padding
        )

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, *sides = input_shape
        stride, padding, dilation, _ = self.windows
        more = dilation * (self.convolution.kernel_size - 1) + self.output_padding + 1 - 2 * (padding or 0)
        return (batch, self.out_type.size, *((side - 1) * stride + more for side in sides))

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        stride, padding, dilation, _ = self.windows
        return f"{stride=}, {padding=}, {dilation=}, output_padding={self.output_padding}"

    @classmethod
    @torch.no_grad()
    def from_r2conv(cls, convolution: R2ConvTransposed) -> Self:
        """A layer that computes what an escnn `R2ConvTransposed` does.

        Args:
            convolution: with groups 1, in either mode; it is left as it is.

        Raises:
            SymmetryError: it cannot be expressed, for what it is or for its weights or bias.
        """
        return _taken_over(cls, convolution, output_padding=convolution.output_padding)


Layer = TypeVar("Layer", StridedConvolution, TransposedConvolution)


def _taken_over(kind: type[Layer], old: AnyR2Conv, padding_mode: str = "zeros", **more: Any) -> Layer:
    """A layer of a kind with the windows, the filters and the bias of one of escnn's."""
    check_convertible(old)
    windows = Windows(old.stride, one_padding(old), old.dilation, padding_mode)
    layer = kind(old.in_type, old.out_type, old.kernel_size, windows=windows, bias=old.bias is not None, **more)
    layer.convolution.take_over(old)
    return layer


def _check_count(name: str, found: object) -> None:
    if not isinstance(found, int) or found < 1:
        raise SymmetryError(f"{name} {found!r}: one int of at least 1 was wanted, the same along both sides")
