"""Irreps of the pixel group in any representation, and what they need of regular fields."""

import numpy as np
import pytest

from steergan.layers.filters.pixel_algebra import free_orbits, irrep_copies, isometry, pixel_action, regular_fields
from steergan.symmetry import fourier_representation, gated_representation, group_order, gspace

CASES = [
    ("SO2", "C4", fourier_representation(gspace("SO2"), 3)),
    ("O2", "D4", gated_representation(gspace("O2"), 2)),
    ("D4", "D4", gspace("D4").irrep(1, 1)),
    ("C6", "C2", gspace("C6").regular_repr),
    ("D8", "D4", gspace("D8").quotient_repr((0, 1))),
]


@pytest.mark.parametrize(("name", "group", "representation"), CASES)
def test_copies_of_irreps_are_an_orthonormal_basis_on_which_the_group_acts_as_they_do(
    name: str, group: str, representation: object
) -> None:
    action = pixel_action(representation, gspace(name), group)
    copies = irrep_copies(representation, gspace(name), group)
    basis = np.concatenate([copy.reshape(-1, action.shape[1]) for copy in copies])
    assert np.allclose(basis @ basis.T, np.eye(action.shape[1]), atol=1e-12)
    fibers = gspace(group).fibergroup
    for irrep, found in zip(fibers.irreps(), copies, strict=True):
        for element, rho in zip(fibers.elements, action, strict=True):
            # rho w_b = sum_a psi[a, b] w_a
            wanted = np.einsum("ab,nai->nbi", irrep(element), found)
            assert np.allclose(np.einsum("ij,nbj->nbi", rho, found), wanted, atol=1e-12)


@pytest.mark.parametrize(("name", "group", "representation"), CASES)
def test_the_isometry_commutes_with_the_pixel_group(name: str, group: str, representation: object) -> None:
    space, pixels = gspace(name), gspace(group)
    fields = (representation, space.regular_repr if group_order_is_finite(name) else representation)
    matrix = isometry(fields, space, group)
    assert len(matrix) == regular_fields(fields, space, group) * group_order(pixels)
    assert np.allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-12)
    actions = [pixel_action(field, space, group) for field in fields]
    for number, element in enumerate(pixels.fibergroup.elements):
        rho = np.zeros((matrix.shape[1],) * 2)
        cut = len(actions[0][0])
        rho[:cut, :cut], rho[cut:, cut:] = actions[0][number], actions[1][number]
        regular = np.kron(np.eye(len(matrix) // group_order(pixels)), pixels.regular_repr(element))
        assert np.allclose(matrix @ rho, regular @ matrix, atol=1e-12)


def group_order_is_finite(name: str) -> bool:
    return int(gspace(name).fibergroup.order()) > 0


def test_no_more_regular_fields_than_the_commonest_irrep_needs() -> None:
    """A regular field of D4 holds the 2 x 2 irrep twice, every sign once; one of C4 its complex irrep once."""
    d4, c4 = gspace("D4"), gspace("C4")
    assert [regular_fields((d4.irrep(1, 1),) * n, d4, "D4") for n in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert regular_fields((c4.irrep(1),) * 3, c4, "C4") == 3
    assert regular_fields(tuple(d4.irreps), d4, "D4") == 1
    assert regular_fields((d4.trivial_repr,) * 3, d4, "D4") == 3
    o2 = gspace("O2")  # 1 + 1 + 2 + 2 signs and 4 irreps of two dimensions: 14 of 16 channels
    assert regular_fields((fourier_representation(o2, 3),), o2, "D4") == 2


def test_free_orbits_are_those_of_cosets() -> None:
    assert free_orbits(gspace("C8").regular_repr, gspace("C8"), "C4") == (0, 1)
    assert free_orbits(gspace("C16").regular_repr, gspace("C16"), "C4") == (0, 1, 2, 3)
    assert free_orbits(gspace("C4").quotient_repr(2), gspace("C4"), "C4") is None  # the half turn keeps every channel
    assert free_orbits(gspace("C2").irrep(1), gspace("C2"), "C2") is None  # a sign is no permutation
