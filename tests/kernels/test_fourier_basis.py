import numpy as np
import pytest
import torch

from steergan.kernels.fourier_basis import BASES, FourierBasis, fourier_basis, tap_tables
from steergan.layers import GroupConvolution
from steergan.layers.filters.orbits import filter_orbits
from steergan.symmetry import gspace, regular_type

NAMES = ["C2", "C4", "D1", "D2", "D4"]


def product_table(name: str) -> list[list[int]]:
    """[a][b] is the number of a b, by escnn."""
    elements = gspace(name).fibergroup.elements
    return [[elements.index(a @ b) for b in elements] for a in elements]


def basis_of(name: str) -> FourierBasis:
    basis = fourier_basis(gspace(name))
    assert basis is not None
    return basis


@pytest.mark.parametrize("name", NAMES)
def test_the_basis_computes_the_group_algebra_on_every_pair_of_elements(name: str) -> None:
    """With f and x units, y = sum_a [a u = s] a, in integers: norm is brought to the left by the least multiple."""
    basis, table = basis_of(name), product_table(name)
    order = len(table)
    multiple = int(np.lcm.reduce(basis.norm))
    for u in range(order):
        coefficients = basis.transform[:, u] * (multiple // basis.norm)
        for s in range(order):
            x = basis.transform[:, s]
            y = np.zeros(order, dtype=np.int64)
            for product in basis.products:
                y[product.out] += product.sign * coefficients[product.filter] * x[product.into]
            want = [multiple * (table[a][u] == s) for a in range(order)]
            assert (basis.transform.T @ y).tolist() == want


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_orthogonal_butterflies(name: str) -> None:
    basis = basis_of(name)
    assert (basis.transform @ basis.transform.T == np.diag(basis.norm)).all()
    assert set(np.unique(basis.transform)) <= {-1, 0, 1}


@pytest.mark.parametrize("name", NAMES)
def test_there_are_as_many_products_as_the_irreps_ask_for(name: str) -> None:
    """d^3 for a matrix of d x d real numbers, and four for a complex number."""
    irreps = gspace(name).fibergroup.irreps()
    wanted = sum(4 if irrep.type == "C" else irrep.size**3 for irrep in irreps)
    assert len(basis_of(name).products) == wanted < len(irreps[0].group.elements) ** 2


@pytest.mark.parametrize("name", ["trivial", "C8", "D8"])
def test_other_groups_have_no_basis(name: str) -> None:
    assert name not in BASES
    assert fourier_basis(gspace(name)) is None


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_tap_tables_agree_with_the_bank_entry_by_entry(name: str, kernel_size: int) -> None:
    """K[a, b](b t) = f_t[a^-1 b], for every a, b and tap t."""
    space, table = gspace(name), product_table(name)
    regular = space.regular_repr
    index = filter_orbits(space, regular, regular, kernel_size).index.reshape(len(table), len(table), -1)
    tables = tap_tables(space, kernel_size)
    for a in range(len(table)):
        for u, b in enumerate(table[a]):
            assert (index[a, b, tables.image[b]] == tables.filter[u]).all()


@pytest.mark.parametrize("name", NAMES)
def test_singular_values_of_a_bank_are_those_of_its_blocks(name: str) -> None:
    """Rows over sqrt(norm) are an orthonormal basis in which the bank is one matrix of the products' blocks."""
    torch.manual_seed(0)
    space, basis = gspace(name), basis_of(name)
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 3), 3).double()
    order = len(basis.norm)
    transform, norm = (torch.from_numpy(array).double() for array in (basis.transform, basis.norm))
    taps = layer.weights[0].detach()[:, :, torch.from_numpy(tap_tables(space, 3).filter)]
    coefficients = torch.einsum("gu,ocut->goct", transform / norm[:, None], taps).flatten(2)
    rows, columns = coefficients.shape[1:]
    blocks = torch.zeros(order, rows, order, columns, dtype=torch.float64)
    for product in basis.products:
        scale = (norm[product.out] * norm[product.into]).sqrt()
        blocks[product.out, :, product.into] += product.sign * scale * coefficients[product.filter]
    found = sorted(value for block in connected(blocks, basis) for value in torch.linalg.svdvals(block).tolist())
    assert found == pytest.approx(sorted(torch.linalg.svdvals(layer.raw_filter().detach()).tolist()), abs=1e-12)


def connected(blocks: torch.Tensor, basis: FourierBasis) -> list[torch.Tensor]:
    """The parts of a matrix of blocks that share no row and no column."""
    parts: dict[frozenset[int], set[int]] = {}
    for out in range(len(basis.norm)):
        into = frozenset(product.into for product in basis.products if product.out == out)
        parts.setdefault(into, set()).add(out)
    assert sorted(i for into in parts for i in into) == list(range(len(basis.norm)))
    return [blocks[sorted(out)][:, :, sorted(into)].flatten(2).flatten(0, 1) for into, out in parts.items()]
