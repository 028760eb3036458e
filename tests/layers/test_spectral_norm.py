from typing import Any

import pytest
import torch
from escnn.nn import FieldType
from torch.nn.utils.parametrizations import spectral_norm

from steergan.layers import (
    GroupConvolution,
    SpectralLinear,
    SpectralNorm,
    converge_spectral_norm,
    shared_filters,
)
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import verify
from tests.thorough import grid


def largest_singular_value(matrix: torch.Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix.detach(), 2))


def convolution(name: str = "C4", fields: int = 2) -> GroupConvolution:
    field_type = regular_type(gspace(name), fields)
    return GroupConvolution(field_type, field_type, 3, spectral_norm=True)


# --- the norm ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trivial", "C4", "D4", "C8"])
def test_after_convergence_the_bank_has_spectral_norm_one(name: str) -> None:
    torch.manual_seed(0)
    layer = convolution(name).double()
    with torch.no_grad():
        layer.weights[0].normal_()
    converge_spectral_norm(layer, tolerance=1e-14, max_iterations=5_000)
    assert layer.spectral is not None
    assert layer.spectral.sigma(layer.raw_filter()).dtype == torch.float64
    assert largest_singular_value(layer.eval().filter_bank().flatten(1)) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**20])
def test_convergence_is_relative_a_matrix_of_another_size_takes_as_many_iterations(scale: float) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(12, 20)
    norms = [SpectralNorm(12, 20) for _ in range(2)]
    norms[1].load_state_dict(norms[0].state_dict())
    start = norms[0].u.clone()
    # Powers of two change no bit of the vectors.
    for norm, size in zip(norms, (1.0, scale), strict=True):
        norm.converge(size * matrix, tolerance=1e-4, max_iterations=1000)
    assert torch.equal(norms[0].u, norms[1].u)
    assert not torch.allclose(norms[0].u, start, atol=0.1)
    converged = norms[0].u.clone()
    norms[0].converge(matrix, tolerance=0.0, max_iterations=1000)
    assert not torch.equal(converged, norms[0].u)


@pytest.mark.parametrize("name", ["dense", "C4", "C8"])
def test_convergence_is_iterations_to_the_bit(name: str) -> None:
    """Of a tensor, and of banks that are not made."""
    torch.manual_seed(0)
    matrix: Any = torch.randn(12, 20) if name == "dense" else convolution(name).gathered_filter()
    norms = [SpectralNorm(*matrix.shape) for _ in range(2)]
    norms[1].load_state_dict(norms[0].state_dict())
    norms[0].converge(matrix, tolerance=0.0, max_iterations=5)
    with torch.no_grad():
        for _ in range(5):
            norms[1].iterated_sigma(matrix)
    assert torch.equal(norms[0].u, norms[1].u)
    assert torch.equal(norms[0].v, norms[1].v)


def test_a_new_layer_is_near_convergence() -> None:
    torch.manual_seed(0)
    for layer in (convolution("trivial"), convolution("C4", 8), convolution("D4", 3)):
        assert largest_singular_value(layer.eval().filter_bank().flatten(1)) == pytest.approx(1, abs=0.1)


def test_values_and_gradients_are_those_of_torchs_spectral_norm() -> None:
    torch.manual_seed(0)
    reference = spectral_norm(torch.nn.Linear(7, 4), n_power_iterations=1).double()
    ours = SpectralLinear(7, 4).double()
    original: Any = reference.parametrizations.weight  # type: ignore[union-attr]
    assert ours.bias is not None
    assert ours.spectral is not None
    x = torch.randn(3, 7, dtype=torch.float64)
    for _ in range(3):
        # torch iterates in the other order, u before v, so its vectors are taken over.
        reference.train()(x)
        with torch.no_grad():
            ours.weight.copy_(original.original)
            ours.bias.copy_(reference.get_parameter("bias"))
            ours.spectral.u.copy_(original[0]._u)
            ours.spectral.v.copy_(original[0]._v)
        for layer in (reference, ours):
            layer.eval().zero_grad()
            layer(x).square().sum().backward()
        assert torch.allclose(ours(x), reference(x), rtol=0, atol=1e-12)
        assert ours.weight.grad is not None
        assert torch.allclose(ours.weight.grad, original.original.grad, rtol=0, atol=1e-12)


def test_the_gradient_is_miyatos() -> None:
    """d<W / sigma, P> / dW = P / sigma - <W, P> / sigma^2 u v^T."""
    torch.manual_seed(0)
    norm = SpectralNorm(4, 6).double().eval()
    matrix = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(4, 6, dtype=torch.float64)
    norm(matrix).backward(probe)
    sigma = norm.sigma(matrix).detach()
    want = probe / sigma - (matrix.detach() * probe).sum() / sigma**2 * torch.outer(norm.u, norm.v)
    assert matrix.grad is not None
    assert torch.allclose(matrix.grad, want, atol=1e-12)


def test_second_derivatives_are_right() -> None:
    torch.manual_seed(0)
    norm = SpectralNorm(3, 4).double().eval()
    matrix = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, matrix)
    assert torch.autograd.gradgradcheck(norm, matrix)


def test_evaluation_never_iterates_and_training_does_once_per_forward() -> None:
    torch.manual_seed(0)
    norm, matrix = SpectralNorm(5, 8), torch.randn(5, 8)
    before = norm.u.clone(), norm.v.clone()
    norm.eval()(matrix)
    assert torch.equal(norm.u, before[0])
    assert torch.equal(norm.v, before[1])
    by_hand_v = torch.nn.functional.normalize(matrix.mT @ before[0], dim=0)
    by_hand_u = torch.nn.functional.normalize(matrix @ by_hand_v, dim=0)
    norm.train()(matrix)
    assert torch.allclose(norm.u, by_hand_u)
    assert torch.allclose(norm.v, by_hand_v)


def test_both_modes_have_the_same_keys_and_compute_the_same_function() -> None:
    norm, matrix = SpectralNorm(5, 8), torch.randn(5, 8)
    trained = norm.train()(matrix)
    keys = list(norm.state_dict())
    assert torch.equal(norm.eval()(matrix), trained)
    assert keys == list(norm.state_dict()) == ["u", "v"]


def test_an_iteration_leaves_earlier_graphs_valid() -> None:
    torch.manual_seed(0)
    norm, matrix = SpectralNorm(4, 4), torch.randn(4, 4, requires_grad=True)
    first = norm(matrix).sum()
    alone = torch.autograd.grad(first, matrix, retain_graph=True)[0]
    norm(matrix)
    assert torch.equal(torch.autograd.grad(first, matrix)[0], alone)


# --- of the free weights ---------------------------------------------------------------------------------------------


def free(name: str, kernel_size: int = 3) -> GroupConvolution:
    torch.manual_seed(0)
    space = gspace(name)
    layer = GroupConvolution(regular_type(space, 4), regular_type(space, 3), kernel_size, spectral_norm="weights")
    with torch.no_grad():
        layer.weights[0].normal_()
    converge_spectral_norm(layer.double(), tolerance=1e-14)
    return layer.eval()


@pytest.mark.parametrize("name", ["trivial", "C2", "C4", "D1", "D2", "D4"])
def test_the_bank_of_normed_weights_is_between_one_and_the_root_of_the_order(name: str) -> None:
    layer = free(name)
    order = layer.in_type.gspace.fibergroup.order()
    bank = torch.linalg.matrix_norm(layer.filter_bank().flatten(1).detach(), 2).item()
    weights = layer.weights[0].detach().flatten(1)
    assert 1 - 1e-9 < bank < order**0.5 + 1e-9
    if order > 1:
        assert bank > 1.01
    expected = layer.raw_filter() / torch.linalg.matrix_norm(weights, 2)
    assert torch.allclose(layer.filter_matrix(), expected, rtol=1e-5, atol=1e-12)
    assert torch.equal(layer.filter_matrix(), layer.normed_filter())


def test_weights_of_several_representations_are_a_block_for_each_of_the_output() -> None:
    torch.manual_seed(0)
    space = gspace("C4")
    image, fields = trivial_type(space, 2), regular_type(space, 3)
    layer = GroupConvolution(image + fields, fields + image, 3, spectral_norm="weights").double()
    converge_spectral_norm(layer)
    assert layer.spectral is not None
    matrix = layer.weight_matrix().detach()
    assert matrix.shape[0] == 5
    assert layer.spectral.sigma(matrix).item() == pytest.approx(torch.linalg.matrix_norm(matrix, 2).item(), rel=1e-5)
    parts = [torch.cat([w.flatten(1) for w in layer.weights if len(w) == rows], dim=1).detach() for rows in (2, 3)]
    largest = max(torch.linalg.matrix_norm(part, 2).item() for part in parts)
    assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(largest, rel=1e-9)


@pytest.mark.parametrize("group", ["C4", "D4", "C8", "SO2"])
def test_normed_weights_leave_a_layer_equivariant_and_its_certificate_holds(group: str) -> None:
    space = gspace(group)
    fields = regular_type(space, 2) if group != "SO2" else FieldType(space, [space.irrep(0), space.irrep(1)])
    layer = GroupConvolution(fields, fields, 3, spectral_norm="weights")
    certificate = verify(layer, level=2, sizes=(9,))
    assert certificate.verdict == "proved", certificate.sentence


def test_the_gradient_goes_through_the_norm_of_the_weights() -> None:
    layer = free("C4").eval()
    parameter = layer.weights[0]

    def bank(weight: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = torch.func.functional_call(Bank(layer), {"layer.weights.0": weight}, ())
        return made

    assert torch.autograd.gradcheck(bank, parameter.detach().clone().requires_grad_(), fast_mode=True)


class Bank(torch.nn.Module):
    """A layer whose forward gives its bank."""

    def __init__(self, layer: GroupConvolution) -> None:
        super().__init__()
        self.layer = layer

    def forward(self) -> torch.Tensor:
        return self.layer.filter_matrix()


def test_no_other_norm_is_known() -> None:
    with pytest.raises(ValueError, match="spectral_norm = 'kernel' came"):
        SpectralLinear(3, 3, spectral_norm="kernel")  # type: ignore[arg-type]


# --- without the bank ------------------------------------------------------------------------------------------------


def two_types(name: str, kernel_size: int, dtype: torch.dtype) -> GroupConvolution:
    torch.manual_seed(0)
    space = gspace(name)
    layer = GroupConvolution(regular_type(space, 4), regular_type(space, 3), kernel_size, spectral_norm=True)
    with torch.no_grad():
        layer.weights[0].normal_()
    return layer.to(dtype)


@pytest.mark.parametrize(("name", "kernel_size"), grid(["C2", "C4", "D1", "D2", "D4"], [1, 3, 5]))
def test_sigma_and_its_vectors_are_those_of_the_bank(name: str, kernel_size: int) -> None:
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        layer = two_types(name, kernel_size, dtype)
        assert layer.spectral is not None
        matrix, bank = layer.gathered_filter(), layer.raw_filter().detach()
        assert matrix is not None
        dense = SpectralNorm(*bank.shape).to(dtype)
        dense.load_state_dict(layer.spectral.state_dict())
        for _ in range(3):
            layer.spectral.iterated_sigma(matrix)
            dense.iterated_sigma(bank)
        assert layer.spectral.sigma(matrix).item() == pytest.approx(dense.sigma(bank).item(), rel=tolerance)
        assert (layer.spectral.u - dense.u).norm() < tolerance
        assert (layer.spectral.v - dense.v).norm() < tolerance


@pytest.mark.parametrize("name", ["C2", "C4", "D1", "D2", "D4"])
def test_gradients_of_both_orders_are_those_of_the_bank(name: str) -> None:
    layer = two_types(name, 3, torch.float64).eval()
    assert layer.spectral is not None
    weight, probe = layer.weights[0], torch.randn_like(layer.raw_filter())
    results = []
    for filters in (layer.filter_matrix(), layer.spectral(layer.raw_filter())):
        value = (filters * probe).sum().sin()
        first = torch.autograd.grad(value, weight, create_graph=True)[0]
        results.append((filters, first, torch.autograd.grad(first.square().sum(), weight)[0]))
    for ours, dense in zip(*results, strict=True):
        assert torch.allclose(ours, dense, rtol=1e-10, atol=1e-10)


def test_derivatives_of_the_normalized_weight_are_right() -> None:
    layer = two_types("D4", 1, torch.float64).eval()

    def normalized(weight: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.func.functional_call(Normalized(layer), {"layer.weights.0": weight}, ())
        return out

    weight = layer.weights[0].detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(normalized, weight, fast_mode=True)
    assert torch.autograd.gradgradcheck(normalized, weight, fast_mode=True)


class Normalized(torch.nn.Module):
    """A layer whose forward gives its normalised weight."""

    def __init__(self, layer: GroupConvolution) -> None:
        super().__init__()
        self.layer = layer

    def forward(self) -> torch.Tensor:
        return self.layer.normalized_weight()


@pytest.mark.parametrize("name", ["C2", "C4", "D1", "D2", "D4"])
def test_the_converged_sigma_is_the_largest_singular_value(name: str) -> None:
    layer = two_types(name, 3, torch.float64)
    converge_spectral_norm(layer, tolerance=1e-14, max_iterations=5_000)
    assert layer.spectral is not None
    bank = layer.raw_filter().detach()
    assert layer.spectral.sigma(bank).item() == pytest.approx(float(torch.linalg.svdvals(bank)[0]), rel=1e-9)


def test_the_normalized_weight_is_the_one_behind_the_filter_with_one_iteration_for_both() -> None:
    for weight_first in (False, True):
        layer = two_types("D4", 3, torch.float64)
        assert layer.spectral is not None
        expected = SpectralNorm(*layer.raw_filter().shape).double()
        expected.load_state_dict(layer.spectral.state_dict())
        with torch.no_grad():
            want = expected.train()(layer.raw_filter())
        with shared_filters(layer):
            early = layer.normalized_weight() if weight_first else None
            bank = layer.filter_matrix()
            weight = layer.normalized_weight()
            assert early is None or early is weight
            assert layer.filter_matrix() is bank
        expansion: Any = layer.expansions[0]
        assert torch.allclose(bank, want, rtol=0, atol=1e-12)
        assert torch.allclose(expansion(weight).reshape(bank.shape), want, rtol=0, atol=1e-12)
        assert torch.allclose(layer.spectral.u, expected.u, rtol=0, atol=1e-12)


def test_a_normalized_weight_made_without_gradients_does_not_stand_in_for_one_with_them() -> None:
    layer = two_types("C4", 3, torch.float32)
    assert layer.spectral is not None
    with shared_filters(layer):
        with torch.no_grad():
            without = layer.normalized_weight()
        vector = layer.spectral.u.clone()
        weight = layer.normalized_weight()
        assert torch.equal(without, weight)
        assert torch.equal(layer.spectral.u, vector)
        weight.square().sum().backward()
    assert layer.weights[0].grad is not None
    assert layer.normalized_weight() is not weight


def test_without_a_spectral_norm_the_normalized_weight_is_the_weight() -> None:
    field_type = regular_type(gspace("C4"), 2)
    layer = GroupConvolution(field_type, field_type, 3)
    assert layer.normalized_weight() is layer.weights[0]
