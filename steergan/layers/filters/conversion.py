"""Filter banks and biases out of escnn's `R2Conv`, and into it."""

from typing import Any, TypeAlias

import numpy as np
import torch
from escnn.nn import FieldType, R2Conv, R2ConvTransposed
from scipy.sparse.linalg import LinearOperator, lsqr
from torch import Tensor

from steergan.errors import SymmetryError

FULL_BAND = 4.0
"""The frequency cutoff at which escnn's basis holds every equivariant filter up to 5 x 5, and none that is not."""

AnyR2Conv: TypeAlias = "R2Conv | R2ConvTransposed"

PLAIN = {"stride": 1, "dilation": 1, "padding_mode": "zeros"}
"""Of convolutions that `GroupConvolution` can be."""

EXPORT_TOLERANCE = 1e-5
"""Largest relative difference between a filter bank and its export: escnn samples its basis in float32."""


def check_convertible(convolution: AnyR2Conv) -> None:
    """Refuse what no layer of ours can be.

    Raises:
        SymmetryError: groups are not 1, or stride, dilation or padding differ between the sides.
    """
    if convolution.groups != 1:
        raise SymmetryError(f"{_name(convolution)} has groups {convolution.groups!r}; only 1 can be converted")
    for name in ("stride", "dilation"):
        found = getattr(convolution, name)
        if not isinstance(found, int):
            raise SymmetryError(f"{_name(convolution)} has {name} {found!r}; a single int can be converted")
    one_padding(convolution)


def check_plain(convolution: R2Conv) -> None:
    """Refuse what `GroupConvolution` cannot be, and `StridedConvolution` may.

    Raises:
        SymmetryError: stride or dilation are not 1, or padding is not of zeros.
    """
    for name, wanted in PLAIN.items():
        found = getattr(convolution, name)
        if found != wanted:
            raise SymmetryError(f"R2Conv has {name} {found!r}; StridedConvolution.from_r2conv takes it")


def is_plain(convolution: R2Conv) -> bool:
    """Whether its stride and dilation are 1, and its padding of zeros."""
    return all(getattr(convolution, name) == wanted for name, wanted in PLAIN.items())


def one_padding(convolution: AnyR2Conv) -> int:
    """The padding of all sides.

    Raises:
        SymmetryError: they differ.
    """
    found = convolution.padding
    sides = {found} if isinstance(found, int) else set(found)
    if len(sides) != 1:
        raise SymmetryError(f"{_name(convolution)} has padding {found!r}; one for all sides can be converted")
    return int(sides.pop())


def _name(convolution: AnyR2Conv) -> str:
    return type(convolution).__name__


@torch.no_grad()
def bank_of(convolution: AnyR2Conv) -> Tensor:
    """The filter bank of its present weights, (C_out, C_in, k, k), in either mode."""
    size = convolution.kernel_size
    bank: Tensor = convolution.basisexpansion(convolution.weights).unflatten(-1, (size, size))
    return bank


@torch.no_grad()
def bias_of(convolution: AnyR2Conv) -> Tensor:
    """The bias of every channel, (C_out,)."""
    if convolution.bias is None:
        return torch.zeros(convolution.out_type.size)
    bias: Tensor = convolution.bias_expansion @ convolution.bias
    return bias


def make_r2conv(
    in_type: FieldType, out_type: FieldType, bank: Tensor, bias: Tensor | None, full_band: bool, **windows: Any
) -> R2Conv:
    """An `R2Conv` with this filter bank (C_out, C_in, k, k), this bias (C_out,), and windows as it takes them.

    Raises:
        SymmetryError: escnn's basis does not hold the bank or the bias.
    """
    convolution = R2Conv(
        in_type,
        out_type,
        bank.shape[-1],
        **windows,
        bias=bias is not None,
        initialize=False,
        # A copy of the basis, which no other layer shares, so that its dtype can change here.
        recompute=True,
        frequencies_cutoff=FULL_BAND if full_band else None,
    )
    _fill(convolution, bank, bias)
    return convolution.to(bank.dtype)


def restored_convolution(like: AnyR2Conv, bank: Tensor, bias: Tensor | None, wider: bool) -> AnyR2Conv:
    """A convolution of escnn's with this bank and bias.

    Args:
        like: a copy of one with the same fields and windows, which is filled and returned.
        bank: (C_out, C_in, k, k).
        bias: (C_out,).
        wider: where its basis does not hold the bank, take the full one.

    Raises:
        SymmetryError: the basis does not hold them.
    """
    like = like.train().cpu()
    bank, bias = bank.cpu(), None if bias is None else bias.cpu()
    try:
        _fill(like, bank, bias)
    except SymmetryError:
        if not wider:
            raise
        names = ("stride", "padding", "dilation", *(["output_padding"] if _is_transposed(like) else ["padding_mode"]))
        like = type(like)(
            like.in_type,
            like.out_type,
            like.kernel_size,
            bias=like.bias is not None,
            initialize=False,
            recompute=True,
            frequencies_cutoff=FULL_BAND,
            **{name: getattr(like, name) for name in names},
        )
        _fill(like, bank, bias)
    return like.to(bank.dtype)


def _is_transposed(convolution: AnyR2Conv) -> bool:
    return isinstance(convolution, R2ConvTransposed)


@torch.no_grad()
def _fill(convolution: AnyR2Conv, bank: Tensor, bias: Tensor | None) -> None:
    """Set weights and bias so that bank and bias are these.

    Raises:
        SymmetryError: the basis does not hold them.
    """
    target = bank.detach().double().flatten()
    convolution.weights.data = _coefficients(convolution, target)
    _require_equal(bank_of(convolution).flatten(), target, "filter bank")
    if bias is not None and convolution.bias is not None:
        target = bias.detach().double()
        convolution.bias.data = torch.linalg.lstsq(convolution.bias_expansion, target[:, None]).solution[:, 0]
    if bias is not None:
        _require_equal(bias_of(convolution).double(), bias.detach().double(), "bias")


def _coefficients(convolution: AnyR2Conv, bank: Tensor) -> Tensor:
    """The basis coefficients, by least squares. All pairs of fields share few bases, so a few steps of LSQR suffice."""
    expansion = convolution.double().basisexpansion
    probe = torch.zeros(expansion.dimension(), dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        expanded = expansion(probe)

    def expand(weights: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        with torch.no_grad():
            return np.asarray(expansion(torch.from_numpy(weights.ravel())).flatten())

    def contract(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        grad = torch.from_numpy(values.ravel()).view_as(expanded)
        return np.asarray(torch.autograd.grad(expanded, probe, grad, retain_graph=True)[0])

    operator = LinearOperator((bank.numel(), probe.numel()), matvec=expand, rmatvec=contract, dtype=np.float64)
    return torch.from_numpy(lsqr(operator, bank.numpy(), atol=1e-13, btol=1e-13)[0])


def _require_equal(found: Tensor, wanted: Tensor, what: str) -> None:
    error = float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))
    if not error < EXPORT_TOLERANCE:
        raise SymmetryError(
            f"escnn's basis misses the {what} by {error:.1e} (tolerance {EXPORT_TOLERANCE}); 1, 3, 5 fit"
        )
