"""Networks in the group's Fourier basis, and binaries that are not what they were."""

import ctypes
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from escnn import nn as enn
from torch import nn

from steergan.kernels import library
from steergan.kernels.interface import ALGEBRAS
from steergan.layers import GroupConvolution, Pointwise, UpsampleConvolution
from steergan.layers.filters.path import choose_convolution
from steergan.symmetry import gspace, regular_type, trivial_type

C4 = gspace("C4")
HIDDEN = regular_type(C4, 3)


def require_kernels() -> None:
    """Skip a test where the compiled kernels can't be had."""
    if library.native() is None:
        pytest.skip(library.absence())


def layer_of(group: str, kind: type = GroupConvolution, kernel: int = 3, spectral_norm: bool = True) -> Any:
    """A convolution of regular fields, told to run in the Fourier form."""
    space = gspace(group)
    layer = kind(regular_type(space, 3), regular_type(space, 2), kernel, spectral_norm=spectral_norm)
    bias = (layer if kind is GroupConvolution else layer.convolution).bias
    nn.init.normal_(bias)
    choose_convolution(layer, "fourier")
    return layer


def convolution_network() -> enn.SequentialModule:
    """Two convolutions in the Fourier form, one of them after an upsampling."""
    image = trivial_type(C4, 1)
    network = enn.SequentialModule(
        GroupConvolution(image, HIDDEN, 3),
        Pointwise(HIDDEN, "relu"),
        GroupConvolution(HIDDEN, HIDDEN, 3),
        UpsampleConvolution(HIDDEN, HIDDEN, 3),
    )
    choose_convolution(network, "fourier")
    return network


class Wrong:
    """The kernels, with one function exchanged."""

    def __init__(self, **exchanged: Callable[..., int]) -> None:
        found = library.native()
        assert found is not None
        self.right, self.exchanged = found.functions, exchanged

    def __getattr__(self, name: str) -> Any:
        return self.exchanged.get(name) or getattr(self.right, name)


def loaded(monkeypatch: pytest.MonkeyPatch, **exchanged: Callable[..., int]) -> None:
    found = library.native()
    assert found is not None
    wrong: Any = Wrong(**exchanged)
    native = replace(found, functions=wrong)
    monkeypatch.setattr(library, "native", lambda: native)


def algebra_of(group: str) -> list[Any]:
    """Signal, filters, back and products, as the binary gives them."""
    found = library.native()
    assert found is not None
    sizes, order = np.zeros(4, dtype=np.int32), gspace(group).fibergroup.order()
    found.functions.steergan_algebra(ALGEBRAS[group], sizes.ctypes.data, None, None, None, None)
    arrays: list[Any] = [np.zeros(int(n) * order) for n in sizes[:3]] + [np.zeros(int(sizes[3]) * 3, np.int32)]
    found.functions.steergan_algebra(ALGEBRAS[group], sizes.ctypes.data, *(a.ctypes.data for a in arrays))
    return arrays


def with_number(monkeypatch: pytest.MonkeyPatch, part: int, position: int, value: float) -> None:
    """Have the binary give another number at one place of its algebra."""
    found = library.native()
    assert found is not None
    right: Any = found.functions
    kind: Any = ctypes.c_int32 if part == 3 else ctypes.c_double

    def algebra(number: int, sizes: int, *arrays: int | None) -> int:
        status = int(right.steergan_algebra(number, sizes, *arrays))
        address = arrays[part]
        if address is not None:
            kind.from_address(address + position * ctypes.sizeof(kind)).value = kind(value).value
        return status

    loaded(monkeypatch, steergan_algebra=algebra)
