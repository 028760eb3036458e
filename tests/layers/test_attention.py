from typing import Any

import pytest
import torch
import torch.nn.functional as F
from escnn.nn import FieldType
from torch import Tensor

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import (
    AntialiasedPool,
    AveragePool,
    MaxPool,
    Scores,
    SelfAttention,
    choose_attention,
    choose_recomputation,
    run,
)
from steergan.motions import element_at
from steergan.symmetry import gspace, plane_matrices, regular_type, trivial_type
from tests.layers.equivariance import (
    equivariance_error,
    every_irrep,
    fibre_error,
    fourier,
    gated,
    random_map,
    randomise,
)
from tests.thorough import grid

SCORES = {
    "invariant": Scores("invariant", heads=2, biases=(4, 4)),
    "oriented": Scores("oriented", heads=2, biases=(4, 4)),
    "plain invariant": Scores("invariant"),
    "plain oriented": Scores("oriented"),
}


def layer_on(fields: FieldType, scores: Any = "invariant", **settings: Any) -> SelfAttention:
    """In float64, with all parameters drawn, gamma too."""
    layer = SelfAttention(fields, scores=scores, **settings).double().eval()
    randomise(layer)
    return layer


@pytest.mark.parametrize(
    ("group", "scores", "pool"), grid(("trivial", "C4", "D1", "D4", "C8"), tuple(SCORES), (True, False))
)
def test_attention_commutes_with_every_element(group: str, scores: str, pool: bool) -> None:
    torch.manual_seed(0)
    wanted = SCORES["plain oriented"] if (group, scores) == ("C8", "oriented") else SCORES[scores]
    layer = layer_on(regular_type(gspace(group), 8), wanted, key=4, pool=pool)
    for training in (True, False):
        assert equivariance_error(layer.train(training), 4) < (1e-6 if group == "C8" else 1e-12)


@pytest.mark.parametrize("name", ["C4", "D4"])
def test_fields_of_all_representations_attend(name: str) -> None:
    torch.manual_seed(0)
    layer = layer_on(every_irrep(gspace(name)), Scores(biases=(4, 4)))
    assert isinstance(layer.pool_key, AveragePool)  # a maximum does not commute with what changes signs
    assert equivariance_error(layer, 4) < 1e-12


@pytest.mark.parametrize("fields", [fourier("SO2", fields=8), gated("O2", fields=8), regular_type(gspace("C8"), 8)])
def test_beyond_the_grid_scores_are_left_alone_by_every_angle(fields: FieldType) -> None:
    torch.manual_seed(0)
    layer = layer_on(fields, Scores(biases=(3, 3)), pool=False)
    assert fibre_error(layer, element_at(fields.gspace, 45)) < 1e-12
    assert isinstance(SelfAttention(fields).pool_key, AntialiasedPool)


def test_with_the_trivial_group_it_is_the_block_of_biggan() -> None:
    torch.manual_seed(0)
    layer = layer_on(trivial_type(gspace("trivial"), 16), spectral_norm=False)
    x = random_map(layer.in_type, 6, torch.float64)
    wide = x.tensor
    weight = {name: getattr(layer, name).filter_bank() for name in ("query", "key", "value", "output")}
    theta = F.conv2d(wide, weight["query"]).view(2, 2, 36)
    phi = F.max_pool2d(F.conv2d(wide, weight["key"]), 2).view(2, 2, 9)
    g = F.max_pool2d(F.conv2d(wide, weight["value"]), 2).view(2, 8, 9)
    beta = F.softmax(torch.bmm(theta.transpose(1, 2), phi) / 2**0.5, -1)
    o = F.conv2d(torch.bmm(g, beta.transpose(1, 2)).view(2, 8, 6, 6), weight["output"])
    assert isinstance(layer.pool_key, MaxPool)
    assert torch.allclose(layer(x).tensor, wide + layer.gamma * o, atol=1e-12)


def test_oriented_scores_compare_one_orientation_of_all_fields() -> None:
    torch.manual_seed(0)
    layer = layer_on(regular_type(gspace("D4"), 4), Scores("oriented", biases=(2, 2)), key=2, pool=False)
    x = random_map(layer.in_type, 2, torch.float64)
    q, k, v = (part(x).tensor.unflatten(1, (-1, 8)).flatten(3) for part in (layer.query, layer.key, layer.value))
    assert layer.bias is not None
    seen = torch.empty_like(v)
    for g, matrix in enumerate(plane_matrices(layer.in_type.gspace).round()):
        for i in range(4):
            scores: list[Tensor] = []
            for j in range(4):
                right, up = j % 2 - i % 2, i // 2 - j // 2
                # What element g adds for d is what the identity adds for g^-1 d.
                x_back, y_back = (int(n) for n in matrix.T @ (right, up))
                pairs = ((n, m) for n in range(4) for m in range(4))
                at, to = next((n, m) for n, m in pairs if (m % 2 - n % 2, n // 2 - m // 2) == (x_back, y_back))
                scores.append((q[:, :, g, i] * k[:, :, g, j]).sum(1) / 2**0.5 + layer.bias()[0, at, to])
            weights = torch.stack(scores, 1).softmax(1)
            seen[:, :, g, i] = torch.einsum("bj,bfj->bf", weights, v[:, :, g])
    wanted = x.tensor + layer.gamma * layer.output(layer.output.in_type(seen.flatten(1, 2).unflatten(2, (2, 2)))).tensor
    assert torch.allclose(layer(x).tensor, wanted, atol=1e-12)


@pytest.mark.parametrize("scores", ["invariant", "oriented"])
def test_what_can_be_differentiated_twice_and_what_is_fused_agree(scores: str) -> None:
    torch.manual_seed(0)
    layer = SelfAttention(regular_type(gspace("D4"), 16), scores=SCORES[scores])
    torch.nn.init.ones_(layer.gamma)
    x = random_map(layer.in_type, 4).tensor

    def output_of(layer: SelfAttention, gradients: bool) -> tuple[Tensor, Tensor]:
        leaf = x.clone().requires_grad_()
        with torch.set_grad_enabled(gradients):
            out = layer(layer.in_type(leaf)).tensor
        (gradient,) = torch.autograd.grad(out.square().sum(), leaf) if gradients else (torch.zeros(()),)
        return out.detach(), gradient

    layer.eval()
    (plain, gradient), (inference, _) = output_of(layer, True), output_of(layer, False)
    choose_attention(layer, twice=False)
    fused, fused_gradient = output_of(layer, True)
    for found, wanted in ((fused, plain), (inference, plain), (fused_gradient, gradient)):
        assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-6


def r1(layer: SelfAttention, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(layer.in_type(leaf)).tensor.sin().sum(), leaf, create_graph=True)
    return gradient.square().sum()


@pytest.mark.parametrize("scores", tuple(SCORES)[:2])
def test_the_mixed_second_derivative_agrees_with_finite_differences(scores: str) -> None:
    torch.manual_seed(0)
    layer = layer_on(regular_type(gspace("C4"), 4), SCORES[scores], key=2)
    x, parameters, step = random_map(layer.in_type, 4, torch.float64).tensor, list(layer.parameters()), 1e-6
    gradients = torch.autograd.grad(r1(layer, x), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        direction, ends = torch.randn_like(parameter), []
        for move in (step, -2 * step):
            with torch.no_grad():
                parameter.add_(move * direction)
            ends.append(float(r1(layer, x).detach()))
        with torch.no_grad():
            parameter.add_(step * direction)
        slope = float((gradient * direction).sum())
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-6)


def test_fused_attention_refuses_a_second_derivative() -> None:
    layer = layer_on(regular_type(gspace("C4"), 4))
    choose_attention(layer, twice=False)
    with pytest.raises(RuntimeError, match=r"derivative for .*attention.* is not implemented"):
        r1(layer, random_map(layer.in_type, 4, torch.float64).tensor).backward()


def test_the_gradient_of_r1_is_the_same_where_maps_are_computed_again() -> None:
    torch.manual_seed(0)
    layer = layer_on(regular_type(gspace("C4"), 4), SCORES["oriented"], key=2)
    x, found = random_map(layer.in_type, 4, torch.float64).tensor, []
    for recompute in (False, True):
        choose_recomputation(layer, recompute)
        leaf = x.clone().requires_grad_()
        score = run(layer, layer.in_type(leaf)).tensor.sin().sum()
        (gradient,) = torch.autograd.grad(score, leaf, create_graph=True)
        found.append(torch.autograd.grad(gradient.square().sum(), list(layer.parameters())))
    assert all(torch.allclose(a, b, rtol=1e-12) for a, b in zip(*found, strict=True))


def test_it_begins_as_the_identity_and_learns() -> None:
    layer = SelfAttention(regular_type(gspace("C4"), 8))
    x = random_map(layer.in_type, 4)
    out = layer(x).tensor
    assert torch.equal(out, x.tensor)
    out.square().sum().backward()
    assert layer.gamma.grad is not None
    assert float(layer.gamma.grad.abs()) > 0


def test_a_sample_does_not_look_at_its_batch_mates() -> None:
    torch.manual_seed(0)
    layer = layer_on(regular_type(gspace("C4"), 4))
    x = random_map(layer.in_type, 4, torch.float64)
    alone = layer(layer.in_type(x.tensor[:1])).tensor
    assert torch.allclose(layer(x).tensor[:1], alone, atol=1e-12)


def test_exports_are_plain_and_the_same() -> None:
    torch.manual_seed(0)
    for scores in SCORES.values():
        layer = layer_on(regular_type(gspace("D4"), 8), scores, key=4)
        x = random_map(layer.in_type, 4, torch.float64)
        plain = layer.export()
        assert {type(part).__module__.split(".")[0] for part in plain.modules()} == {"torch"}
        assert torch.allclose(plain(x.tensor), layer(x).tensor, rtol=1e-10)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"key": 0}, "key=0: a whole number from 1"),
        ({"scores": "local"}, "'local' are not known; choose one of invariant, oriented"),
        ({"scores": Scores(heads=0)}, "heads=0: a whole number"),
        ({"scores": Scores(heads=3)}, "3 heads can't share 1 and 4 fields"),
        ({"scores": Scores(biases=(3, 3))}, "biases on a pooled map of 3 x 3"),
        ({"scores": Scores(biases=(4, 6))}, "rectangle"),
    ],
)
def test_impossible_attention_is_refused_in_one_line(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SteerganError, match=words) as fault:
        SelfAttention(regular_type(gspace("C4"), 8), **settings)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("fields", "scores", "words"),
    [
        (fourier("SO2"), "oriented", "SO2 got .*; use invariant scores"),
        (trivial_type(gspace("C4"), 4), "oriented", "of regular fields"),
        (regular_type(gspace("C8"), 4), Scores("oriented", biases=(4, 4)), "C8 turns pixels between pixels"),
        (every_irrep(gspace("C4")), Scores(heads=2), "one representation"),
    ],
)
def test_scores_that_fields_cannot_have_are_refused(fields: FieldType, scores: Any, words: str) -> None:
    with pytest.raises(SymmetryError, match=words):
        SelfAttention(fields, scores=scores)


def test_maps_that_do_not_suit_are_refused() -> None:
    regular = regular_type(gspace("C4"), 4)
    with pytest.raises(SymmetryError, match=r"5 x 5 map, whose keys it can't pool 2 x 2"):
        SelfAttention(regular)(random_map(regular, 5))
    with pytest.raises(SymmetryError, match=r"maps of 4 x 4 and got 6 x 6"):
        SelfAttention(regular, scores=Scores(biases=(4, 4)))(random_map(regular, 6))
    assert SelfAttention(regular, pool=False)(random_map(regular, 5)).shape == (2, 16, 5, 5)
