"""Bounds for filter banks on bases sampled in floating point: escnn's `R2Conv`, and ours off the grid."""

from collections.abc import Iterator

import numpy as np
import torch
from escnn.group import Representation
from escnn.nn import FieldType, R2Conv, R2ConvTransposed
from numpy.typing import NDArray
from torch import Tensor

from steergan.copies import copied
from steergan.layers import GroupConvolution
from steergan.layers.filters.bases import BasisExpansion
from steergan.layers.filters.conversion import AnyR2Conv
from steergan.symmetry import ROUNDING
from steergan.verification.elements import Matrix, fiber_matrix, pixel_action
from steergan.verification.laws.matching import BASIS_ROUNDING
from steergan.verification.laws.windows import transposed_fault, window_fault
from steergan.verification.records import Finding, broken, exact, unknown
from steergan.verification.registry import Situation, certifies


def violation(basis: Tensor, in_type: FieldType, out_type: FieldType, elements: tuple[Matrix, ...]) -> Tensor:
    """|K(g x) rho_in(g) - rho_out(g) K(x)|, the largest over elements, entry by entry: (count, s_out, s_in, k * k).

    Args:
        basis: (count, s_out, s_in, k * k) of one pair of fields.
        in_type: one field.
        out_type: one field.
        elements: that are claimed.
    """
    basis = basis.double()
    side = round(basis.shape[-1] ** 0.5)
    worst = torch.zeros_like(basis)
    for matrix in elements:
        taps = pixel_action(matrix, side, side)
        assert taps is not None
        rho_in = torch.from_numpy(rounded_matrix(fiber_matrix(in_type, matrix)))
        rho_out = torch.from_numpy(rounded_matrix(fiber_matrix(out_type, matrix)))
        moved = torch.einsum("boip,ij->bojp", basis[..., taps.argsort()], rho_in)
        wanted = torch.einsum("ol,blip->boip", rho_out, basis)
        worst = torch.maximum(worst, (moved - wanted).abs())
    return worst


def _basis_finding(basis: Tensor, worst: Tensor, what: str) -> Finding | None:
    """Whether rounding explains the violations of basis elements."""
    relative = worst.flatten(1).amax(1) / basis.double().abs().max().clamp_min(1e-30)
    element = int(relative.argmax())
    largest = float(relative[element])
    if largest < BASIS_ROUNDING:
        return None
    return Finding(
        "bounded",
        "broken",
        "K(gx) = rho_out(g) K(x) rho_in(g)^-1 was wanted of every basis element",
        largest,
        f"basis element {element} of {what} is off by {largest:.2g} of the basis's largest entry",
    )


def _bounded(bound: Tensor, bank: Tensor) -> Finding:
    """sum_i |w_i| violation_i, against the bank, in the norm that bounds outputs: largest row sum."""
    rows = bank.double().abs().flatten(1).sum(1).max().clamp_min(1e-30)
    relative = float(bound.flatten(1).sum(1).max() / rows)
    return Finding(
        "bounded", "holds", "sum_i |w_i| violation_i over a basis sampled in float32", relative, scope="these weights"
    )


def placement(at: Situation, kernel: int, stride: int, padding: int, dilation: int) -> Iterator[Finding]:
    """Whether a convolution's windows lie symmetrically on the map that came in."""
    fault = window_fault(at.in_shape[2:], kernel, stride, padding, dilation)  # type: ignore[arg-type]
    if fault is None:
        yield exact(f"(H + 2 x {padding} - {dilation * (kernel - 1) + 1}) mod {stride} = 0, the same on every side")
    else:
        yield broken("its windows have to lie symmetrically", fault)


def rounded_matrix(rho: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix as integers where they are meant, else as it is."""
    near = rho.round()
    return near if np.abs(rho - near).max() < ROUNDING else rho


@torch.no_grad()
def sampled_bank(layer: GroupConvolution, elements: tuple[Matrix, ...]) -> Finding:
    """Our own convolution off the grid: every basis element, and the bound that follows for the bank at hand."""
    twin = copied(layer).double()
    for (o, i), number in layer._pair_number.items():
        expansion = twin.expansions[number]
        assert isinstance(expansion, BasisExpansion)
        into, out = layer._in_kinds[i].representation, layer._out_kinds[o].representation
        space = layer.in_type.gspace
        basis = expansion.basis.unflatten(2, (into.size, -1))
        worst = violation(basis, FieldType(space, [into]), FieldType(space, [out]), elements)
        found = _basis_finding(basis, worst, f"{into.name} -> {out.name}")
        if found is not None:
            return found
        expansion.basis = worst.flatten(2)
        twin.weights[number].data.abs_()
    return _bounded(twin.raw_filter(), layer.raw_filter())


@certifies(R2Conv)
@torch.no_grad()
def r2conv(layer: R2Conv, at: Situation) -> Iterator[Finding]:
    """The convolution of escnn: placement, basis, bias, and that a cached filter is the one of the weights."""
    if set(layer._reversed_padding_repeated_twice) != {layer.padding}:
        yield unknown("an R2Conv whose padding differs between sides has no certificate")
        return
    yield from placement(at, layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    bank, bias = layer.expand_parameters()
    if not bool(bank.any()):
        yield unknown("every filter is zero: whatever follows is not tested by it (vacuous)")
        return
    # In groups, each block of input fields meets the same filters as the first.
    into = layer.in_type.index_select(list(range(len(layer.in_type) // layer.groups)))
    yield _r2conv_bank(layer, bank, into, layer.out_type, at.elements)
    if bias is not None:
        yield _r2conv_bias(layer, at.elements)
    if not layer.training:
        yield from _cached(layer, bank, bias)


@certifies(R2ConvTransposed)
@torch.no_grad()
def r2conv_transposed(layer: R2ConvTransposed, at: Situation) -> Iterator[Finding]:
    """The transposed convolution of escnn: how large its result is, basis, bias, and that a cached filter is fresh."""
    k, s, p, d = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    height, width = at.in_shape[2:]
    fault = transposed_fault((height, width), k, s, p, d, layer.output_padding)
    if fault is None:
        yield exact(f"(H - 1) x {s} + {d * (k - 1) + 1} - 2 x {p}, the same on every side")
    else:
        yield broken("both ends of the larger map have to be reached alike", fault)
    transposed, bias = layer.expand_parameters()
    bank = transposed.transpose(0, 1)
    if not bool(bank.any()):
        yield unknown("every filter is zero: whatever follows is not tested by it (vacuous)")
        return
    # In groups, each block of output fields has the same filters as the first; see `reductions._moved` for why
    # what is wanted of the bank is what is wanted of a convolution's.
    out = layer.out_type.index_select(list(range(len(layer.out_type) // layer.groups)))
    yield _r2conv_bank(layer, bank, layer.in_type, out, at.elements)
    if bias is not None:
        yield _r2conv_bias(layer, at.elements)
    if not layer.training:
        yield from _cached(layer, transposed, bias)


def _cached(layer: AnyR2Conv, bank: Tensor, bias: Tensor | None) -> Iterator[Finding]:
    """In evaluation mode R2Conv uses a filter that was expanded when `eval()` was called."""
    for name, wanted in (("filter", bank), ("expanded_bias", bias)):
        cached = getattr(layer, name, None)
        if wanted is None or cached is None:
            continue
        off = float((cached - wanted).abs().max())
        if off > BASIS_ROUNDING * float(wanted.abs().max()):
            yield unknown(
                f"the cached {name} is not that of the weights (off by {off:.2g}): they changed after eval(); "
                "call .train() and .eval()"
            )


def _r2conv_bank(
    layer: AnyR2Conv, bank: Tensor, in_type: FieldType, out_type: FieldType, elements: tuple[Matrix, ...]
) -> Finding:
    """The basis and the bank (C_out, C_in, k, k) between these fields, which are those of one group."""
    expansion = copied(layer.basisexpansion).double()
    space, named = layer.in_type.gspace, {r.name: r for r in _representations(layer)}
    for pair in expansion._representations_pairs:
        block = getattr(expansion, f"block_expansion_{expansion._escape_pair(pair)}")
        into, out = FieldType(space, [named[pair[0]]]), FieldType(space, [named[pair[1]]])
        basis = block.sampled_basis
        worst = violation(basis, into, out, elements)
        found = _basis_finding(basis, worst, f"{pair[0]} -> {pair[1]}")
        if found is not None:
            return found
        block.sampled_basis = worst
    bound = expansion(layer.weights.double().abs())
    finding = _bounded(bound, bank)
    assembled = violation_of_bank(bank.double(), in_type, out_type, elements)
    # The assembled bank has its own rounding, once per basis element that is summed.
    slack = bound + BASIS_ROUNDING * float(bank.abs().max())
    if bool((assembled > slack.view_as(assembled)).any()):
        return Finding(
            "bounded",
            "broken",
            "basis elements are equivariant, but not as they are assembled",
            float(assembled.max() / bank.abs().max()),
            "channels of different fields were mixed up",
        )
    return finding


def violation_of_bank(bank: Tensor, in_type: FieldType, out_type: FieldType, elements: tuple[Matrix, ...]) -> Tensor:
    """How far a whole bank (C_out, C_in, k, k) violates K(g x) rho_in(g) = rho_out(g) K(x), entry by entry."""
    return violation(bank.flatten(2)[None], in_type, out_type, elements)[0]


def _representations(layer: AnyR2Conv) -> list[Representation]:
    return [*set(layer.in_type.representations), *set(layer.out_type.representations)]


def _r2conv_bias(layer: AnyR2Conv, elements: tuple[Matrix, ...]) -> Finding:
    columns = layer.bias_expansion.double()
    worst = 0.0
    for matrix in elements:
        rho = torch.from_numpy(rounded_matrix(fiber_matrix(layer.out_type, matrix)))
        worst = max(worst, float((rho @ columns - columns).abs().max()))
    if worst > BASIS_ROUNDING:
        return Finding("bounded", "broken", "a bias has to lie in the invariant subspace", worst, "bias_expansion")
    return Finding("bounded", "holds", "the bias lies in the invariant subspace of every field", worst)
