"""native/interface.h in Python: its functions, their argument, and a call."""

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_void_p
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steergan.errors import SteerganError
from steergan.kernels.fourier_basis import tap_tables
from steergan.symmetry import gspace

INTERFACE_VERSION = 2
"""STEERGAN_INTERFACE_VERSION of interface.h."""
ALGEBRAS = {"C2": 0, "D1": 0, "C4": 1, "D2": 2, "D4": 3}
"""SteerganGroup, by group name."""
INSTRUCTIONS = {"best": 0, "portable": 1, "avx2": 2, "avx512": 3}
"""SteerganInstructions."""
TYPES = {"float32": 0, "float64": 1}
"""SteerganType."""
MAX_KERNEL = 11
"""The largest kernel size."""
MOST_SAMPLES = 144
"""STEERGAN_MOST_SAMPLES: of a field, and the largest number of its coefficients."""
POINTWISE = {"elu": 0, "leaky_relu": 1}
"""SteerganFunction."""
OUT_OF_MEMORY = 2


class ConvolutionProblem(ctypes.Structure):
    """struct SteerganConvolution; the tables are addresses of int32 arrays, which must outlive it."""

    _fields_ = (
        ("batch", c_int64),
        ("in_fields", c_int64),
        ("out_fields", c_int64),
        ("height", c_int64),
        ("width", c_int64),
        ("group", c_int32),
        ("type", c_int32),
        ("kernel", c_int32),
        ("threads", c_int32),
        ("instructions", c_int32),
        ("image", c_void_p),
        ("filter", c_void_p),
    )


class SamplesProblem(ctypes.Structure):
    """struct SteerganSamples; the matrices are addresses of arrays, which must outlive it."""

    _fields_ = (
        ("fields", c_int64),
        ("pixels", c_int64),
        ("in_size", c_int32),
        ("out_size", c_int32),
        ("samples", c_int32),
        ("type", c_int32),
        ("function", c_int32),
        ("threads", c_int32),
        ("instructions", c_int32),
        ("slope", c_double),
        ("sampling", c_void_p),
        ("projection", c_void_p),
    )


_CONVOLUTION = [POINTER(ConvolutionProblem), c_void_p, c_void_p, c_void_p]
FUNCTIONS = {
    "steergan_interface_version": (c_int32, []),
    "steergan_instructions": (c_char_p, []),
    "steergan_convolve": (c_int32, _CONVOLUTION),
    "steergan_convolve_adjoint": (c_int32, _CONVOLUTION),
    "steergan_filter_gradient": (c_int32, _CONVOLUTION),
    "steergan_samples": (c_int32, [POINTER(SamplesProblem), c_void_p, c_void_p]),
    "steergan_samples_gradient": (c_int32, [POINTER(SamplesProblem), c_void_p, c_void_p, c_void_p]),
    "steergan_samples_second": (c_int32, [POINTER(SamplesProblem), *[c_void_p] * 5]),
    "steergan_algebra": (c_int32, [c_int32, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p]),
}
"""Results and arguments."""


def declare(functions: ctypes.CDLL) -> None:
    """Tell ctypes the types of a library's functions.

    Raises:
        AttributeError: the library lacks one.
    """
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(functions, name)
        function.restype, function.argtypes = result, arguments


@cache
def _tables(group: str, kernel_size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    image, filters = tap_tables(gspace(group), kernel_size)
    return np.ascontiguousarray(image, dtype=np.int32), np.ascontiguousarray(filters, dtype=np.int32)


Sizes = tuple[int, int, int, int, int, int]
"""Batch, in fields, out fields, height, width, kernel size."""


class Convolution(NamedTuple):
    """What is to be convolved: regular fields of a group (a key of `ALGEBRAS`), in numbers of a type (of `TYPES`)."""

    group: str
    sizes: Sizes
    dtype: str


def call(
    functions: ctypes.CDLL,
    name: str,
    convolution: Convolution,
    addresses: tuple[int, int, int],
    threads: int = 1,
    instructions: str = "best",
) -> None:
    """Call one of a library's three operations.

    Args:
        functions: the library.
        name: of the function.
        convolution: its group, sizes and number type.
        addresses: of two operands and the result, which is filled; contiguous arrays of the shapes that the sizes give.
        threads: how many work on it.
        instructions: a key of `INSTRUCTIONS`.

    Raises:
        SteerganError: the library can't do it, or memory has run out.
    """
    group, sizes, dtype = convolution
    image, filters = _tables(group, sizes[-1])
    problem = ConvolutionProblem(
        *sizes[:5],
        group=ALGEBRAS[group],
        type=TYPES[dtype],
        kernel=sizes[-1],
        threads=threads,
        instructions=INSTRUCTIONS[instructions],
        image=image.ctypes.data,
        filter=filters.ctypes.data,
    )
    status = getattr(functions, name)(ctypes.byref(problem), *addresses)
    if status:
        why = "ran out of memory" if status == OUT_OF_MEMORY else "is not one that the kernels compute"
        raise SteerganError(f"{name}: the convolution {sizes} of {group} fields {why}")


class Sampled(NamedTuple):
    """A function of sampled fields.

    Attributes:
        shape: fields in the whole batch, pixels, numbers of a field before and behind, samples.
        dtype: a key of `TYPES`.
        function: a key of `POINTWISE`.
        slope: of leaky_relu below zero.
        sampling: address of the matrix (samples, numbers before).
        projection: address of the matrix (numbers behind, samples).
    """

    shape: tuple[int, int, int, int, int]
    dtype: str
    function: str
    slope: float
    sampling: int
    projection: int


def call_samples(
    functions: ctypes.CDLL,
    name: str,
    sampled: Sampled,
    addresses: tuple[int, ...],
    threads: int = 1,
    instructions: str = "best",
) -> None:
    """Call one of a library's three functions of samples.

    Args:
        functions: the library.
        name: of the function.
        sampled: what is computed.
        addresses: of the operands and then of the results, which are filled.
        threads: how many work on it.
        instructions: a key of `INSTRUCTIONS`.

    Raises:
        SteerganError: the library can't do it, or memory has run out.
    """
    problem = SamplesProblem(
        *sampled.shape,
        type=TYPES[sampled.dtype],
        function=POINTWISE[sampled.function],
        threads=threads,
        instructions=INSTRUCTIONS[instructions],
        slope=sampled.slope,
        sampling=sampled.sampling,
        projection=sampled.projection,
    )
    status = getattr(functions, name)(ctypes.byref(problem), *addresses)
    if status:
        why = "ran out of memory" if status == OUT_OF_MEMORY else "are not such as the kernels compute"
        raise SteerganError(f"{name}: samples of {sampled.shape} (fields, pixels, sizes, samples) {why}")
