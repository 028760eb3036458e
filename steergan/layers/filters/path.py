"""Which way computes a group convolution: in the group's Fourier basis, or by the dense filter bank."""

from collections.abc import Iterator
from typing import NamedTuple, Self

import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.kernels.interface import ALGEBRAS, MAX_KERNEL
from steergan.layers.filters.matrices import BasisMatrix
from steergan.layers.filters.pixel_fields import PixelFields, group_of_pixels, pixel_fields, regular_count
from steergan.layers.shared_filters import FilteredLayer, serves
from steergan.layers.spectral_norm import full_precision
from steergan.symmetry import group_order, gspace

CHOICES = ("auto", "fourier", "dense")
"""Fourier where it pays; wherever it is possible; never."""


class ByKernels:
    """A layer that the compiled kernels may compute.

    Attributes:
        convolution_choice: one of `CHOICES`.
    """

    convolution_choice = "auto"

    @property
    def wants_kernels(self) -> bool:
        """Whether they are to, where they are at hand."""
        raise NotImplementedError


class FourierPath(FilteredLayer, ByKernels):
    """A convolution that may have the Fourier path.

    Attributes:
        fourier_group: the group in whose Fourier basis it can be computed, or None: the pixel group of the fields'.
        fourier_fields: how the channels are regular fields of that group; None where they are, and filters gathered.
        fourier_pays: whether that is the faster way.
        channels_last: whether dense convolutions get the channels of a pixel side by side in memory.
    """

    kernel_size: int
    fourier_group: str | None = None
    fourier_fields: "FourierFields | None" = None
    fourier_pays = False
    channels_last = False

    def find_fourier_form(
        self, in_type: FieldType, out_type: FieldType, kernel_size: int, padding: int, gathered: bool
    ) -> None:
        """Set what says whether, how, and with what gain the convolution has the Fourier path.

        Args:
            in_type: of its input.
            out_type: of its output.
            kernel_size: taps a side.
            padding: zeros on every side.
            gathered: whether every entry of the filters is a free weight: then weights serve the kernels as they are.
        """
        same_size = kernel_size % 2 == 1 and padding == kernel_size // 2 and kernel_size <= MAX_KERNEL
        if not same_size or not saves_products(in_type, out_type):
            return
        fields = FourierFields.of(in_type, out_type)
        self.fourier_group = fields.into.group
        self.fourier_pays = fields.pay(kernel_size)
        self.fourier_fields = None if fields.plain and gathered else fields

    def arranged(self, tensor: Tensor) -> Tensor:
        """A map or a bank, (., C, H, W), as dense convolutions want it in memory."""
        return tensor.contiguous(memory_format=torch.channels_last) if self.channels_last else tensor

    @property
    def wants_fourier(self) -> bool:
        """Whether it can be computed so, and is to be."""
        wanted = self.convolution_choice == "fourier" or (self.convolution_choice == "auto" and self.fourier_pays)
        return wanted and self.fourier_group is not None

    @property
    def wants_kernels(self) -> bool:
        """Whether the kernels are to compute it."""
        return self.wants_fourier

    def filter_bank(self) -> Tensor:
        """`filter_matrix` as a bank, (C_out, C_in, k, k)."""
        raise NotImplementedError

    def fourier_filter(self) -> Tensor:
        """What the kernels take instead of the bank, (out fields, in fields, |H|, k, k); iterates as the bank does."""
        made = self.shared.reduced
        if made is None or not serves(made, self.filter_weights()):
            with full_precision(self.filter_weights()[0]):
                made = self._reduced_filter()
            if self.shared.depth:
                self.shared.reduced = made
        return made

    def _reduced_filter(self) -> Tensor:
        fields, k = self.fourier_fields, self.kernel_size
        if fields is None:
            return self.normalized_weight().unflatten(2, (-1, k, k))
        gathered = self.gathered_filter()
        if isinstance(gathered, BasisMatrix):
            basis = fields.reduced_basis(gathered.basis, k * k)
            if basis is not None:
                # As the bank is made, of those rows alone that are wanted.
                rows = torch.einsum("ocb,bsl->oscl", self._normalized(gathered.weight, gathered), basis)
                return rows.reshape(fields.out.count, -1, fields.into.size, k, k)
        return fields.reduced(self.filter_bank())

    def takes_fourier(self, x: Tensor) -> bool:
        """Whether the kernels compute this convolution of x: on CPUs, in float32 and float64."""
        if not self.wants_fourier:
            return False
        if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
            return False
        if kernels_are_there():
            return True
        library.say_once()
        return False


def kernels_are_there() -> bool:
    """Whether this process has the kernels; builds them, the first time, if it can."""
    return library.native() is not None


# What torch.compiler.assume_constant_result does, which would import the compiler: seconds of every start.
kernels_are_there._dynamo_marked_constant = True  # type: ignore[attr-defined]


PRODUCTS = {"C2": 2, "D1": 2, "C4": 5, "D2": 4, "D4": 12}
"""Of a tap and a pair of regular fields; the dense bank has |G|^2."""
FEWEST_PAIRS = {"D4": 32, "D2": 64, "C4": 128, "C2": 1024, "D1": 1024}
"""With so many in fields times out fields, the products that are saved outweigh the transforms and the call."""
POINTWISE = 16
"""1 x 1 kernels need so many times as many: a transform serves one tap."""
SPEED = {"D4": 2.2, "D2": 1.7, "C4": 1.4, "C2": 1.1, "D1": 1.1}
"""How many products of a dense convolution take as long as one of the same regular fields in the Fourier basis."""


def pays(group: str, kernel_size: int, in_fields: int, out_fields: int) -> bool:
    """Whether the Fourier path is the faster one: a rule that was measured, see docs/convolution.md."""
    return in_fields * out_fields >= FEWEST_PAIRS[group] * (POINTWISE if kernel_size == 1 else 1)


def saves_products(in_type: FieldType, out_type: FieldType) -> bool:
    """Whether the pixel group's Fourier basis has fewer products than the bank, padded as the channels need it."""
    group = group_of_pixels(in_type.gspace)
    if group not in ALGEBRAS:
        return False
    return PRODUCTS[group] * regular_count(in_type) * regular_count(out_type) < in_type.size * out_type.size


class FourierFields(NamedTuple):
    """The channels before and after a convolution as regular fields of the pixel group."""

    into: PixelFields
    out: PixelFields

    @classmethod
    def of(cls, in_type: FieldType, out_type: FieldType) -> Self:
        """Fields in and out by the pixel group, of field types whose pixel group is not trivial."""
        into, out = pixel_fields(in_type), pixel_fields(out_type)
        assert into is not None
        assert out is not None
        return cls(into, out)

    @property
    def plain(self) -> bool:
        """Whether channels are regular fields of the pixel group as they stand."""
        return self.into.plain and self.out.plain

    @property
    def permute(self) -> bool:
        """Whether channels are only put into another order."""
        return self.into.matrix is None and self.out.matrix is None

    def pay(self, kernel_size: int) -> bool:
        """Whether the Fourier path is faster than the bank between the channels, with all that leads there and back."""
        group, into, out = self.into.group, self.into, self.out
        enough = pays(group, kernel_size, into.count, out.count)
        if self.plain or not enough:
            return enough
        taps, padded = kernel_size**2, into.count * out.count * group_order(gspace(group)) ** 2
        return padded * taps / SPEED[group] + into.work + out.work < into.channels * out.channels * taps

    def reduced(self, bank: Tensor) -> Tensor:
        """What the kernels take of a bank, (C_out, C_in, k, k) -> (out fields, in fields, |H|, k, k)."""
        return self.into.to_regular(self.out.identity_rows(bank)).unflatten(1, (-1, self.into.size))

    def reduced_basis(self, basis: Tensor, taps: int) -> Tensor | None:
        """A basis of banks between single fields, reduced as they are; None where blocks of channels are no fields.

        Shapes: (count, out size, in size * k * k) -> (count, out fields, in fields * |H| * k * k).
        """
        into, out, rows = self.into.block, self.out.block, basis.shape[1]
        if out.channels != rows or into.channels * taps != basis.shape[2]:
            return None
        reduced = out.identity_rows(basis.transpose(0, 1)).reshape(-1, into.channels, taps)
        return into.to_regular(reduced).reshape(out.count, len(basis), -1).transpose(0, 1)


def fourier_paths(network: nn.Module) -> Iterator[FourierPath]:
    """The convolutions of a network that may have the Fourier path."""
    return (layer for layer in network.modules() if isinstance(layer, FourierPath))


def choose_convolution(network: nn.Module, choice: str) -> None:
    """Say for every group convolution of a network which way is to compute it, where the kernels are at hand.

    Functions of Fourier fields follow: "dense" is the choice of torch's own operators for them, too.

    Raises:
        SteerganError: no such choice.

    Examples:
        >>> from steergan.layers import GroupConvolution
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("D4"), 1)
        >>> network = nn.Sequential(GroupConvolution(regular, regular, 3))
        >>> choose_convolution(network, "fourier")
        >>> uses_fourier(network)
        True
    """
    if choice not in CHOICES:
        raise SteerganError(f"convolution = {choice!r}; wanted: one of {', '.join(CHOICES)}")
    for layer in network.modules():
        if isinstance(layer, ByKernels):
            layer.convolution_choice = choice


MEMORY_FORMATS = ("contiguous", "channels-last")


def choose_memory_format(network: nn.Module, name: str) -> None:
    """Say for every group convolution of a network how the maps of its dense path lie in memory.

    Raises:
        SteerganError: no such format.

    Examples:
        >>> from steergan.layers import GroupConvolution
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("D4"), 1)
        >>> convolution = GroupConvolution(regular, regular, 3)
        >>> choose_memory_format(convolution, "channels-last")
        >>> convolution.channels_last
        True
    """
    if name not in MEMORY_FORMATS:
        raise SteerganError(f"memory_format = {name!r}; wanted: one of {', '.join(MEMORY_FORMATS)}")
    for layer in fourier_paths(network):
        layer.channels_last = name == "channels-last"


def uses_fourier(network: nn.Module) -> bool:
    """Whether the kernels, where they are at hand, compute any layer of the network."""
    return any(layer.wants_kernels for layer in network.modules() if isinstance(layer, ByKernels))
