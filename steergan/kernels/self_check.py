"""A first look at a library that was just loaded: small convolutions of integers, which have to be exact.

In numpy, because the first call may come from inside of torch's tracing or compilation, which would see it.
"""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steergan.errors import SteerganError
from steergan.kernels.fourier_basis import tap_tables
from steergan.kernels.interface import ALGEBRAS, INSTRUCTIONS, TYPES, Convolution, Sampled, call, call_samples
from steergan.symmetry import group_order, gspace, signed_permutation

Array = NDArray[Any]
BATCH, IN_FIELDS, OUT_FIELDS, HEIGHT, WIDTH, KERNEL_SIZE = SIZES = (2, 3, 2, 5, 7, 3)
"""No multiple of anything, so that vectors end inside of maps."""


def self_check(functions: ctypes.CDLL, instructions: str = "best") -> str | None:
    """What a library computes wrongly, or None: every group, number type and function, against the filter bank.

    Args:
        functions: the library.
        instructions: a key of `INSTRUCTIONS`.
    """
    assert instructions in INSTRUCTIONS
    for group in ALGEBRAS:
        for dtype in TYPES:
            try:
                wrong = _wrong_function(functions, group, dtype, instructions)
            except SteerganError as error:
                return str(error)
            if wrong:
                return f"{wrong} is wrong for {group} in {dtype}"
    for dtype in TYPES:
        if (name := _wrong_samples(functions, dtype, instructions)) is not None:
            return f"{name} is wrong in {dtype}"
    return None


def _wrong_function(functions: ctypes.CDLL, group: str, dtype: str, instructions: str) -> str | None:
    order = group_order(gspace(group))
    draw = np.random.default_rng(0)
    shapes = {
        "x": (BATCH, IN_FIELDS * order, HEIGHT, WIDTH),
        "w": (OUT_FIELDS, IN_FIELDS, order, KERNEL_SIZE, KERNEL_SIZE),
        "y": (BATCH, OUT_FIELDS * order, HEIGHT, WIDTH),
    }
    arrays = {name: draw.integers(-4, 5, shape).astype(dtype) for name, shape in shapes.items()}
    wanted = _gradients(**arrays, group=group)
    for name, operands, result in (
        ("steergan_convolve", "xw", "y"),
        ("steergan_convolve_adjoint", "yw", "x"),
        ("steergan_filter_gradient", "xy", "w"),
    ):
        found = np.full(shapes[result], np.nan, dtype)
        addresses = (arrays[operands[0]].ctypes.data, arrays[operands[1]].ctypes.data, found.ctypes.data)
        call(functions, name, Convolution(group, SIZES, dtype), addresses, instructions=instructions)
        if not np.array_equal(found, wanted[result]):
            return name
    return None


def _wrong_samples(functions: ctypes.CDLL, dtype: str, instructions: str) -> str | None:
    """The function that is wrong: of integers the leaky one has to be exact, ELU nearly, and their derivatives."""
    fields, pixels, size, out_size, samples = shape = (2, 3 * 7, 3, 2, 5)
    draw = np.random.default_rng(0)
    sampling, projection = (draw.integers(-2, 3, s).astype(dtype) for s in ((samples, size), (out_size, samples)))
    x, v = (draw.integers(-3, 4, (fields, size, pixels)).astype(dtype) for _ in range(2))
    g = draw.integers(-3, 4, (fields, out_size, pixels)).astype(dtype)
    a, b, c = sampling @ x, projection.T @ g, sampling @ v
    tiny = {"float32": 1e-4, "float64": 1e-12}[dtype]
    for function, derivatives, allowed in (
        ("leaky_relu", (np.where(a > 0, a, a / 2), np.where(a > 0, 1, 0.5), 0 * a), 0.0),
        ("elu", (np.where(a > 0, a, np.expm1(a)), np.where(a > 0, 1, np.exp(a)), np.where(a > 0, 0, np.exp(a))), tiny),
    ):
        value, first, second = derivatives
        wanted = {
            "steergan_samples": ((x,), (projection @ value,)),
            "steergan_samples_gradient": ((x, g), (sampling.T @ (first * b),)),
            "steergan_samples_second": ((x, g, v), (projection @ (first * c), sampling.T @ (second * b * c))),
        }
        sampled = Sampled(shape, dtype, function, 0.5, sampling.ctypes.data, projection.ctypes.data)
        for name, (operands, results) in wanted.items():
            found = [np.full(result.shape, np.nan, dtype) for result in results]
            addresses = tuple(array.ctypes.data for array in (*operands, *found))
            call_samples(functions, name, sampled, addresses, instructions=instructions)
            if not all(np.abs(f - r).max() <= allowed for f, r in zip(found, results, strict=True)):
                return name
    return None


def _gradients(x: Array, w: Array, y: Array, group: str) -> dict[str, Array]:
    """The gradients of <y, convolution(x, w)> by x, w and y, from the filter bank and unfolded maps."""
    place = _places(group)
    bank = w.reshape(OUT_FIELDS, IN_FIELDS, -1)[:, :, place]  # (O, C, G, G, k * k)
    bank = bank.swapaxes(1, 2).reshape(y.shape[1], x.shape[1], -1)
    patches = np.stack([shifted(x, *divmod(t, KERNEL_SIZE)) for t in range(KERNEL_SIZE**2)], axis=2)
    by_y = np.einsum("oit,bithw->bohw", bank, patches)
    spread = np.einsum("oit,bohw->bithw", bank, y)
    last = KERNEL_SIZE - 1
    by_x = sum(shifted(spread[:, :, t], *(last - i for i in divmod(t, KERNEL_SIZE))) for t in range(KERNEL_SIZE**2))
    by_bank = np.einsum("bohw,bithw->oit", y, patches)
    by_bank = by_bank.reshape(OUT_FIELDS, place.shape[0], IN_FIELDS, place.shape[1], -1).swapaxes(1, 2)
    by_w = np.stack([by_bank[:, :, place == i].sum(-1) for i in range(place.max() + 1)], axis=-1)
    return {"x": np.asarray(by_x), "w": by_w.reshape(w.shape), "y": by_y}


def _places(group: str) -> NDArray[np.int64]:
    """Where K[a, b](t) = w[a^-1 b](a^-1 t) stands in a filter: (G, G, k * k)."""
    action = signed_permutation(gspace(group).regular_repr)
    assert action is not None
    tap = tap_tables(gspace(group), KERNEL_SIZE).image.argsort(axis=1)  # [a, t] -> a^-1 t
    return action[0][:, :, None] * KERNEL_SIZE**2 + tap[:, None, :]  # action[0]: [a, b] -> a^-1 b


def shifted(maps: Array, row: int, column: int) -> Array:
    """Maps (B, C, H, W) seen through tap (row, column) of a filter, zeros around."""
    radius = KERNEL_SIZE // 2
    padded = np.pad(maps, ((0, 0), (0, 0), (radius, radius), (radius, radius)))
    return padded[:, :, row : row + maps.shape[2], column : column + maps.shape[3]]
