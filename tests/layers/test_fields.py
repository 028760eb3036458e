"""Which channels belong to which fields, and back again."""

import pytest
import torch
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.layers import Pointwise
from steergan.layers.fields import (
    FieldLayout,
    bias_places,
    bias_slots,
    field_kinds,
    fourier_frequency,
    gated_frequency,
    require_permutations,
    typed_tensor,
)
from steergan.symmetry import fourier_representation, gated_representation, gspace, regular_type

C2 = gspace("C2")
MIXED = FieldType(C2, [C2.regular_repr, C2.trivial_repr, C2.irrep(1), C2.regular_repr])


def test_kinds_are_in_order_of_first_appearance_with_their_fields_and_channels() -> None:
    found = [(kind.representation, kind.fields, kind.channels) for kind in field_kinds(MIXED)]
    assert found == [(C2.regular_repr, [0, 3], [0, 1, 4, 5]), (C2.trivial_repr, [1], [2]), (C2.irrep(1), [2], [3])]


def test_layout_takes_fields_apart_by_size_and_joins_them_again() -> None:
    layout, x = FieldLayout(MIXED), torch.arange(6.0).view(1, 6, 1, 1)
    pairs, singles = layout.split(x)
    assert pairs.flatten().tolist() == [0, 1, 4, 5]
    assert singles.flatten().tolist() == [2, 3]
    assert torch.equal(layout.join([pairs, singles]), x)
    one_per_field = layout.join_fields([pairs.amax(2), singles.amax(2)])
    assert one_per_field.flatten().tolist() == [1, 2, 3, 5]


def test_fields_of_one_size_are_not_copied() -> None:
    x = torch.randn(2, 4, 3, 3)
    (part,) = FieldLayout(regular_type(C2, 2)).split(x)
    assert part.shape == (2, 2, 2, 3, 3)
    assert part.data_ptr() == x.data_ptr()


def test_a_permutation_has_one_bias_and_a_sum_of_irreps_one_per_trivial_one() -> None:
    c4 = gspace("C4").fibergroup
    assert bias_slots(c4.regular_representation) == [0] * 4
    assert bias_slots(c4.irrep(0) + c4.irrep(1) + c4.irrep(0)) == [0, -1, -1, 1]
    assert bias_slots(c4.irrep(1)) == [-1, -1]
    in_another_basis = c4.regular_representation + c4.irrep(2)
    assert bias_slots(in_another_basis) == [-1] * 5
    assert bias_places(MIXED) == ([0, 0, 1, 3, 2, 2], 3)


@pytest.mark.parametrize("name", ["SO2", "O2"])
@pytest.mark.parametrize("frequency", [0, 3])
def test_frequencies_of_fourier_and_gated_fields_are_found_again(name: str, frequency: int) -> None:
    space = gspace(name)
    fourier, gated = fourier_representation(space, frequency), gated_representation(space, frequency)
    assert fourier_frequency(space, fourier) == frequency == gated_frequency(space, gated)
    assert fourier_frequency(space, gated) is None
    assert gated_frequency(space, fourier) is None
    assert fourier_frequency(C2, C2.regular_repr) is None


def test_a_map_of_another_type_is_refused_by_the_layers_name() -> None:
    layer = Pointwise(regular_type(C2, 1), "relu")
    with pytest.raises(SymmetryError, match="Pointwise got a feature map of type"):
        typed_tensor(layer, MIXED(torch.randn(1, 6, 2, 2)))


def test_fields_that_are_no_permutations_are_refused_with_the_reason() -> None:
    require_permutations("A layer", regular_type(C2, 2), "nothing works")
    with pytest.raises(SymmetryError, match="A layer got fields of 'irrep_1', on which nothing works"):
        require_permutations("A layer", MIXED, "nothing works")
