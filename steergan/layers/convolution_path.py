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
    """

    convolution_choice = "auto"
    fourier_group: str | None = None

    def takes_fourier(self, x: Tensor, in_fields: int, out_fields: int) -> bool:
        """Whether the kernels compute this convolution of x.

        They do on CPUs, in float32 and float64, unless torch.jit traces a program (to export it), which can't hold them.
        """
        if self.fourier_group is None or self.convolution_choice == "dense":
            return False
        if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or torch.jit.is_tracing():  # type: ignore[attr-defined]
            return False
        if self.convolution_choice == "auto" and not pays(x, in_fields, out_fields):
            return False
        if kernels_are_there():
            return True
        library.say_once()
        return False


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def kernels_are_there() -> bool:
    """Whether this process has the kernels; builds them, the first time, if it can."""
    return library.native() is not None


def pays(x: Tensor, in_fields: int, out_fields: int) -> bool:
    """Whether the Fourier path is the faster one, by the sizes: a rule that was measured (docs/results.md)."""
    return in_fields * out_fields * x.shape[0] * x.shape[2] * x.shape[3] >= FEWEST_PRODUCTS


FEWEST_PRODUCTS = 2**15
"""Below so many pairs of fields times pixels a call costs more than the products that it saves."""


def fourier_group(in_type: FieldType, out_type: FieldType, kernel_size: int, padding: int) -> str | None:
    """The group in whose Fourier basis a convolution can be computed: regular fields, odd filters, the same size."""
    name = group_name(in_type.gspace)
    regular = all(r == in_type.gspace.regular_repr for r in in_type.representations + out_type.representations)
    same_size = kernel_size % 2 == 1 and padding == kernel_size // 2
    return name if name in ALGEBRAS and regular and same_size and kernel_size <= MAX_KERNEL else None


def fourier_paths(network: nn.Module) -> Iterator[FourierPath]:
    """The convolutions of a network that may have the Fourier path."""
    return (layer for layer in network.modules() if isinstance(layer, FourierPath))


def choose_convolution(network: nn.Module, choice: str) -> None:
    """Say for every group convolution of a network which way is to compute it, where the kernels are at hand.

    Raises:
        SteerganError: no such choice.
    """
    if choice not in CHOICES:
        raise SteerganError(f"convolution = {choice!r}; wanted: one of {', '.join(CHOICES)}")
    for layer in fourier_paths(network):
        layer.convolution_choice = choice


def uses_fourier(network: nn.Module) -> bool:
    """Whether the kernels, where they are at hand, may compute any convolution of the network in the Fourier basis."""
    return any(p.fourier_group is not None and p.convolution_choice != "dense" for p in fourier_paths(network))
