"""The fused layer is the two layers that it stands for, and as symmetric as they are."""

import copy
from typing import Any

import pytest
import torch
from escnn.nn import EquivariantModule, FieldType
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.exporting.bits import bank_is_equal
from steergan.layers import GroupConvolution, Upsample, UpsampleConvolution, shared_filters
from steergan.layers.upsample_convolution import phase_filters
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import equivariance_error, every_irrep, permutation_type
from tests.thorough import grid

GRID_GROUPS = ("trivial", "C2", "C4", "D1", "D2", "D4")
SIZES = ((4, 4), (5, 3), (1, 2), (1, 1))


def make(in_type: FieldType, out_type: FieldType, kernel_size: int, **settings: Any) -> UpsampleConvolution:
    layer = UpsampleConvolution(in_type, out_type, kernel_size, **settings)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return layer


def plain_twin(layer: UpsampleConvolution) -> torch.nn.Sequential:
    return torch.nn.Sequential(Upsample(layer.in_type, 2), copy.deepcopy(layer.convolution))


def outcome(layer: torch.nn.Module, in_type: FieldType, x: Tensor, cotangent: Tensor) -> list[Tensor]:
    """Output, gradient of the input, gradients of the parameters, and those of a gradient penalty."""
    x = x.clone().requires_grad_()
    parameters = list(layer.parameters())
    y = layer(in_type(x)).tensor
    first = torch.autograd.grad((y * cotangent).sum(), [x, *parameters], retain_graph=True)
    (slope,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
    second = torch.autograd.grad(slope.square().sum(), parameters)
    return [y.detach(), *first, *second]


def assert_same(layer: UpsampleConvolution, height: int, width: int) -> None:
    layer = layer.double().eval()
    x = torch.randn(2, layer.in_type.size, height, width, dtype=torch.float64)
    cotangent = torch.randn(2, layer.out_type.size, 2 * height, 2 * width, dtype=torch.float64)
    found = outcome(layer, layer.in_type, x, cotangent)
    wanted = outcome(plain_twin(layer), layer.in_type, x, cotangent)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        assert (a - b).abs().max() <= 1e-13 * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize(("kernel_size", "size"), grid([1, 3, 5, 7], SIZES))
def test_it_is_upsampling_and_convolution(kernel_size: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    height, width = size
    regular = regular_type(gspace("C2"), 2)
    assert_same(make(regular, regular, kernel_size, spectral_norm=True), height, width)


@pytest.mark.parametrize("name", [*GRID_GROUPS, "C8"])
def test_it_is_so_for_every_group_and_mixed_fields(name: str) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    # escnn's basis is a float32 one: both layers use the same, so that the comparison stays in float64.
    irreps = every_irrep(space) if name != "C8" else FieldType(space, [space.irrep(1), space.regular_repr])
    assert_same(make(irreps, permutation_type(space), 3, spectral_norm=True), 3, 3)
    assert_same(make(permutation_type(space), irreps, 5), 3, 2 if name in ("trivial", "D2") else 3)


def test_phases_of_three_taps_are_the_sums_written_out() -> None:
    w = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    found = phase_filters(w)[:, :, 0, 0]
    # 1 2 3 / 4 5 6 / 7 8 9: an even pixel shares its small pixel with the next one, an odd one with the one before.
    assert found[0, 0].tolist() == [[1, 2 + 3], [4 + 7, 5 + 6 + 8 + 9]]
    assert found[0, 1].tolist() == [[1 + 2, 3], [4 + 5 + 7 + 8, 6 + 9]]
    assert found[1, 0].tolist() == [[1 + 4, 2 + 3 + 5 + 6], [7, 8 + 9]]
    assert found[1, 1].tolist() == [[1 + 2 + 4 + 5, 3 + 6], [7 + 8, 9]]


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_first_and_second_derivatives_are_right(kernel_size: int) -> None:
    torch.manual_seed(0)
    space = gspace("C4")
    layer = make(trivial_type(space, 1), regular_type(space, 1), kernel_size).double()
    names = [name for name, _ in layer.named_parameters()]

    def function(x: Tensor, *parameters: Tensor) -> Tensor:
        values = dict(zip(names, parameters, strict=True))
        y: Tensor = torch.func.functional_call(layer, values, (layer.in_type(x),)).tensor
        return y.square()

    inputs = [torch.randn(1, 1, 2, 2, dtype=torch.float64), *(p.detach().clone() for p in layer.parameters())]
    inputs = [i.requires_grad_() for i in inputs]
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize(("name", "dtype"), grid(GRID_GROUPS, [torch.float64, torch.float32]))
def test_it_commutes_with_every_element(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}[dtype]
    space = gspace(name)
    irreps, permutations, regular = every_irrep(space), permutation_type(space), regular_type(space, 3)
    layers: list[EquivariantModule] = [
        make(regular, regular, 3, spectral_norm=True),
        make(irreps, permutations, 3, spectral_norm=True),
        make(permutations, irreps, 5),
    ]
    errors = [equivariance_error(layer, size, dtype=dtype) for layer in layers for size in (1, 4, 5)]
    assert max(errors) < tolerance


def test_phases_that_are_swapped_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    regular = regular_type(gspace("C4"), 2)
    layer = make(regular, regular, 3)
    monkeypatch.setattr("steergan.layers.upsample_convolution.phase_filters", lambda bank: phase_filters(bank).flip(0))
    assert equivariance_error(layer, 5) > 1e-2


def test_forwards_that_share_a_filter_have_the_gradient_of_separate_ones() -> None:
    torch.manual_seed(0)
    regular = regular_type(gspace("C4"), 2)
    separate = make(regular, regular, 3, spectral_norm=True).double()
    shared = copy.deepcopy(separate)
    maps = [torch.randn(2, regular.size, 3, 3, dtype=torch.float64) for _ in range(2)]
    separate.convolution.filter_bank()
    separate.eval()
    sum(separate(regular(x)).tensor.pow(3).sum() for x in maps).backward()
    with shared_filters(shared):
        sum(shared(regular(x)).tensor.pow(3).sum() for x in maps).backward()
    for a, b in zip(separate.parameters(), shared.parameters(), strict=True):
        assert a.grad is not None
        assert b.grad is not None
        assert torch.allclose(a.grad, b.grad, rtol=1e-10, atol=1e-10)
    assert all(torch.equal(a, b) for a, b in zip(separate.buffers(), shared.buffers(), strict=True))


def test_a_seed_gives_it_the_weights_of_the_plain_layer() -> None:
    regular = regular_type(gspace("D4"), 2)
    torch.manual_seed(3)
    fused = UpsampleConvolution(regular, regular, 3, spectral_norm=True)
    torch.manual_seed(3)
    plain = GroupConvolution(regular, regular, 3, spectral_norm=True)
    assert all(torch.equal(value, fused.convolution.state_dict()[key]) for key, value in plain.state_dict().items())


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_an_even_kernel_is_refused(kernel_size: int) -> None:
    regular = regular_type(gspace("C4"), 1)
    with pytest.raises(SymmetryError, match=f"kernel size {kernel_size} after an upsampling.*odd"):
        UpsampleConvolution(regular, regular, kernel_size)


def test_what_a_group_convolution_refuses_is_refused() -> None:
    regular = regular_type(gspace("C4"), 1)
    with pytest.raises(SymmetryError, match="one gspace"):
        UpsampleConvolution(regular, regular_type(gspace("D4"), 1), 3)
    with pytest.raises(SymmetryError, match="one int of at least 1"):
        UpsampleConvolution(regular, regular, 3.0)  # type: ignore[arg-type]


def test_a_feature_map_of_another_type_is_refused() -> None:
    space = gspace("C4")
    layer = UpsampleConvolution(trivial_type(space, 1), regular_type(space, 1), 3)
    with pytest.raises(SymmetryError, match="UpsampleConvolution got a feature map"):
        layer(layer.out_type(torch.randn(1, 4, 2, 2)))


@pytest.mark.parametrize(("kernel_size", "group"), grid([1, 3, 5], ["C4", "D4", "D1"]))
def test_exported_layer_is_one_module_whose_equal_entries_are_the_same_bits(kernel_size: int, group: str) -> None:
    torch.manual_seed(0)
    space = gspace(group)
    fields = FieldType(space, [space.regular_repr, *space.fibergroup.irreps()])
    layer = make(fields, fields, kernel_size).double().eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()  # all their bits, so that sums in another order are other ones
    plain = layer.export()
    assert isinstance(plain, torch.nn.ConvTranspose2d)
    assert plain.weight[0, 0].numel() == (kernel_size + 1) ** 2  # of which a pixel of the result sees a quarter
    x = torch.randn(2, fields.size, 5, 3, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(plain(x), layer(fields(x)).tensor, rtol=0, atol=1e-12)
    for dtype in (torch.float64, torch.float32):
        bank = plain.weight.detach().to(dtype).transpose(0, 1)
        assert bank_is_equal(bank, fields, fields)
    bank.view(torch.int32)[0, 0, 0, 0] ^= 1
    assert not bank_is_equal(bank, fields, fields)
