from typing import Any

import pytest
import torch
from escnn.nn import FieldType

from steergan.layers import GroupConvolution, converge_spectral_norm
from steergan.layers.filters.matrices import BasisMatrix, GatheredMatrix
from steergan.symmetry import fourier_representation, gspace, regular_type
from tests.thorough import grid


def matrix_of(layer: GroupConvolution) -> GatheredMatrix:
    matrix = layer.gathered_filter()
    assert isinstance(matrix, GatheredMatrix)
    return matrix


@pytest.mark.parametrize("name", ["C8", "D8", "SO2"])
@pytest.mark.parametrize("kernel_size", [1, 4, 5])
def test_products_with_vectors_are_those_of_a_bank_on_a_sampled_basis(name: str, kernel_size: int) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    field = fourier_representation(space, 2) if name == "SO2" else space.regular_repr
    layer = GroupConvolution(FieldType(space, [field] * 2), FieldType(space, [field] * 3), kernel_size).double()
    bank, matrix = layer.raw_filter(), layer.gathered_filter()
    assert isinstance(matrix, BasisMatrix)
    assert matrix.shape == bank.shape
    u, v = (torch.randn(length, dtype=torch.float64) for length in bank.shape)
    assert torch.allclose(matrix @ v, bank @ v, rtol=0, atol=1e-12)
    assert torch.allclose(matrix.mT @ u, bank.mT @ u, rtol=0, atol=1e-12)
    weight = layer.weights[0]
    (found,) = torch.autograd.grad(u @ (matrix @ v), weight)
    (wanted,) = torch.autograd.grad(u @ (layer.raw_filter() @ v), weight)
    assert torch.allclose(found, wanted, atol=1e-12)


def test_spectral_norms_on_a_sampled_basis_are_the_largest_singular_values() -> None:
    torch.manual_seed(0)
    space = gspace("C8")
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 3), 5, spectral_norm=True).double()
    converge_spectral_norm(layer)
    assert float(torch.linalg.svdvals(layer.eval().filter_matrix().detach())[0]) == pytest.approx(1, rel=1e-4)


def pairs(name: str) -> list[tuple[FieldType, FieldType]]:
    """Regular fields, and every irrep that is a sign, in and out."""
    space = gspace(name)
    regular = regular_type(space, 2)
    signs = [FieldType(space, 3 * [irrep]) for irrep in space.fibergroup.irreps() if irrep.size == 1]
    return [
        (regular, regular_type(space, 3)),
        *[(regular, sign) for sign in signs],
        *[(sign, regular) for sign in signs],
    ]


@pytest.mark.parametrize(("name", "kernel_size"), grid(["C2", "C4", "D1", "D2", "D4"], [1, 2, 3, 5]))
def test_products_with_vectors_are_those_of_the_bank(name: str, kernel_size: int) -> None:
    torch.manual_seed(0)
    for in_type, out_type in pairs(name):
        layer = GroupConvolution(in_type, out_type, kernel_size).double()
        bank, matrix = layer.raw_filter(), matrix_of(layer)
        assert matrix.shape == bank.shape
        u, v = (torch.randn(length, dtype=torch.float64) for length in bank.shape)
        assert torch.allclose(matrix @ v, bank @ v, rtol=0, atol=1e-12)
        assert torch.allclose(matrix.mT @ u, bank.mT @ u, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["C4", "D4"])
def test_first_and_second_derivatives_are_right(name: str) -> None:
    torch.manual_seed(0)
    table = matrix_of(GroupConvolution(regular_type(gspace(name), 1), regular_type(gspace(name), 2), 3).double()).table
    weight = torch.randn(2, 1, int(table.entry.max()) + 1, dtype=torch.float64, requires_grad=True)
    rows, columns = GatheredMatrix(weight, table).shape
    u, v = torch.randn(rows, dtype=torch.float64), torch.randn(columns, dtype=torch.float64)

    def squares(weight: torch.Tensor) -> Any:
        matrix = GatheredMatrix(weight, table)
        return (matrix @ v).square(), (matrix.mT @ u).square()

    assert torch.autograd.gradcheck(squares, weight, fast_mode=True)
    assert torch.autograd.gradgradcheck(squares, weight, fast_mode=True)


def test_layers_of_several_pairs_or_plain_banks_have_no_such_matrix() -> None:
    d4, trivial = gspace("D4"), gspace("trivial")
    mixed = FieldType(d4, [d4.regular_repr, d4.trivial_repr])
    for in_type, out_type in (
        (mixed, regular_type(d4, 1)),
        (regular_type(trivial, 2), regular_type(trivial, 2)),
    ):
        assert GroupConvolution(in_type, out_type, 3).gathered_filter() is None
