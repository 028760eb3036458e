"""Convolutions in parts are as many small ones, side by side."""

import pytest
import torch
from escnn.nn import FieldType
from torch.nn.functional import conv2d

from steergan.errors import SymmetryError
from steergan.layers import GroupedConvolution
from steergan.symmetry import gspace, regular_type
from tests.layers.equivariance import every_irrep, random_map
from tests.thorough import also


@pytest.mark.parametrize(("group", "size", "padding"), [("C4", 3, None), *also(("D4", 3, None)), ("D4", 6, 0)])
@torch.no_grad()
def test_each_part_sees_its_own_fields(group: str, size: int, padding: int | None) -> None:
    fields, out = regular_type(gspace(group), 6), regular_type(gspace(group), 3)
    layer = GroupedConvolution(fields, out, size, cardinality=3, padding=padding)
    assert layer.convolution.bias is not None
    torch.nn.init.normal_(layer.convolution.bias)
    x, bank, bias = random_map(fields), layer.convolution.filter_bank(), layer.convolution.channel_bias()
    assert bias is not None
    inner = layer.convolution.padding
    whole = [
        conv2d(part, own, add, padding=inner)
        for part, own, add in zip(x.tensor.chunk(3, 1), bank.chunk(3), bias.chunk(3), strict=True)
    ]
    assert torch.allclose(layer(x).tensor, torch.cat(whole, 1), atol=1e-5)
    plain = layer.export()
    assert plain.in_channels == fields.size
    assert torch.allclose(plain(x.tensor), layer(x).tensor, atol=1e-5)
    assert layer.evaluate_output_shape(tuple(x.shape)) == tuple(layer(x).shape)


def test_fields_that_the_parts_do_not_divide_are_refused() -> None:
    regular, mixed = regular_type(gspace("C4"), 3), every_irrep(gspace("C4"))
    with pytest.raises(SymmetryError, match="in 2 parts got an in_type of 3 fields of 1 kinds"):
        GroupedConvolution(regular, regular, 3, cardinality=2)
    with pytest.raises(SymmetryError, match=f"in 1 parts got an out_type of {len(mixed)} fields"):
        GroupedConvolution(regular, mixed, 3, cardinality=1)
    with pytest.raises(SymmetryError, match="use one gspace"):
        GroupedConvolution(regular, FieldType(gspace("D4"), [gspace("D4").regular_repr] * 3), 3, cardinality=3)
