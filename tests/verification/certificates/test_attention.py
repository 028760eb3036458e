"""Self-attention is proved for every group, and every way of breaking it is seen."""

from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor

from steergan.layers import GroupConvolution, MaxPool, Scores, SelfAttention
from steergan.layers.attention import Attention
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Situation, grid_elements, verify
from steergan.verification.registry import certifier_of
from tests.layers.equivariance import every_irrep, fourier, gated
from tests.thorough import also

SIDE = 4


def attention(fields: FieldType, scores: Any = "invariant", **settings: Any) -> SelfAttention:
    layer = SelfAttention(fields, scores=scores, **settings).eval()
    torch.nn.init.ones_(layer.gamma)
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias.table)
    return layer


def verdicts(layer: SelfAttention, side: int = SIDE) -> set[tuple[str, str]]:
    certifier = certifier_of(layer)
    assert certifier is not None
    shape, elements = (2, layer.in_type.size, side, side), tuple(grid_elements(layer.in_type.gspace))
    return {(f.kind, f.verdict) for f in certifier(layer, Situation(elements, shape, shape, (), training=False))}


@pytest.mark.parametrize("kind", ["invariant", "oriented"])
@pytest.mark.parametrize("group", ["D4", *also("trivial", "C2", "C4", "D1")])
def test_attention_is_proved_in_integers_on_the_grid(group: str, kind: Any) -> None:
    fields = regular_type(gspace(group), 4)
    assert verdicts(attention(fields, Scores(kind, heads=2, biases=(SIDE, SIDE)), key=2)) == {("exact", "holds")}
    assert verdicts(attention(fields, kind, pool=False), side=5) == {("exact", "holds")}


@pytest.mark.parametrize(
    "fields", [every_irrep(gspace("D4")), fourier("SO2"), gated("O2"), regular_type(gspace("C8"), 4)]
)
def test_attention_of_other_fields_is_proved_up_to_their_filters(fields: FieldType) -> None:
    found = verdicts(attention(fields, Scores(biases=(SIDE, SIDE))))
    assert found <= {("exact", "holds"), ("bounded", "holds")}


def half_of_the_pixels(layer: SelfAttention) -> None:
    def forward(self: SelfAttention, x: GeometricTensor) -> GeometricTensor:
        q, k, v = (part(x).tensor.flatten(2) for part in (self.query, self.key, self.value))
        weights = (q.mT @ k)[..., : SIDE**2 // 2].softmax(-1)
        seen = (v[..., : SIDE**2 // 2] @ weights.mT).unflatten(2, (SIDE, SIDE))
        return self.out_type(x.tensor + self.output(self.output.in_type(seen)).tensor)

    layer.forward = MethodType(forward, layer)  # type: ignore[method-assign]


def part_of_a_field(layer: SelfAttention) -> None:
    attend = layer.attend

    def scored(self: SelfAttention, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, way: Attention) -> Tensor:
        return attend(q * torch.tensor([1.0, 1, 1, 0]).repeat(q.shape[1] // 4)[:, None, None], k, v, bias, way)

    layer.attend = MethodType(scored, layer)  # type: ignore[method-assign]


def odd_pool(layer: SelfAttention) -> None:
    layer.pool_key, layer.pool_value = (
        MaxPool(part.out_type, 3, 2, 1, strict=False) for part in (layer.key, layer.value)
    )


def bias_within_an_orbit(layer: SelfAttention) -> None:
    assert layer.bias is not None
    layer.bias.number[0, 1] += 1


def heads_through_fields(layer: SelfAttention) -> None:
    layer.scores = Scores(heads=4)


def other_queries(layer: SelfAttention) -> None:
    space = layer.in_type.gspace
    signed = FieldType(space, [space.irrep(0), space.irrep(1), space.irrep(2)])
    layer.query = GroupConvolution(layer.in_type, signed, 1, bias=False)


def values_of_one_side(layer: SelfAttention) -> None:
    def shifted(x: GeometricTensor) -> GeometricTensor:
        return x.type(x.tensor.roll(1, 2))

    pool = layer.pool_value
    assert pool is not None
    old = pool.forward
    pool.forward = lambda x: old(shifted(x))


PARTS: dict[str, tuple[Callable[[SelfAttention], None], str]] = {
    "an odd pool": (odd_pool, "broken"),
    "a bias that is not constant on its orbit": (bias_within_an_orbit, "broken"),
    "heads that split a field": (heads_through_fields, "not proved"),
    "queries of another type than keys": (other_queries, "not proved"),
}
"""In the layer's own parts, which its certificate looks at."""

CODE: dict[str, Callable[[SelfAttention], None]] = {
    "softmax over half of the pixels": half_of_the_pixels,
    "scores over part of a field": part_of_a_field,
    "values of shifted pixels": values_of_one_side,
}
"""In its code: then it is not taken for what its type says, and followed operation by operation."""


def small_attention() -> SelfAttention:
    torch.manual_seed(0)
    return attention(regular_type(gspace("C4"), 4), Scores(biases=(SIDE, SIDE)), key=2, spectral_norm=False)


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_break_it_are_caught(name: str) -> None:
    change, wanted = PARTS[name]
    layer = small_attention()
    assert {verdict for _, verdict in verdicts(layer)} == {"holds"}
    change(layer)
    assert wanted in {verdict for _, verdict in verdicts(layer)}


@pytest.mark.parametrize("name", CODE)
def test_code_that_breaks_it_is_caught(name: str) -> None:
    layer = small_attention()
    CODE[name](layer)
    assert verify(layer, SIDE, level=4, modes=("evaluation",)).verdict == "broken"


def test_attention_is_proved_within_a_network() -> None:
    layer = small_attention()
    lift = GroupConvolution(trivial_type(layer.in_type.gspace, 1), layer.in_type, 3)
    assert (
        verify(torch.nn.Sequential(lift, layer), SIDE, in_type=lift.in_type, modes=("evaluation",)).verdict == "proved"
    )


def test_oriented_biases_that_another_element_turns_are_caught() -> None:
    layer = attention(regular_type(gspace("D4"), 8), Scores("oriented", biases=(SIDE, SIDE)))
    assert layer.bias is not None
    layer.bias.number.copy_(layer.bias.number.roll(1, 0))
    assert ("exact", "broken") in verdicts(layer)


def test_biases_of_another_size_are_not_taken_for_those_of_the_map() -> None:
    layer = attention(regular_type(gspace("C4"), 8), Scores(biases=(SIDE, SIDE)))
    assert ("unknown", "not proved") in verdicts(layer, side=8)
