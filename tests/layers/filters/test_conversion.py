from typing import Any

import numpy as np
import pytest
import torch
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, R2Conv

from steergan.errors import SymmetryError
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import every_irrep, largest_difference, permutation_type, random_map, randomise


@pytest.mark.parametrize("name", ["C4", "D4"])
@pytest.mark.parametrize("lift", [True, False])
def test_export_to_escnn_computes_the_same_function(name: str, lift: bool) -> None:
    space = gspace(name)
    in_type = trivial_type(space, 2) if lift else regular_type(space, 3)
    layer = GroupConvolution(in_type, regular_type(space, 2), 3)
    randomise(layer)
    x = random_map(in_type)
    exported = layer.to_r2conv()
    assert largest_difference(exported(x).tensor, layer(x).tensor) < 1e-5
    assert largest_difference(exported.eval()(x).tensor, layer(x).tensor) < 1e-5


@pytest.mark.parametrize("name", ["C4", "D4"])
@pytest.mark.parametrize("lift", [True, False])
@pytest.mark.parametrize("cutoff", [None, 4.0])
def test_import_from_escnn_computes_the_same_function(name: str, lift: bool, cutoff: float | None) -> None:
    space = gspace(name)
    in_type = trivial_type(space, 2) if lift else regular_type(space, 3)
    convolution = stock(in_type, regular_type(space, 2), 3, padding=1, frequencies_cutoff=cutoff)
    x = random_map(in_type)
    want = convolution(x).tensor
    assert largest_difference(GroupConvolution.from_r2conv(convolution)(x).tensor, want) < 1e-5
    assert largest_difference(GroupConvolution.from_r2conv(convolution.eval())(x).tensor, want) < 1e-5


def test_mixed_types_and_5x5_kernels_come_over_from_escnn() -> None:
    space = gspace("C4")
    convolution = stock(every_irrep(space), permutation_type(space), 5, padding=2)
    layer = GroupConvolution.from_r2conv(convolution)
    x = random_map(convolution.in_type)
    assert largest_difference(layer(x).tensor, convolution(x).tensor) < 1e-5


def test_mixed_types_go_to_escnn_and_back() -> None:
    space = gspace("D4")
    layer = GroupConvolution(every_irrep(space), permutation_type(space), 3, padding=0)
    randomise(layer)
    back = GroupConvolution.from_r2conv(layer.to_r2conv())
    for name, parameter in layer.named_parameters():
        assert torch.allclose(parameter, back.get_parameter(name), atol=1e-5)
    assert back.padding == 0


@pytest.mark.parametrize("name", ["C8", "D8"])
def test_bands_of_finer_groups_go_to_escnn_and_back(name: str) -> None:
    space = gspace(name)
    layer = GroupConvolution(trivial_type(space, 2), regular_type(space, 2), 5)
    randomise(layer)
    exported = layer.to_r2conv()
    back = GroupConvolution.from_r2conv(exported)
    x = random_map(layer.in_type)
    assert largest_difference(exported(x).tensor, layer(x).tensor) < 1e-5
    assert largest_difference(back(x).tensor, layer(x).tensor) < 1e-5


def test_exporting_in_float64_leaves_other_r2convs_alone() -> None:
    regular = regular_type(gspace("C4"), 1)
    neighbour = stock(regular, regular, 3, padding=1, frequencies_cutoff=4.0)
    x = random_map(regular)
    before = neighbour(x).tensor
    layer = GroupConvolution(regular, regular, 3).double()
    exported = layer.to_r2conv()
    wide = random_map(regular, dtype=torch.float64)
    assert largest_difference(exported(wide).tensor, layer(wide).tensor) < 1e-5
    assert torch.equal(neighbour(x).tensor, before)


def test_export_divides_the_spectral_norm_out() -> None:
    space = gspace("C4")
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 2), 3, spectral_norm=True).eval()
    x = random_map(layer.in_type)
    assert largest_difference(layer.to_r2conv()(x).tensor, layer(x).tensor) < 1e-5


def types(name: str = "C4") -> tuple[FieldType, FieldType]:
    space: GSpace2D = gspace(name)
    return trivial_type(space, 1), regular_type(space, 1)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"stride": 2}, "stride"),
        ({"dilation": 2}, "dilation"),
        ({"padding_mode": "reflect", "padding": 1}, "padding_mode"),
        ({"padding": (1, 0)}, "padding"),
    ],
)
def test_an_r2conv_that_is_more_than_a_plain_convolution_is_refused(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(SymmetryError, match=named):
        GroupConvolution.from_r2conv(stock(*types(), 3, **arguments))


def test_grouped_r2conv_is_refused() -> None:
    two = regular_type(gspace("C4"), 2)
    with pytest.raises(SymmetryError, match="groups"):
        GroupConvolution.from_r2conv(stock(two, two, 3, groups=2))


def test_an_r2conv_beyond_the_exact_band_is_refused() -> None:
    regular = types()[1]
    with pytest.raises(SymmetryError, match="not equivariant"):
        GroupConvolution.from_r2conv(stock(regular, regular, 3, padding=1, frequencies_cutoff=10.0))


def test_a_bias_that_has_no_counterpart_is_refused() -> None:
    space = gspace("C4")
    pair = space.regular_repr + space.irrep(2)
    convolution = stock(trivial_type(space, 1), FieldType(space, [pair]), 3)
    with pytest.raises(SymmetryError, match="bias"):
        GroupConvolution.from_r2conv(convolution)
    convolution.bias.data.zero_()
    GroupConvolution.from_r2conv(convolution)


def test_even_kernels_do_not_go_to_escnn() -> None:
    with pytest.raises(SymmetryError, match="has no R2Conv"):
        GroupConvolution(*types(), 2).to_r2conv()


def test_kernels_that_escnn_cannot_hold_do_not_go_there() -> None:
    layer = GroupConvolution(types()[1], types()[1], 7)
    with pytest.raises(SymmetryError, match="escnn's basis misses the filter bank"):
        layer.to_r2conv()


def stock(in_type: FieldType, out_type: FieldType, kernel_size: int, **arguments: Any) -> R2Conv:
    """A stock R2Conv with random weights and bias."""
    convolution = R2Conv(in_type, out_type, kernel_size, initialize=False, **arguments)
    randomise(convolution)
    return convolution


def test_imported_weights_are_the_identity_rows_of_the_bank() -> None:
    convolution = stock(types()[1], types()[1], 3, frequencies_cutoff=4.0)
    bank = convolution.basisexpansion(convolution.weights).detach().reshape(4, 4, 3, 3)
    weights = GroupConvolution.from_r2conv(convolution).weights[0].detach().reshape(4, 3, 3)
    assert np.allclose(weights, bank[0], atol=1e-5)
