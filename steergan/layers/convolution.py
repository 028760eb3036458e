"""Convolutions between fields that commute with the group."""

from contextlib import nullcontext
from typing import Any, Self

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor, R2Conv
from torch import Tensor

from steergan.errors import SteerganError, SymmetryError
from steergan.kernels.operators import convolve
from steergan.layers.bank_transfer import BankTransfer
from steergan.layers.fields import bias_places, field_kinds, typed_tensor
from steergan.layers.filters.conversion import (
    check_convertible,
    check_plain,
    make_r2conv,
    one_padding,
)
from steergan.layers.filters.expansion import pair_expansion
from steergan.layers.filters.initialisation import normal_weights, orthogonal_weights
from steergan.layers.filters.matrices import BasisMatrix, GatheredMatrix
from steergan.layers.filters.path import FourierPath
from steergan.layers.kept import buffers_of
from steergan.layers.spectral_norm import NormOf, full_precision
from steergan.symmetry import is_grid_group, signed_permutation


class GroupConvolution(EquivariantModule, BankTransfer, FourierPath):
    """A stride-1 convolution over equivariant filters: all of them on the pixel grid, else escnn's band-limited ones.

    With a group that permutes pixels (trivial, C2, C4, D1, D2, D4) and signed permutation representations (trivial,
    regular, quotient, irreps), the filter bank is a gather of free weights, one per orbit of (out channel, in channel,
    tap). Weights are (out fields, in fields, orbits) for each pair of representations, in order of first appearance
    (`weights.0`, ...); regular -> regular has orbits (|G|, k, k), the identity rows of the bank. Initialised
    orthogonally, a row being an out field. Otherwise weights are coefficients of escnn's basis, normal at first.

    Args:
        in_type: any field type.
        out_type: a field type of the same gspace.
        kernel_size: taps along one side. An even one changes the size by one pixel; exact too.
        padding: zeros on every side; None means kernel_size // 2.
        bias: one per field of a permutation representation, the same for all its channels; on sums of irreps one per
            trivial irrep; none on other fields.
        spectral_norm: divide the bank by the largest singular value of itself, as a matrix (out channels, the rest):
            "bank", or True; or of its free weights: "weights", see `weight_matrix`.
        band_limited: escnn's band-limited filters on the pixel grid, too; as elsewhere, which groups are compared with.

    Shapes: (B, C_in, H, W) -> (B, C_out, H + 2 padding - kernel_size + 1, the same of W).
    Symmetry: equivariant; exact to rounding for grid groups. For others, to 1e-6 at multiples of 90 degrees, and
        approximately between.

    Raises:
        SteerganError: the map is smaller than the kernel (when asked for the output shape).
        SymmetryError: the types are of different gspaces; the kernel size or padding is not a single integer; no filter
            but zero is equivariant.
    Source: Cohen and Welling 2016, section 6; Dey et al. 2021, section 2.2. Orthogonal initialisation: Dey et al., C.2.
    Differs: filters for any signed permutation representation, not only regular ones.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> space = gspace("C4")
        >>> lift = GroupConvolution(trivial_type(space, 1), regular_type(space, 2), 3)
        >>> [tuple(weight.shape) for weight in lift.weights], tuple(lift.filter_bank().shape)
        ([(2, 1, 9)], (8, 1, 3, 3))
        >>> image, quarter = lift.in_type(torch.randn(1, 1, 6, 6)), space.fibergroup.element(1)
        >>> turned, wanted = lift(image.transform(quarter)), lift(image).transform(quarter)
        >>> torch.allclose(turned.tensor, wanted.tensor, atol=1e-5)
        True
    """

    bias: torch.nn.Parameter | None
    bias_index: Tensor
    out_order: Tensor | None
    in_order: Tensor | None

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        *,
        padding: int | None = None,
        bias: bool = True,
        spectral_norm: bool | NormOf = False,
        band_limited: bool = False,
    ) -> None:
        super().__init__()
        _check_arguments(in_type, out_type, kernel_size, padding)
        self.in_type, self.out_type = in_type, out_type
        self.kernel_size, self.band_limited = kernel_size, band_limited
        self.padding = kernel_size // 2 if padding is None else padding
        self._out_kinds, self._in_kinds = field_kinds(out_type), field_kinds(in_type)
        self._expand_pairs()
        self.find_fourier_form(in_type, out_type, kernel_size, self.padding, self.exact)
        self._order_channels()
        self._add_bias(bias)
        self.reset_parameters()
        self.start_spectral_norm(spectral_norm)

    def _expand_pairs(self) -> None:
        kinds = self._out_kinds + self._in_kinds
        space = self.in_type.gspace
        gathered = is_grid_group(space) and all(signed_permutation(k.representation) is not None for k in kinds)
        self.exact = gathered and not self.band_limited
        self.expansions = torch.nn.ModuleList()
        self.weights = torch.nn.ParameterList()
        self._pair_number: dict[tuple[int, int], int] = {}
        for o, out in enumerate(self._out_kinds):
            for i, into in enumerate(self._in_kinds):
                expansion = pair_expansion(space, out.representation, into.representation, self.kernel_size, self.exact)
                if expansion is not None:
                    self._pair_number[o, i] = len(self.weights)
                    self.expansions.append(expansion)
                    self.weights.append(torch.empty(len(out.fields), len(into.fields), expansion.count))
        if not self.weights:
            raise SymmetryError(
                f"no {self.kernel_size} x {self.kernel_size} filter but zero maps {self.in_type} to {self.out_type} "
                "equivariantly; use a larger kernel or other fields"
            )

    def _order_channels(self) -> None:
        """Remember how to bring the bank from the order of representations to the field types' own order."""
        for name, kinds in (("out_order", self._out_kinds), ("in_order", self._in_kinds)):
            channels = torch.tensor([channel for kind in kinds for channel in kind.channels])
            in_order = bool((channels.diff() > 0).all())
            self.register_buffer(name, None if in_order else channels.argsort(), persistent=False)

    def _add_bias(self, wanted: bool) -> None:
        index, count = bias_places(self.out_type)
        self.register_parameter("bias", torch.nn.Parameter(torch.empty(count)) if wanted and count else None)
        if self.bias is not None:
            self.register_buffer("bias_index", torch.tensor(index), persistent=False)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Orthogonal weights (escnn's basis: normal ones) and zero bias; every row of the bank has length about 1."""
        if self.bias is not None:
            self.bias.zero_()
        for o in range(len(self._out_kinds)):
            numbers = [n for (out, _), n in self._pair_number.items() if out == o]
            weights = [self.weights[n] for n in numbers]
            expansions: list[Any] = [self.expansions[n] for n in numbers]
            if self.exact and weights:
                orthogonal_weights(weights, [e.scale for e in expansions])
            elif weights:
                normal_weights(weights, [e.basis for e in expansions])

    def filter_weights(self) -> list[Tensor]:
        """One parameter, (out fields, in fields, free weights), for each pair of representations that has any."""
        return list(self.weights)

    def filter_constants(self) -> list[Tensor]:
        """Tables or bases, and the order of channels."""
        return buffers_of(self, *self.expansions)

    def raw_filter(self) -> Tensor:
        """The bank before spectral normalisation, (C_out, C_in * k * k)."""
        bank = self._assemble([e(w) for e, w in zip(self.expansions, self.weights, strict=True)])
        return bank.flatten(1)

    def weight_matrix(self) -> Tensor:
        """Block-diagonal, a block for each representation of the output: (its fields, free weights from all inputs)."""
        blocks = []
        for o in range(len(self._out_kinds)):
            own = [self.weights[n].flatten(1) for (out, _), n in self._pair_number.items() if out == o]
            blocks += [torch.cat(own, dim=1)] if own else []
        return blocks[0] if len(blocks) == 1 else torch.block_diag(*blocks)

    def gathered_filter(self) -> GatheredMatrix | BasisMatrix | None:
        """There for one pair of representations, unless its bank is its weights."""
        one_pair = len(self._out_kinds) == len(self._in_kinds) == 1
        expansion: Any = self.expansions[0]
        if not one_pair or expansion.is_identity:
            return None
        if not self.exact:
            return BasisMatrix(self.weights[0], expansion.basis)
        return GatheredMatrix(self.weights[0], expansion.table)

    def expanded(self, weight: Tensor) -> Tensor:
        """(out fields, in fields, orbits) -> the bank as a matrix, (C_out, C_in * k * k)."""
        return self._assemble([self.expansions[0](weight)]).flatten(1)

    def _assemble(self, blocks: list[Tensor]) -> Tensor:
        """Blocks (n_out, out size, n_in, in size * taps) of the pairs -> the bank, in the types' own channel order."""
        taps = self.kernel_size**2
        if len(self._out_kinds) == len(self._in_kinds) == 1:
            return blocks[0].reshape(self.out_type.size, self.in_type.size, taps)
        rows = []
        for o, out in enumerate(self._out_kinds):
            row = []
            for i, into in enumerate(self._in_kinds):
                shape = (len(out.channels), len(into.channels), taps)
                number = self._pair_number.get((o, i))
                row.append(blocks[0].new_zeros(shape) if number is None else blocks[number].reshape(shape))
            rows.append(torch.cat(row, dim=1))
        bank = torch.cat(rows)
        if self.out_order is not None:
            bank = bank.index_select(0, self.out_order)
        return bank if self.in_order is None else bank.index_select(1, self.in_order)

    def filter_bank(self) -> Tensor:
        """`filter_matrix` as a bank, (C_out, C_in, k, k)."""
        return self.filter_matrix().unflatten(1, (-1, self.kernel_size, self.kernel_size))

    def channel_bias(self) -> Tensor | None:
        """The bias of every channel, (C_out,)."""
        return None if self.bias is None else self._spread_bias()

    def kept_bias(self) -> Tensor | None:
        """`channel_bias` for forwards, kept between them."""
        return None if self.bias is None else self.kept("bias", self._spread_bias, [self.bias])

    def _spread_bias(self) -> Tensor:
        assert self.bias is not None
        padded = torch.cat([self.bias, self.bias.new_zeros(1)])  # for channels without a bias
        return padded.index_select(0, self.bias_index)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, H + 2 padding - kernel_size + 1, the same of W)."""
        tensor = typed_tensor(self, x)
        if self.takes_fourier(tensor):
            return self.out_type(self.fourier_convolution(tensor))
        bank, bias = self.kept("bank", lambda: self.arranged(self.filter_bank())), self.kept_bias()
        if tensor.shape[2:] == (1, 1) and self.padding == self.kernel_size - 1:
            # A single pixel meets every tap once: no need to multiply by the zeros around it.
            out = torch.einsum("bc,ochw->bohw", tensor[:, :, 0, 0], bank.flip(2, 3))
            return self.out_type(out if bias is None else out + bias[:, None, None])
        image, bank = self.arranged(tensor), self.arranged(bank)
        return self.out_type(torch.nn.functional.conv2d(image, bank, bias, padding=self.padding))

    def fourier_convolution(self, x: Tensor) -> Tensor:
        """What a forward computes, in the pixel group's Fourier basis; for layers that have a `fourier_group`."""
        assert self.fourier_group is not None
        weight, fields, bias = self.kept("weight", self.fourier_filter), self.fourier_fields, self.kept_bias()
        with full_precision(x) if fields is not None else nullcontext():
            into = x if fields is None else fields.into.to_regular(x)
            out: Tensor = convolve(into, weight, self.fourier_group, False)
            out = out if fields is None else fields.out.from_regular(out)
        return out if bias is None else out + bias[:, None, None]

    @torch.no_grad()
    def export(self) -> torch.nn.Conv2d:
        """A plain convolution with this filter bank, spectral norm divided, and this bias."""
        return self.plain_convolution(padding=self.padding)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, height, width = input_shape
        change = 2 * self.padding - self.kernel_size + 1
        if min(height, width) + change < 1:
            this = f"GroupConvolution (kernel {self.kernel_size}, padding {self.padding})"
            raise SteerganError(f"{this} got a {height} x {width} map; its kernel needs a larger one")
        return (batch, self.out_type.size, height + change, width + change)

    @classmethod
    @torch.no_grad()
    def from_r2conv(cls, convolution: R2Conv) -> Self:
        """A layer that computes what an escnn `R2Conv` does, whatever its band limit (off the grid: the default).

        Args:
            convolution: stride, dilation and groups 1, zero padding, in either mode; it is left as it is.

        Raises:
            SymmetryError: it cannot be expressed, for what it is or for its weights or bias.
        """
        check_convertible(convolution)
        check_plain(convolution)
        layer = cls(
            convolution.in_type,
            convolution.out_type,
            convolution.kernel_size,
            padding=one_padding(convolution),
            bias=convolution.bias is not None,
        )
        layer.take_over(convolution)
        return layer

    @torch.no_grad()
    def to_r2conv(self) -> R2Conv:
        """An escnn `R2Conv` that computes the same function, in training mode; a spectral norm is divided out for good.

        Raises:
            SymmetryError: escnn's basis cannot hold the filter bank (even kernels, or larger than 5 x 5).
        """
        bias, padding = self.channel_bias(), self.padding
        return make_r2conv(
            self.in_type, self.out_type, self.bank_to_give(), bias=bias, full_band=self.exact, padding=padding
        )


def _check_arguments(in_type: FieldType, out_type: FieldType, kernel_size: int, padding: int | None) -> None:
    if in_type.gspace != out_type.gspace:
        raise SymmetryError(f"in_type is of {in_type.gspace.name}, out_type of {out_type.gspace.name}; use one gspace")
    if not isinstance(kernel_size, int) or kernel_size < 1:
        raise SymmetryError(f"kernel size {kernel_size!r}: one int of at least 1 was wanted (filters are square)")
    if padding is not None and (not isinstance(padding, int) or padding < 0):
        raise SymmetryError(f"padding {padding!r}: one int of at least 0 was wanted, the same on every side")
