"""Filters that serve many forwards, and the layers that have them."""

import copy
import pickle
from typing import Any

import pytest
import torch

from steergan.layers import (
    ConditionalBatchNorm,
    GroupConvolution,
    SpectralLinear,
    SpectralNorm,
    converge_spectral_norm,
    shared_filters,
)
from steergan.symmetry import gspace, regular_type


def convolution(name: str = "C4", fields: int = 2) -> GroupConvolution:
    field_type = regular_type(gspace(name), fields)
    return GroupConvolution(field_type, field_type, 3, spectral_norm=True)


def run(layer: GroupConvolution, seed: int = 0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    dtype = layer.weights[0].dtype
    tensor: torch.Tensor = layer(
        layer.in_type(torch.randn(2, layer.in_type.size, 5, 5, generator=stream).to(dtype))
    ).tensor
    return tensor


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many power iterations and how many expansions there have been."""
    counts = {"iterations": 0, "expansions": 0}
    iterate, expand = SpectralNorm.iterated_sigma, GroupConvolution.expanded

    def counted_iterate(self: SpectralNorm, matrix: torch.Tensor) -> torch.Tensor:
        counts["iterations"] += 1
        return iterate(self, matrix)

    def counted_expand(self: GroupConvolution, weight: torch.Tensor) -> torch.Tensor:
        counts["expansions"] += 1
        return expand(self, weight)

    monkeypatch.setattr(SpectralNorm, "iterated_sigma", counted_iterate)
    monkeypatch.setattr(GroupConvolution, "expanded", counted_expand)
    return counts


def reset(count: dict[str, int]) -> None:
    count.update(iterations=0, expansions=0)


def test_one_iteration_and_one_expansion_serve_every_forward_inside(count: dict[str, int]) -> None:
    layer = convolution()
    reset(count)
    with shared_filters(layer):
        assert count == {"iterations": 0, "expansions": 0}
        for seed in range(3):
            run(layer, seed)
    assert count == {"iterations": 1, "expansions": 1}
    run(layer)
    assert count == {"iterations": 2, "expansions": 2}


def test_in_evaluation_the_filters_are_frozen_inside_and_follow_the_weights_outside(count: dict[str, int]) -> None:
    layer = convolution().eval()
    reset(count)
    with torch.no_grad(), shared_filters(layer):
        before = run(layer)
        layer.weights[0].mul_(-1)
        assert torch.equal(run(layer), before)
    assert count == {"iterations": 0, "expansions": 1}
    # The vectors did not move, so sigma changed its sign with the weights.
    layer.weights[0].data[0, 0] *= 2
    assert not torch.equal(run(layer), before)


def test_gradients_inside_equal_those_of_separate_forwards() -> None:
    torch.manual_seed(0)
    plain = convolution().double()
    shared = copy.deepcopy(plain)
    # One iteration, and then the same filter for both forwards.
    plain.filter_bank()
    plain.eval()
    (run(plain, 1).square().sum() + run(plain, 2).pow(3).sum()).backward()
    with shared_filters(shared):
        (run(shared, 1).square().sum() + run(shared, 2).pow(3).sum()).backward()
    for a, b in zip(plain.parameters(), shared.parameters(), strict=True):
        assert a.grad is not None
        assert b.grad is not None
        assert torch.allclose(a.grad, b.grad, rtol=1e-10, atol=1e-10)
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), shared.buffers(), strict=True))


def test_a_forward_that_needs_gradients_after_one_without_gets_them_without_an_iteration(
    count: dict[str, int],
) -> None:
    layer = convolution()
    reset(count)
    with shared_filters(layer):
        with torch.no_grad():
            without = run(layer)
        with_gradient = run(layer)
        assert torch.equal(without, with_gradient)
        with_gradient.sum().backward()
        assert count == {"iterations": 1, "expansions": 2}
        with torch.no_grad():
            run(layer)
    assert count == {"iterations": 1, "expansions": 2}
    assert layer.weights[0].grad is not None


def test_inference_mode_inside_does_not_spoil_training(count: dict[str, int]) -> None:
    layer = convolution()
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    reset(count)
    with shared_filters(layer):
        with torch.inference_mode():
            run(layer)
        x = torch.randn(1, layer.in_type.size, 4, 4, requires_grad=True)
        layer(layer.in_type(x)).tensor.square().sum().backward()
    assert x.grad is not None
    assert count == {"iterations": 1, "expansions": 2}


def test_weights_frozen_inside_get_no_gradient() -> None:
    layer = convolution()
    with shared_filters(layer):
        run(layer)
        for parameter in layer.parameters():
            parameter.requires_grad_(False)
        x = torch.randn(1, layer.in_type.size, 4, 4, requires_grad=True)
        layer(layer.in_type(x)).tensor.sum().backward()
    assert x.grad is not None
    assert layer.weights[0].grad is None


def test_another_dtype_inside_makes_the_filter_again_without_iterating(count: dict[str, int]) -> None:
    layer = convolution()
    reset(count)
    with shared_filters(layer):
        run(layer)
        assert run(layer.double()).dtype == torch.float64
    assert count == {"iterations": 1, "expansions": 2}


def test_contexts_nest_and_the_outermost_counts(count: dict[str, int]) -> None:
    layer = convolution()
    reset(count)
    with shared_filters(layer, torch.nn.Sequential(layer)):
        run(layer)
        with shared_filters(layer):
            run(layer)
        run(layer)
    assert count == {"iterations": 1, "expansions": 1}
    run(layer)
    assert count == {"iterations": 2, "expansions": 2}


def test_the_next_context_starts_anew() -> None:
    layer = convolution().eval()
    with shared_filters(layer):
        before = run(layer)
    with torch.no_grad():
        layer.weights[0].add_(torch.randn_like(layer.weights[0]))
    with shared_filters(layer):
        after = run(layer)
    assert not torch.allclose(after, before)
    assert torch.equal(after, run(layer))


def fail_inside(layer: GroupConvolution) -> None:
    with shared_filters(layer):
        run(layer)
        raise RuntimeError("inside")


def test_an_exception_inside_ends_the_sharing(count: dict[str, int]) -> None:
    layer = convolution()
    reset(count)
    with pytest.raises(RuntimeError, match="inside"):
        fail_inside(layer)
    run(layer)
    assert count == {"iterations": 2, "expansions": 2}


def test_copies_made_inside_share_nothing_and_the_state_dict_does_not_change(count: dict[str, int]) -> None:
    layer = convolution()
    keys = list(layer.state_dict())
    with shared_filters(layer):
        run(layer)
        twin = copy.deepcopy(layer)
        pickled: Any = pickle.loads(pickle.dumps(layer.shared))
        assert list(layer.state_dict()) == keys
        assert pickled.filter is None
        assert pickled.depth == 0
    reset(count)
    run(twin)
    run(twin)
    assert count == {"iterations": 2, "expansions": 2}


def test_dense_layers_share_too(count: dict[str, int]) -> None:
    layer = SpectralLinear(4, 3)
    reset(count)
    with shared_filters(layer):
        layer(torch.randn(2, 4))
        layer(torch.randn(2, 4))
    assert count["iterations"] == 1


def test_convergence_reaches_every_layer_and_stops_at_the_tolerance() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(ConditionalBatchNorm(regular_type(gspace("C4"), 3), 6), SpectralLinear(6, 5))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    converge_spectral_norm(network, tolerance=1e-7)
    for layer in network.modules():
        if isinstance(layer, SpectralLinear):
            assert layer.spectral is not None
            sigma = float(layer.spectral.sigma(layer.weight).detach())
            assert sigma == pytest.approx(float(torch.linalg.matrix_norm(layer.weight.detach(), 2)), rel=1e-3)
    vectors = [norm.u.clone() for norm in network.modules() if isinstance(norm, SpectralNorm)]
    converge_spectral_norm(network, max_iterations=0)
    now = [norm.u for norm in network.modules() if isinstance(norm, SpectralNorm)]
    assert all(torch.equal(a, b) for a, b in zip(vectors, now, strict=True))
