"""Fourier and gated fields, invariants, antialiased pools, restriction: equivariant at any angle that can be asked."""

from math import pi
from typing import Any

import numpy as np
import pytest
import torch
from escnn import gspaces
from escnn import nn as enn
from escnn.group import GroupElement, Representation
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType
from torch import Tensor

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import (
    AntialiasedPool,
    AveragePool,
    FourierPointwise,
    Gated,
    GroupConvolution,
    InvariantMap,
    Pointwise,
    Restriction,
    activation,
)
from steergan.symmetry import (
    elements_of,
    fourier_representation,
    gated_representation,
    gspace,
    is_continuous,
    regular_type,
    trivial_type,
)


def fourier(name: str, frequency: int = 3, fields: int = 2) -> FieldType:
    return FieldType(gspace(name), [fourier_representation(gspace(name), frequency)] * fields)


def gated(name: str, frequency: int = 2, fields: int = 2) -> FieldType:
    return FieldType(gspace(name), [gated_representation(gspace(name), frequency)] * fields)


def acted_on(x: Tensor, field_type: FieldType, element: GroupElement) -> Tensor:
    """rho(g) x, no pixel moved."""
    rho = torch.from_numpy(np.asarray(field_type.representation(element))).to(x)
    return torch.einsum("ij,bjhw->bihw", rho, x)


def fibre_error(layer: EquivariantModule, element: GroupElement) -> float:
    """max |f(rho(g) x) - rho(g) f(x)| over max |f(x)|, for layers that look at one pixel at a time."""
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(2, layer.in_type.size, 3, 3, generator=stream, dtype=torch.float64)
    with torch.no_grad():
        y = layer(layer.in_type(x)).tensor
        moved = layer(layer.in_type(acted_on(x, layer.in_type, element))).tensor
    return float((moved - acted_on(y, layer.out_type, element)).abs().max() / y.abs().max())


@pytest.mark.parametrize("name", ["SO2", "O2"])
@pytest.mark.parametrize("function", ["elu", "tanh", "leaky_relu"])
def test_sampled_functions_are_exact_where_the_samples_are_permuted(name: str, function: str) -> None:
    layer = FourierPointwise(fourier(name), function).double()
    assert layer.samples == 16
    errors = [fibre_error(layer, g) for g in elements_of(gspace(name), 16)]
    assert len(errors) == (32 if name == "O2" else 16)
    assert max(errors) < 1e-6  # the sampling matrix is kept in float32
    between = fibre_error(layer, elements_of(gspace(name), 32)[1])
    assert 1e-5 < between < 0.1


def test_more_samples_fold_back_less() -> None:
    element = elements_of(gspace("SO2"), 1000)[37]
    errors = [fibre_error(FourierPointwise(fourier("SO2"), "elu", n).double(), element) for n in (8, 16, 32)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_it_is_escnns_layer_but_for_the_scale_of_the_samples(name: str) -> None:
    space = gspace(name)
    ours = FourierPointwise(fourier(name, 2), "elu").double()
    irreps = list(dict.fromkeys(fourier_representation(space, 2).irreps))
    theirs = enn.FourierPointwise(space, 2, irreps, function="p_elu", type="regular", N=16).double()
    assert theirs.in_type == ours.in_type
    x = torch.randn(2, ours.in_type.size, 3, 3, dtype=torch.float64)
    scale = float(theirs.A.double().norm() / ours.sampling.double().norm())
    wanted = theirs(theirs.in_type(x / scale)).tensor * scale
    assert torch.allclose(ours(ours.in_type(x)).tensor, wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_gates_and_invariants_are_exact_at_any_angle(name: str) -> None:
    layers: list[EquivariantModule] = [Gated(gated(name)), InvariantMap(fourier(name)), InvariantMap(gated(name))]
    for layer in layers:
        assert max(fibre_error(layer.double(), g) for g in elements_of(gspace(name), 7)) < 1e-6


@pytest.mark.parametrize("name", ["C4", "C8", "D4", "D8", "SO2", "O2"])
def test_an_invariant_map_gives_one_number_per_irrep_in_the_order_of_the_fields(name: str) -> None:
    space = gspace(name)
    field = fourier_representation(space, 2) if is_continuous(space) else space.regular_repr
    mixed = FieldType(space, [field, space.trivial_repr, space.irrep(*field.irreps[-1]), field])
    layer = InvariantMap(mixed, softness=1e-6).double()
    assert len(layer.out_type) == 2 * len(field.irreps) + 2
    for element in elements_of(space, 5):
        assert fibre_error(layer, element) < 1e-6
    x = torch.zeros(1, mixed.size, 1, 1, dtype=torch.float64)
    x[0, field.size] = -3  # the trivial field keeps its sign
    found = layer(mixed(x)).tensor[0, :, 0, 0]
    assert torch.allclose(found[len(field.irreps)], torch.tensor(-3.0).double())
    assert int((found.abs() > 1e-9).sum()) == 1


def test_norms_are_smooth_at_zero() -> None:
    layer = InvariantMap(fourier("SO2")).double()
    x = torch.zeros(1, layer.in_type.size, 2, 2, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(layer(layer.in_type(x)).tensor.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum() + first.sum(), x)
    assert first.isfinite().all()
    assert second.isfinite().all()


# --- the layer that suits a field type


def test_field_types_choose_their_nonlinearity() -> None:
    assert isinstance(activation(regular_type(gspace("C8"), 2), "elu"), Pointwise)
    assert isinstance(activation(fourier("O2")), FourierPointwise)
    found = activation(gated("SO2"))
    assert isinstance(found, Gated)
    assert found.out_type == fourier("SO2", 2)


@pytest.mark.parametrize("representations", [lambda s: [s.irrep(1)], lambda s: [s.irrep(0), s.irrep(1)]])
def test_loose_irreps_are_refused_with_what_would_do(representations: Any) -> None:
    space = gspace("SO2")
    with pytest.raises(SymmetryError, match=r"pointwise.*fourier_representation"):
        activation(FieldType(space, representations(space)))


def test_wrong_fields_and_samples_are_refused() -> None:
    regular = regular_type(gspace("C8"), 1)
    for layer in (FourierPointwise, Gated):
        with pytest.raises(SymmetryError, match="SO2 or O2"):
            layer(regular)
    with pytest.raises(SymmetryError, match="multiple of 4"):
        FourierPointwise(fourier("SO2"), samples=18)
    with pytest.raises(SymmetryError, match="above 6"):
        FourierPointwise(fourier("SO2"), samples=4)
    with pytest.raises(SteerganError, match="swish"):
        FourierPointwise(fourier("SO2"), "swish")


# --- pools


@pytest.mark.parametrize(("size", "kernel_size"), [(8, 4), (7, 3)])
def test_antialiased_pools_commute_with_quarter_turns_and_keep_constants(size: int, kernel_size: int) -> None:
    image = trivial_type(gspace("D8"), 2)
    pool = AntialiasedPool(image, kernel_size).double()
    x = torch.randn(1, 2, size, size, dtype=torch.float64)
    y = pool(image(x)).tensor
    assert y.shape == pool.evaluate_output_shape((1, 2, size, size)) == (1, 2, 4, 4)
    assert torch.allclose(pool(image(torch.rot90(x, 1, (2, 3)))).tensor, torch.rot90(y, 1, (2, 3)), atol=1e-12)
    assert torch.allclose(pool(image(x.flip(3))).tensor, y.flip(3), atol=1e-12)
    assert torch.allclose(pool(image(torch.ones_like(x))).tensor, torch.ones_like(y))


def test_antialiased_pools_err_less_between_the_quarter_turns() -> None:
    def bumps(angle: float, size: int) -> Tensor:
        """Three Gaussian bumps, turned about the centre."""
        row, column = torch.meshgrid(*[torch.arange(size).double() - (size - 1) / 2] * 2, indexing="ij")
        total = torch.zeros(size, size).double()
        for radius, phase in ((4.0, 0.3), (6.0, 2.1), (2.0, 4.0)):
            x, y = radius * np.cos(phase + angle), radius * np.sin(phase + angle)
            total += torch.exp(-((column - x) ** 2 + (row + y) ** 2) / (2 * 1.1**2))
        return total[None, None]

    image = trivial_type(gspace("C8"), 1)
    errors = {}
    for pool in (AveragePool(image), AntialiasedPool(image)):
        found, wanted = [], []
        for angle in np.arange(0, 2 * pi, pi / 4):
            found.append(pool.double()(image(bumps(angle, 24))).tensor)
            # What an ideal pool of these widths would give: the same bumps, on the coarse grid, a little wider.
            wanted.append(found[0].square().sum())
        errors[type(pool)] = np.std([float(f.square().sum()) for f in found]) / float(wanted[0])
    assert errors[AntialiasedPool] < errors[AveragePool] / 2


def test_askew_windows_and_other_kernels_are_refused() -> None:
    image = trivial_type(gspace("C8"), 1)
    with pytest.raises(SymmetryError, match="askew"):
        AntialiasedPool(image)(image(torch.randn(1, 1, 7, 7)))
    with pytest.raises(SteerganError, match="kernel 5"):
        AntialiasedPool(image, 5, padding=2)


# --- restriction

PAIRS = [
    ("SO2", "C8"), ("SO2", "C4"), ("SO2", "trivial"), ("O2", "SO2"), ("O2", "D4"), ("O2", "D8"), ("O2", "C4"),
    ("O2", "D1"), ("O2", "trivial"), ("C8", "C4"), ("C16", "C2"), ("D8", "D4"), ("D8", "C8"), ("D4", "D2"),
    ("D4", "D1"), ("D4", "C4"), ("D4", "trivial"), ("C4", "trivial"),
]  # fmt: skip


def same_element(space: GSpace2D, part: GSpace2D, element: GroupElement) -> GroupElement:
    """The element of the whole group that moves the plane as one of the part does."""
    wanted = np.asarray(part.basespace_action(element))
    angles = 720
    for candidate in elements_of(space, angles):
        if np.abs(np.asarray(space.basespace_action(candidate)) - wanted).max() < 1e-9:
            return candidate
    raise AssertionError(f"{element} is not in {space.name}")


@pytest.mark.parametrize(("name", "part"), PAIRS)
def test_restricted_fields_turn_as_they_did(name: str, part: str) -> None:
    space, subspace = gspace(name), gspace(part)
    field: Representation = fourier_representation(space, 3) if is_continuous(space) else space.regular_repr
    layer = Restriction(FieldType(space, [field, space.trivial_repr]), subspace)
    assert layer.out_type.gspace == subspace
    for element in elements_of(subspace, 8):
        wanted = layer.in_type.representation(same_element(space, subspace, element))
        assert np.allclose(layer.out_type.representation(element), wanted, atol=1e-9)
    x = torch.randn(2, layer.in_type.size, 3, 3)
    assert torch.equal(layer(layer.in_type(x)).tensor, x)


def test_restricted_fields_are_convolved_exactly() -> None:
    layer = Restriction(fourier("SO2"), gspace("C4"))
    assert GroupConvolution(layer.out_type, regular_type(gspace("C4"), 2), 3).exact


def test_what_is_no_subgroup_is_refused() -> None:
    for name, part in (("C4", "C8"), ("SO2", "D4"), ("C8", "SO2"), ("C4", "D1")):
        with pytest.raises(SymmetryError, match="no subgroup"):
            Restriction(trivial_type(gspace(name), 1), gspace(part))


# --- gspaces without a name


@pytest.mark.parametrize(
    "space", [gspaces.rot2dOnR2(12), gspaces.flipRot2dOnR2(6), gspaces.flipRot2dOnR2(12), gspaces.flip2dOnR2(axis=0.4)]
)
def test_gspaces_of_escnn_work_by_themselves(space: GSpace2D) -> None:
    torch.manual_seed(0)
    image, regular = trivial_type(space, 1), regular_type(space, 2)
    layer = torch.nn.Sequential(GroupConvolution(image, regular, 5), activation(regular, "relu")).double()
    x = torch.randn(1, 1, 9, 9, dtype=torch.float64)
    y = regular(layer(image(x)).tensor)
    checked = 0
    for element in space.fibergroup.elements:
        matrix = np.asarray(space.basespace_action(element))
        if np.abs(matrix - matrix.round()).max() < 1e-9:
            moved = layer(image(image(x).transform(element).tensor)).tensor
            assert torch.allclose(moved, y.transform(element).tensor, atol=1e-5)
            checked += 1
    assert checked >= (2 if space.fibergroup.order() in (12, 2) else 4) - (space.fibergroup.order() == 2)
