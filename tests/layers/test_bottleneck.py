"""Blocks without norms keep the scale of what goes through them, however many there are."""

import math

import pytest
import torch
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.layers import Bottleneck, GroupConvolution, GroupedConvolution, set_row_length
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import fourier, random_map
from tests.thorough import also


def fields_of(group: str, count: int) -> FieldType:
    return fourier(group, 1, count) if group in ("SO2", "O2") else regular_type(gspace(group), count)


@pytest.mark.parametrize(("group", "cardinality"), [("trivial", 1), ("D4", 2), *also(("C4", 1), ("C8", 1), ("SO2", 1))])
@torch.no_grad()
def test_many_blocks_keep_the_scale(group: str, cardinality: int) -> None:
    torch.manual_seed(0)
    fields, blocks = fields_of(group, 8), 12
    x = start = random_map(fields)
    for _ in range(blocks):
        x = Bottleneck(fields, fields, cardinality=cardinality, share=1 / blocks)(x)
    growth = float(x.tensor.square().mean() / start.tensor.square().mean())
    assert 1 + 1 / 4 < growth < math.e + 1 / 2


def test_every_weight_has_a_gradient_in_the_first_step() -> None:
    torch.manual_seed(0)
    fields = regular_type(gspace("C4"), 4)
    block = Bottleneck(fields, regular_type(gspace("C4"), 2), conditioning=3, share=1 / 4)
    block(random_map(fields), torch.randn(2, 3)).tensor.square().sum().backward()
    assert min(float(weight.grad.abs().max()) for weight in block.parameters()) > 1e-3


@pytest.mark.parametrize("group", ["C2", "D4", *also("C8"), "SO2"])
@torch.no_grad()
def test_independent_inputs_give_outputs_of_the_length_of_rows(group: str) -> None:
    torch.manual_seed(0)
    fields = fields_of(group, 6)
    for layer in (
        GroupConvolution(fields, fields, 5, padding=0),
        GroupConvolution(trivial_type(fields.gspace, 2), fields, 5, padding=0),
        GroupedConvolution(fields, fields, 5, padding=0, cardinality=6),
    ):
        set_row_length(layer, 0.5)
        x = layer.in_type(torch.randn(32, layer.in_type.size, 9, 9))
        assert 0.2 < float(layer(x).tensor.square().mean()) < 0.3


@torch.no_grad()
def test_an_export_is_plain_torch_and_the_same() -> None:
    fields = regular_type(gspace("C4"), 4)
    block, x, c = (
        Bottleneck(fields, fields, cardinality=2, conditioning=3).eval(),
        random_map(fields),
        torch.randn(2, 3),
    )
    assert torch.allclose(block.export()(x.tensor, c), block(x, c).tensor, atol=1e-5)


def test_gspaces_that_differ_are_refused() -> None:
    with pytest.raises(SymmetryError, match="use one gspace"):
        Bottleneck(regular_type(gspace("C4"), 1), regular_type(gspace("D4"), 1))
