"""Functions of Fourier fields, sampled: exact where the samples are permuted, and escnn's but for a scale."""

import pytest
import torch
from escnn import nn as enn

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import (
    FourierPointwise,
)
from steergan.symmetry import (
    elements_of,
    fourier_representation,
    gspace,
    regular_type,
)
from tests.layers.equivariance import fibre_error, fourier


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


def test_wrong_fields_samples_and_functions_are_refused() -> None:
    with pytest.raises(SymmetryError, match="SO2 or O2"):
        FourierPointwise(regular_type(gspace("C8"), 1))
    with pytest.raises(SymmetryError, match="multiple of 4"):
        FourierPointwise(fourier("SO2"), samples=18)
    with pytest.raises(SymmetryError, match="above 6"):
        FourierPointwise(fourier("SO2"), samples=4)
    with pytest.raises(SteerganError, match="swish"):
        FourierPointwise(fourier("SO2"), "swish")
