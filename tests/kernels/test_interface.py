"""native/interface.h and its mirror in Python, and what a call refuses."""

import re

import numpy as np
import pytest

from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.kernels.compiler import SOURCES
from steergan.kernels.interface import FUNCTIONS, INTERFACE_VERSION, Convolution, ConvolutionProblem, call


def test_structure_and_version_are_those_of_the_header() -> None:
    header = (SOURCES / "interface.h").read_text()
    body = re.sub(r"/\*.*?\*/", "", header.partition("struct SteerganConvolution {")[2].partition("};")[0], flags=re.S)
    declared = []
    for kind, names in re.findall(r"(int64_t|int32_t|const int32_t\*)\s+([\w, ]+);", body):
        declared += [(name.strip(), kind) for name in names.split(",")]
    kinds = {"int64_t": "c_long", "int32_t": "c_int", "const int32_t*": "c_void_p"}
    mirrored = [(name, kind.__name__.replace("longlong", "long")) for name, kind in ConvolutionProblem._fields_]
    assert mirrored == [(name, kinds[kind]) for name, kind in declared]
    assert f"#define STEERGAN_INTERFACE_VERSION {INTERFACE_VERSION}\n" in header
    assert set(re.findall(r"(steergan_\w+)\(", header)) == set(FUNCTIONS)


def test_a_call_that_the_library_refuses_names_the_convolution() -> None:
    found = library.native()
    if found is None:
        pytest.skip(f"no kernels: {library.absence()}")
    arrays = [np.zeros(1000, dtype=np.float32) for _ in range(3)]
    addresses = (arrays[0].ctypes.data, arrays[1].ctypes.data, arrays[2].ctypes.data)
    with pytest.raises(SteerganError, match=r"steergan_convolve: the convolution \(0, 1, .* of C4 fields is not one"):
        call(found.functions, "steergan_convolve", Convolution("C4", (0, 1, 1, 5, 5, 3), "float32"), addresses)
