import copy
from collections.abc import Callable
from typing import Any

import escnn.group._numerical as escnn_numerical
import numpy as np
import pytest
import torch
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, R2Conv
from hypothesis import given, settings
from hypothesis import strategies as st

from steergan.errors import SymmetryError
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type


def random_map(field_type: FieldType, size: int = 6, dtype: torch.dtype = torch.float32) -> Any:
    return field_type(torch.randn(2, field_type.size, size, size, dtype=dtype))


def largest_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(((a - b).abs().max() / b.abs().max()).detach())


def randomise(layer: torch.nn.Module) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()


# --- value ---------------------------------------------------------------------------------------------------------


def test_the_bank_is_the_formula_of_cohen_and_welling() -> None:
    space = gspace("C4")
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 3), 3)
    weights = layer.weights[0].detach().reshape(3, 2, 4, 3, 3)
    bank = layer.filter_bank().detach().reshape(3, 4, 2, 4, 3, 3)
    for a in range(4):
        for b in range(4):
            want = torch.rot90(weights[:, :, (b - a) % 4], a, (-2, -1))
            assert torch.equal(bank[:, a, :, b], want)


def test_with_the_trivial_group_it_is_a_plain_convolution_whose_bank_is_its_weights() -> None:
    space = gspace("trivial")
    layer = GroupConvolution(trivial_type(space, 3), regular_type(space, 5), 3)
    randomise(layer)
    x = random_map(layer.in_type)
    want = torch.nn.functional.conv2d(x.tensor, layer.weights[0].reshape(5, 3, 3, 3), layer.bias, padding=1)
    assert torch.equal(layer(x).tensor, want)
    assert layer.filter_bank().data_ptr() == layer.weights[0].data_ptr()


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
def test_import_from_escnn_computes_the_same_function(name: str, lift: bool, cutoff: float | None, stock: Any) -> None:
    space = gspace(name)
    in_type = trivial_type(space, 2) if lift else regular_type(space, 3)
    convolution = stock(in_type, regular_type(space, 2), 3, padding=1, frequencies_cutoff=cutoff)
    x = random_map(in_type)
    want = convolution(x).tensor
    assert largest_difference(GroupConvolution.from_r2conv(convolution)(x).tensor, want) < 1e-5
    assert largest_difference(GroupConvolution.from_r2conv(convolution.eval())(x).tensor, want) < 1e-5


def test_mixed_types_and_5x5_kernels_come_over_from_escnn(stock: Any, every_irrep: Any, permutation_type: Any) -> None:
    space = gspace("C4")
    convolution = stock(every_irrep(space), permutation_type(space), 5, padding=2)
    layer = GroupConvolution.from_r2conv(convolution)
    x = random_map(convolution.in_type)
    assert largest_difference(layer(x).tensor, convolution(x).tensor) < 1e-5


def test_mixed_types_go_to_escnn_and_back(every_irrep: Any, permutation_type: Any) -> None:
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


def test_export_divides_the_spectral_norm_out() -> None:
    space = gspace("C4")
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 2), 3, spectral_norm=True).eval()
    x = random_map(layer.in_type)
    assert largest_difference(layer.to_r2conv()(x).tensor, layer(x).tensor) < 1e-5


def test_a_bank_that_is_not_equivariant_is_refused() -> None:
    space = gspace("C4")
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 2), 3)
    bank = layer.filter_bank().detach().clone()
    layer.load_bank(bank)
    bank[0, 0, 0, 0] += 0.01
    with pytest.raises(SymmetryError, match="not equivariant"):
        layer.load_bank(bank)


# --- structure -----------------------------------------------------------------------------------------------------


def test_weights_are_one_tensor_for_each_pair_in_order_of_appearance(every_irrep: Any, permutation_type: Any) -> None:
    space = gspace("C4")
    into = FieldType(space, [space.trivial_repr, space.regular_repr, space.trivial_repr])
    out = FieldType(space, [space.regular_repr, space.irrep(2)])
    layer = GroupConvolution(into, out, 3, spectral_norm=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}
    assert shapes == {
        "weights.0": (1, 2, 9),
        "weights.1": (1, 1, 36),
        "weights.2": (1, 2, 2),
        "weights.3": (1, 1, 9),
        "bias": (1,),
        "spectral.u": (5,),
        "spectral.v": (54,),
    }


@pytest.mark.parametrize("name", ["C4", "C8"])
def test_both_modes_compute_the_same_function_from_the_same_keys(name: str) -> None:
    space = gspace(name)
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 2), 3)
    keys = list(layer.state_dict())
    x = random_map(layer.in_type)
    trained = layer.train()(x).tensor
    assert torch.equal(layer.eval()(x).tensor, trained)
    assert list(layer.state_dict()) == keys
    randomise(layer)
    assert not torch.allclose(layer(x).tensor, trained)


@pytest.mark.parametrize("name", ["C4", "D8"])
def test_a_deep_copy_computes_the_same_and_lives_on_its_own(name: str) -> None:
    space = gspace(name)
    layer = GroupConvolution(trivial_type(space, 2), regular_type(space, 2), 3, spectral_norm=True).eval()
    x = random_map(layer.in_type)
    twin = copy.deepcopy(layer)
    before = layer(x).tensor
    assert torch.equal(twin(x).tensor, before)
    randomise(twin)
    assert torch.equal(layer(x).tensor, before)
    assert not torch.allclose(twin(x).tensor, before)


@pytest.mark.parametrize("name", ["C4", "C8"])
def test_another_dtype_of_one_layer_leaves_its_siblings_alone(name: str) -> None:
    space = gspace(name)
    layers = [GroupConvolution(regular_type(space, 1), regular_type(space, 1), 3) for _ in range(2)]
    x = random_map(layers[0].in_type)
    want = layers[1](x).tensor
    wide = layers[0].double()(layers[0].in_type(x.tensor.double())).tensor
    assert wide.dtype == torch.float64
    assert torch.equal(layers[1](x).tensor, want)
    half = layers[0].half()(layers[0].in_type(x.tensor.half())).tensor
    assert largest_difference(half.double(), wide) < 1e-2


def test_irreps_get_no_bias_and_permutations_one_per_field() -> None:
    space = gspace("C4")
    out = FieldType(space, [space.irrep(1), space.regular_repr, space.irrep(2), space.trivial_repr])
    layer = GroupConvolution(trivial_type(space, 1), out, 3)
    assert layer.bias is not None
    layer.bias.data.copy_(torch.tensor([3.0, 7.0]))
    y = layer(layer.in_type(torch.zeros(1, 1, 3, 3))).tensor[0, :, 1, 1]
    assert y.tolist() == [0, 0, 3, 3, 3, 3, 0, 7]
    odd = FieldType(space, [space.irrep(1)])
    assert GroupConvolution(odd, odd, 3).bias is None


# --- first weights -------------------------------------------------------------------------------------------------


def test_first_weights_are_orthogonal_as_a_matrix_of_fields() -> None:
    space = gspace("D4")
    weights = GroupConvolution(regular_type(space, 3), regular_type(space, 20), 3).weights[0].detach().flatten(1)
    assert torch.allclose(weights @ weights.mT, torch.eye(20), atol=1e-5)


@pytest.mark.parametrize(("name", "spread"), [("trivial", 1e-5), ("C4", 1e-5), ("D4", 1e-5), ("C8", 0.25)])
def test_every_row_of_the_first_bank_has_length_one(
    name: str, spread: float, every_irrep: Any, permutation_type: Any
) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    into = every_irrep(space)
    for out in (permutation_type(space), trivial_type(space, 2)):
        layer = GroupConvolution(FieldType(space, into.representations * 4), out, 3)
        lengths = layer.filter_bank().detach().flatten(1).norm(dim=1)
        assert float((lengths - 1).abs().max()) < spread


# --- derivatives ---------------------------------------------------------------------------------------------------


class Bank(torch.nn.Module):
    """A layer whose forward gives its filter bank."""

    def __init__(self, layer: GroupConvolution) -> None:
        super().__init__()
        self.layer = layer

    def forward(self) -> torch.Tensor:
        return self.layer.filter_bank()


@pytest.mark.parametrize("name", ["D2", "C4", "C8"])
def test_first_and_second_derivatives_of_the_bank_are_right(name: str) -> None:
    space = gspace(name)
    signed = [space.regular_repr, space.irrep(*(1,) * (1 + (name == "D2")))]
    layer = GroupConvolution(FieldType(space, signed), FieldType(space, [*signed[::-1], space.trivial_repr]), 3)
    bank = Bank(layer.double())
    names = [name for name, _ in bank.named_parameters() if "weights" in name]

    def squared_bank(*weights: torch.Tensor) -> torch.Tensor:
        filters: torch.Tensor = torch.func.functional_call(bank, dict(zip(names, weights, strict=True)), ())
        return filters.square().sum((1, 2, 3))

    weights = [bank.get_parameter(name).detach().clone().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(squared_bank, weights, fast_mode=True)
    assert torch.autograd.gradgradcheck(squared_bank, weights, fast_mode=True)


@settings(max_examples=40)
@given(st.sampled_from(["C2", "C4", "D4"]), st.sampled_from([1, 2, 3, 5]), st.integers(0, 2**31))
def test_contraction_is_the_adjoint_of_expansion(name: str, kernel_size: int, seed: int) -> None:
    torch.manual_seed(seed)
    space = gspace(name)
    irreps = list(space.fibergroup.irreps())
    irrep = irreps[seed % len(irreps)]
    layer = GroupConvolution(
        FieldType(space, [space.regular_repr, irrep]), FieldType(space, [irrep, space.trivial_repr]), kernel_size
    ).double()
    bank = layer.raw_filter()
    probe = torch.randn_like(bank)
    inner = float((bank * probe).sum())
    bank.backward(probe)
    assert sum(float((w * w.grad).sum()) for w in layer.weights) == pytest.approx(inner, rel=1e-10, abs=1e-10)


# --- contract ------------------------------------------------------------------------------------------------------


def types(name: str = "C4") -> tuple[FieldType, FieldType]:
    space: GSpace2D = gspace(name)
    return trivial_type(space, 1), regular_type(space, 1)


def test_types_of_different_groups_are_refused() -> None:
    with pytest.raises(SymmetryError, match="one gspace"):
        GroupConvolution(types("C4")[0], types("D4")[1], 3)


@pytest.mark.parametrize("kernel_size", [0, -1, 2.5, (3, 3)])
def test_a_kernel_size_that_is_no_positive_int_is_refused(kernel_size: Any) -> None:
    with pytest.raises(SymmetryError, match="kernel size"):
        GroupConvolution(*types(), kernel_size)


@pytest.mark.parametrize("padding", [-1, (1, 0), 0.5])
def test_uneven_padding_is_refused(padding: Any) -> None:
    with pytest.raises(SymmetryError, match="padding"):
        GroupConvolution(*types(), 3, padding=padding)


def test_an_even_kernel_with_escnns_basis_is_refused() -> None:
    with pytest.raises(SymmetryError, match="odd"):
        GroupConvolution(*types("C8"), 4)


@pytest.mark.parametrize("name", ["C4", "C8"])
def test_a_pair_of_types_with_only_the_zero_filter_is_refused(name: str) -> None:
    space = gspace(name)
    with pytest.raises(SymmetryError, match="no 1 x 1 filter but zero"):
        GroupConvolution(trivial_type(space, 1), FieldType(space, [space.irrep(1)]), 1)


def test_a_feature_map_of_another_type_is_refused() -> None:
    layer = GroupConvolution(*types(), 3)
    with pytest.raises(SymmetryError, match="in_type"):
        layer(random_map(layer.out_type))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"stride": 2}, "stride"),
        ({"dilation": 2}, "dilation"),
        ({"padding_mode": "reflect", "padding": 1}, "padding_mode"),
        ({"padding": (1, 0)}, "padding"),
    ],
)
def test_an_r2conv_that_is_more_than_a_plain_convolution_is_refused(
    arguments: dict[str, Any], named: str, stock: Any
) -> None:
    with pytest.raises(SymmetryError, match=named):
        GroupConvolution.from_r2conv(stock(*types(), 3, **arguments))


def test_grouped_r2conv_is_refused(stock: Any) -> None:
    two = regular_type(gspace("C4"), 2)
    with pytest.raises(SymmetryError, match="groups"):
        GroupConvolution.from_r2conv(stock(two, two, 3, groups=2))


def test_an_r2conv_beyond_the_exact_band_is_refused(stock: Any) -> None:
    regular = types()[1]
    with pytest.raises(SymmetryError, match="not equivariant"):
        GroupConvolution.from_r2conv(stock(regular, regular, 3, padding=1, frequencies_cutoff=10.0))


def test_a_bias_that_has_no_counterpart_is_refused(stock: Any) -> None:
    space = gspace("C4")
    pair = space.trivial_repr + space.irrep(2)
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


def test_escnns_svd_is_as_it_was_after_a_basis_is_built() -> None:
    before = escnn_numerical.randomized_svd
    GroupConvolution(*types("D8"), 3)
    assert escnn_numerical.randomized_svd is before


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., R2Conv]:
    """Stock R2Conv layers with random weights and bias; escnn uses SciPy here, as its issue 112 asks for."""
    monkeypatch.setattr(escnn_numerical, "randomized_svd", None)

    def make(in_type: FieldType, out_type: FieldType, kernel_size: int, **arguments: Any) -> R2Conv:
        convolution = R2Conv(in_type, out_type, kernel_size, initialize=False, **arguments)
        randomise(convolution)
        return convolution

    return make


def test_imported_weights_are_the_identity_rows_of_the_bank(stock: Any) -> None:
    convolution = stock(types()[1], types()[1], 3, frequencies_cutoff=4.0)
    bank = convolution.basisexpansion(convolution.weights).detach().reshape(4, 4, 3, 3)
    weights = GroupConvolution.from_r2conv(convolution).weights[0].detach().reshape(4, 3, 3)
    assert np.allclose(weights, bank[0], atol=1e-5)
