"""Upsampling by 2 and a convolution; where the upsampling is nearest, as one layer that never makes the larger map."""

import torch
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from steergan.errors import SymmetryError
from steergan.layers.convolution import GroupConvolution
from steergan.layers.fields import typed_tensor
from steergan.layers.resample import Upsample
from steergan.layers.spectral_norm import NormOf
from steergan.symmetry import is_grid_group


class UpsampleConvolution(EquivariantModule):
    """`Upsample(in_type, 2)` and then a `GroupConvolution` that keeps the size, as one function that is less work.

    An output pixel of one phase (row parity, column parity) sees each pixel of the small map through up to four taps.
    Summed, they leave a filter of (k + 1) / 2 taps along a side per phase: 4/9 of the multiplications for k = 3. All
    four phases are the output channels of one convolution of the small map, interleaved afterwards.

    Args:
        in_type: any field type.
        out_type: a field type of the same gspace.
        kernel_size: taps along one side of the filters that act on the upsampled map; odd.
        bias: as in `GroupConvolution`.
        spectral_norm: as in `GroupConvolution`, of the bank before taps are summed.

    Attributes:
        convolution: the `GroupConvolution` of the upsampled map; holds the weights. Its forward is not called.

    Shapes: (B, C_in, H, W) -> (B, C_out, 2 H, 2 W).
    Symmetry: equivariant; exact to rounding for grid groups. For others, to 1e-6 at multiples of 90 degrees, and
        between as nearest upsampling is: `Upsample` with "bilinear" and a `GroupConvolution` err less.

    Raises:
        SymmetryError: the kernel size is even; whatever `GroupConvolution` refuses.
    Source: own derivation; splitting an interpolation into its phases is classical signal processing. The pair of
        layers: Dey et al. 2021, section 2.2.
    Differs: only in how it is computed; outputs agree with those of the two layers to rounding.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 1)
        >>> layer = UpsampleConvolution(regular, regular, 3)
        >>> x = regular(torch.randn(1, 4, 5, 5))
        >>> both = layer.convolution(Upsample(regular, 2)(x)).tensor
        >>> torch.allclose(layer(x).tensor, both, atol=1e-5)
        True
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        *,
        bias: bool = True,
        spectral_norm: bool | NormOf = False,
    ) -> None:
        super().__init__()
        if isinstance(kernel_size, int) and kernel_size % 2 == 0:
            raise SymmetryError(f"kernel size {kernel_size} after an upsampling by 2: an odd one was wanted")
        self.in_type, self.out_type = in_type, out_type
        self.convolution = GroupConvolution(in_type, out_type, kernel_size, bias=bias, spectral_norm=spectral_norm)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, 2 H, 2 W)."""
        tensor = typed_tensor(self, x)
        if self.convolution.takes_fourier(tensor):
            upsampled = interpolate(tensor, scale_factor=2, mode="nearest")
            return self.out_type(self.convolution.fourier_convolution(upsampled))
        filters = self.convolution.kept("phases", self._phases)
        bias = self.convolution.kept_bias()
        maps = conv2d(
            self.convolution.arranged(tensor),
            filters,
            None if bias is None else bias.repeat(4),
            padding=filters.shape[-1] // 2,
        )
        return self.out_type(interleave(maps.unflatten(1, (2, 2, -1)), *tensor.shape[2:]))

    def _phases(self) -> Tensor:
        """The filters of all four phases as one bank, (4 C_out, C_in, n, n)."""
        return self.convolution.arranged(phase_filters(self.convolution.filter_bank()).flatten(0, 2))

    @torch.no_grad()
    def export(self) -> torch.nn.ConvTranspose2d:
        """Torch's transposed convolution of stride 2 by the spread taps: as few products as all phases take."""
        layer = self.convolution.plain_convolution(True, stride=2, padding=self.convolution.kernel_size // 2)
        taps = spread_taps(layer.weight.detach())
        layer.weight, layer.kernel_size = torch.nn.Parameter(taps, requires_grad=False), tuple(taps.shape[2:])
        return layer

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, height, width = input_shape
        return (batch, self.out_type.size, 2 * height, 2 * width)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return "x2, nearest"


def phase_filters(bank: Tensor) -> Tensor:
    """What a bank is to the small map, for each parity of output row and column.

    Along one axis with taps w and r = k // 2, output pixel 2 p + a sees small pixel p + floor((a + t - r) / 2) through
    tap t: taps in pairs, the first pair being (nothing, w_0) if a + r is odd. The sums of neighbouring taps, zeros
    around, are the filters of both parities by turns.

    Shapes: (C_out, C_in, k, k), k odd -> (2, 2, C_out, C_in, n, n), n = (k + 1) / 2.
    """
    # With zeros w_-1 = w_k = 0 around the taps and s_i = w_i-1 + w_i for i = 0 .. k, one parity of output pixels has
    # the filter (s_0, s_2, ..) and the other (s_1, s_3, ..), n taps each. Which parity is first: a + r odd starts with
    # the lonely w_0 = s_0, so that for even r (n odd) the odd pixels have (s_0, ..), and the phases are flipped.
    count = (bank.shape[-1] + 1) // 2
    padded = pad(bank, (1, 1, 1, 1))
    rows = padded[..., :-1, :] + padded[..., 1:, :]
    sums = rows[..., :-1] + rows[..., 1:]
    # (C_out, C_in, n, parity of the row, n, parity of the column) -> (2, 2, C_out, C_in, n, n).
    filters = sums.unflatten(3, (count, 2)).unflatten(2, (count, 2)).permute(3, 5, 0, 1, 2, 4)
    return filters.flip(0, 1) if count % 2 else filters


def spread_taps(bank: Tensor) -> Tensor:
    """What one small pixel gives to the pixels around its four: every tap of a transposed convolution of stride 2.

    With a bank (.., k, k) of a convolution as it stands in torch, pixel y gets w_t of y + t - r, so that the four
    pixels of a small one give to each the sum of a window of 2 x 2 of the turned bank, zeros around it.

    Entries that the group makes equal stay the same bits: of four numbers the two smallest are added, the two largest,
    and both sums, which is the same to the last bit wherever they stand, and with all signs turned.

    Shapes: (.., k, k) -> (.., k + 1, k + 1).
    """
    padded = pad(bank.flip(-2, -1), (1, 1, 1, 1))
    ends = (slice(None, -1), slice(1, None))
    windows = torch.stack([padded[..., rows, columns] for rows in ends for columns in ends], dim=-1)
    ordered = windows.sort(dim=-1).values
    return (ordered[..., 0] + ordered[..., 1]) + (ordered[..., 2] + ordered[..., 3])


def interleave(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps of the four phases -> one map of twice the size.

    With an even number of taps a map has one row and one column too many: even phases lack the last, odd ones the
    first.

    Shapes: (B, 2, 2, C, H or H + 1, W or W + 1) -> (B, C, 2 H, 2 W).
    """
    down, right = maps.shape[4] - height, maps.shape[5] - width
    rows = []
    for a in (0, 1):
        top = a * down
        phases = [maps[:, a, c, :, top : top + height, c * right : c * right + width] for c in (0, 1)]
        rows.append(torch.stack(phases, dim=-1))
    return torch.stack(rows, dim=3).flatten(4, 5).flatten(2, 3)


def upsampled_convolution(
    in_type: FieldType,
    out_type: FieldType,
    kernel_size: int | None = None,
    *,
    upsample: bool,
    bias: bool = True,
    spectral_norm: bool | NormOf,
    band_limited: bool = False,
) -> tuple[Upsample | None, GroupConvolution | UpsampleConvolution]:
    """A convolution and what comes before it: off the grid the upsampling, on it nothing, for one layer does both.

    Kernels are of `filter_size` unless a size is given. With `band_limited` all is as off the grid.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> types = [regular_type(gspace(name), 1) for name in ("C4", "C8")]
        >>> for regular in types:
        ...     before, after = upsampled_convolution(regular, regular, upsample=True, spectral_norm=False)
        ...     print(type(before).__name__, type(after).__name__)
        NoneType UpsampleConvolution
        Upsample GroupConvolution
    """
    space = in_type.gspace
    size, mode = kernel_size or filter_size(space, band_limited), upsampling_mode(space, band_limited)
    if upsample and mode == "nearest":
        return None, UpsampleConvolution(in_type, out_type, size, bias=bias, spectral_norm=spectral_norm)
    convolution = GroupConvolution(
        in_type, out_type, size, bias=bias, spectral_norm=spectral_norm, band_limited=band_limited
    )
    return Upsample(in_type, 2, mode) if upsample else None, convolution


def filter_size(space: GSpace2D, band_limited: bool = False) -> int:
    """3, as in the paper; 5 for band-limited filters, as off the grid: 3x3 holds too few angular frequencies.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> filter_size(gspace("D4")), filter_size(gspace("C8"))
        (3, 5)
    """
    return 3 if is_grid_group(space) and not band_limited else 5


def upsampling_mode(space: GSpace2D, band_limited: bool = False) -> str:
    """Nearest, as in the paper; bilinear with band-limited filters, as off the grid: nearest errs several times more.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> upsampling_mode(gspace("D4")), upsampling_mode(gspace("C8"))
        ('nearest', 'bilinear')
    """
    return "nearest" if is_grid_group(space) and not band_limited else "bilinear"
