import copy
from typing import Any

import numpy as np
import pytest
import torch
from escnn import gspaces
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import GroupConvolution, activation
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import (
    equivariance_error,
    largest_difference,
    random_map,
    randomise,
)

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


def test_a_bank_that_is_not_equivariant_is_refused() -> None:
    space = gspace("C4")
    layer = GroupConvolution(regular_type(space, 2), regular_type(space, 2), 3)
    bank = layer.filter_bank().detach().clone()
    layer.load_bank(bank)
    bank[0, 0, 0, 0] += 0.01
    with pytest.raises(SymmetryError, match="not equivariant"):
        layer.load_bank(bank)


# --- structure -----------------------------------------------------------------------------------------------------


def test_weights_are_one_tensor_for_each_pair_in_order_of_appearance() -> None:
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


@pytest.mark.filterwarnings("ignore")  # torch deprecates traces, and escnn's asserts warn in them
@pytest.mark.parametrize("fields", [2, 12])  # few: by the dense bank; many: in the Fourier basis, where kernels are
def test_a_trace_computes_the_same(fields: int) -> None:
    layer = GroupConvolution(regular_type(gspace("D4"), fields), regular_type(gspace("D4"), fields), 3)

    class OnTensors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.layer(layer.in_type(x)).tensor
            return y

    x = torch.randn(1, 8 * fields, 5, 5)
    with torch.no_grad():
        traced = torch.jit.trace(OnTensors(), torch.randn(1, 8 * fields, 5, 5), check_trace=False)
        assert torch.equal(traced(x), OnTensors()(x))


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


@pytest.mark.parametrize("name", ["C8", "D8"])
def test_even_kernels_off_the_grid_commute_with_quarter_turns(name: str) -> None:
    assert equivariance_error(GroupConvolution(*types(name), 4, padding=3), 1) < 1e-5
    assert equivariance_error(GroupConvolution(*types(name), 4, padding=0), 7) < 1e-5


@pytest.mark.parametrize("name", ["C4", "C8"])
def test_a_pair_of_types_with_only_the_zero_filter_is_refused(name: str) -> None:
    space = gspace(name)
    with pytest.raises(SymmetryError, match="no 1 x 1 filter but zero"):
        GroupConvolution(trivial_type(space, 1), FieldType(space, [space.irrep(1)]), 1)


def test_a_map_smaller_than_the_kernel_is_refused() -> None:
    with pytest.raises(SteerganError, match="3 x 5 map"):
        GroupConvolution(*types(), 5, padding=0).evaluate_output_shape((1, 1, 3, 5))


def test_a_feature_map_of_another_type_is_refused() -> None:
    layer = GroupConvolution(*types(), 3)
    with pytest.raises(SymmetryError, match="in_type"):
        layer(random_map(layer.out_type))


# --- gspaces without a name -------------------------------------------------------------------------------------------


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
