"""What a library is told to compute before it is trusted."""

import ctypes
from collections.abc import Sequence
from typing import Any

import pytest

from steergan.kernels import library, self_check
from steergan.kernels.interface import INSTRUCTIONS, Convolution, Sampled, call, call_samples


@pytest.fixture
def kernels() -> library.NativeLibrary:
    found = library.native()
    if found is None:
        pytest.skip(f"no kernels: {library.absence()}")
    return found


@pytest.mark.parametrize("instructions", INSTRUCTIONS)
def test_the_kernels_are_right_with_every_instruction_set_of_this_processor(
    kernels: library.NativeLibrary, instructions: str
) -> None:
    said = self_check.self_check(kernels.functions, instructions)
    if said is not None and "is not one that the kernels compute" in said:
        assert instructions in ("avx2", "avx512")  # plain C++ runs everywhere
        pytest.skip(f"this processor has no {instructions}")
    assert said is None


@pytest.mark.parametrize("name", ["steergan_convolve", "steergan_convolve_adjoint", "steergan_filter_gradient"])
def test_a_function_that_is_wrong_for_one_group_is_named(
    kernels: library.NativeLibrary, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def wrong(
        functions: ctypes.CDLL, function: str, convolution: Convolution, addresses: Sequence[int], **options: Any
    ) -> None:
        call(functions, function, convolution, tuple(addresses), **options)  # type: ignore[arg-type]
        if (function, convolution.group, convolution.dtype) == (name, "D2", "float32"):
            ctypes.cast(addresses[2], ctypes.POINTER(ctypes.c_float))[3] += 1

    monkeypatch.setattr(self_check, "call", wrong)
    assert self_check.self_check(kernels.functions) == f"{name} is wrong for D2 in float32"


@pytest.mark.parametrize("name", ["steergan_samples", "steergan_samples_gradient", "steergan_samples_second"])
def test_a_function_of_samples_that_is_wrong_is_named(
    kernels: library.NativeLibrary, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def wrong(
        functions: ctypes.CDLL, function: str, sampled: Sampled, addresses: tuple[int, ...], **options: Any
    ) -> None:
        call_samples(functions, function, sampled, addresses, **options)
        if (function, sampled.function, sampled.dtype) == (name, "elu", "float64"):
            ctypes.cast(addresses[-1], ctypes.POINTER(ctypes.c_double))[3] += 1e-10

    monkeypatch.setattr(self_check, "call_samples", wrong)
    assert self_check.self_check(kernels.functions) == f"{name} is wrong in float64"
