"""Means along what the group leaves alone, and one variance for each field, written out."""

import numpy as np
import pytest
import torch
from escnn.nn import FieldType

from steergan.layers.field_moments import FieldMoments, invariant_directions
from steergan.symmetry import elements_of, fourier_representation, gspace

SPACE = gspace("SO2")
FIELD = fourier_representation(SPACE, 1)
MIXED = FieldType(SPACE, [FIELD, SPACE.irrep(1), FIELD])


@pytest.mark.parametrize("name", ["C4", "D4", "C8"])
def test_invariant_directions_are_all_that_no_element_moves(name: str) -> None:
    space = gspace(name)
    pair = space.regular_repr + space.trivial_repr
    directions = invariant_directions(pair)
    matrices = [np.asarray(pair(g)) for g in elements_of(space, 1)]
    assert np.allclose(directions.T @ directions, np.eye(2))
    for matrix in matrices:
        assert np.allclose(matrix @ directions, directions)
    # The mean of the group's matrices projects onto what it leaves alone.
    assert np.linalg.matrix_rank(np.mean(matrices, axis=0)) == directions.shape[1] == 2


def test_moments_are_those_of_each_field_written_out() -> None:
    moments = FieldMoments(MIXED).double()
    x = torch.randn(3, MIXED.size, 2, 2).double()
    mean, variance = moments.measure(x)
    assert moments.directions == 2
    assert torch.allclose(mean, torch.stack([x[:, 0].mean(), x[:, 5].mean()]))
    centred = x.clone()
    centred[:, 0] -= mean[0]
    centred[:, 5] -= mean[1]
    wanted = [centred[:, part].square().mean() for part in (slice(0, 3), slice(3, 5), slice(5, 8))]
    assert torch.allclose(variance, torch.stack(wanted))


def test_numbers_of_directions_are_summed_over_their_fields() -> None:
    values = torch.tensor([[2.0, 5.0]])
    assert FieldMoments(MIXED).per_field(values).tolist() == [[2, 0, 5]]


@pytest.mark.parametrize("shifted", [True, False])
def test_fields_are_scaled_as_wholes_and_shifted_along_their_invariants(shifted: bool) -> None:
    x = torch.randn(2, MIXED.size, 2, 2)
    scale, shift = torch.tensor([[2.0, 3.0, 4.0]]), torch.tensor([[10.0, 20.0]])
    found = FieldMoments(MIXED).scaled(x, scale, shift if shifted else None)
    wanted = x * torch.tensor([2.0, 2, 2, 3, 3, 4, 4, 4]).view(-1, 1, 1)
    if shifted:
        wanted += torch.tensor([10.0, 0, 0, 0, 0, 20, 0, 0]).view(-1, 1, 1)
    assert torch.allclose(found, wanted)
