"""Which way computes a group convolution: in the group's Fourier basis, or by the dense filter bank."""

from collections.abc import Iterator

import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.kernels.interface import ALGEBRAS, MAX_KERNEL
from steergan.symmetry import group_name

CHOICES = ("auto", "fourier", "dense")
"""Fourier where it pays; wherever it is possible; never."""


class FourierPath(nn.Module):
    """A convolution that may have the Fourier path.

    Attributes:
        convolution_choice: one of `CHOICES`.
        fourier_group: the group in whose Fourier basis it can be computed, or None.
        fourier_pays: whether that is the faster way.
        channels_last: whether dense convolutions get the channels of a pixel side by side in memory.
    """

    convolution_choice = "auto"
    fourier_group: str | None = None
    fourier_pays = False
    channels_last = False

    def arranged(self, tensor: Tensor) -> Tensor:
        """A map or a bank, (., C, H, W), as dense convolutions want it in memory."""
        return tensor.contiguous(memory_format=torch.channels_last) if self.channels_last else tensor

    @property
    def wants_fourier(self) -> bool:
        """Whether it can be computed so, and is to be."""
        wanted = self.convolution_choice == "fourier" or (self.convolution_choice == "auto" and self.fourier_pays)
        return wanted and self.fourier_group is not None

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


FEWEST_PAIRS = {"D4": 32, "D2": 64, "C4": 128, "C2": 1024, "D1": 1024}
"""With so many in fields times out fields, the products that are saved outweigh the transforms and the call."""
POINTWISE = 16
"""1 x 1 kernels need so many times as many: a transform serves one tap."""


def pays(group: str, kernel_size: int, in_fields: int, out_fields: int) -> bool:
    """Whether the Fourier path is the faster one: a rule that was measured, see docs/convolution.md."""
    return in_fields * out_fields >= FEWEST_PAIRS[group] * (POINTWISE if kernel_size == 1 else 1)


def fourier_group(in_type: FieldType, out_type: FieldType, kernel_size: int, padding: int) -> str | None:
    """The group in whose Fourier basis a convolution can be computed: regular fields, odd filters, the same size."""
    name = group_name(in_type.gspace)
    if name not in ALGEBRAS:
        return None
    regular = all(r == in_type.gspace.regular_repr for r in in_type.representations + out_type.representations)
    same_size = kernel_size % 2 == 1 and padding == kernel_size // 2
    return name if regular and same_size and kernel_size <= MAX_KERNEL else None


def fourier_paths(network: nn.Module) -> Iterator[FourierPath]:
    """The convolutions of a network that may have the Fourier path."""
    return (layer for layer in network.modules() if isinstance(layer, FourierPath))


def choose_convolution(network: nn.Module, choice: str) -> None:
    """Say for every group convolution of a network which way is to compute it, where the kernels are at hand.

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
    for layer in fourier_paths(network):
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
    """Whether the kernels, where they are at hand, compute any convolution of the network in the Fourier basis."""
    return any(path.wants_fourier for path in fourier_paths(network))
