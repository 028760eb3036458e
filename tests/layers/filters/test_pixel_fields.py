"""Channels as regular fields of the pixel group: there, back, and the derivatives of both."""

from typing import Any

import pytest
import torch
from escnn.nn import FieldType

from steergan.layers.filters.pixel_fields import PixelFields, group_of_pixels, pixel_fields, regular_count
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type

TYPES = {
    "C8": regular_type(gspace("C8"), 3),
    "D8": regular_type(gspace("D8"), 2),
    "SO2": FieldType(gspace("SO2"), [fourier_representation(gspace("SO2"), 2)] * 3),
    "D4 mixed": regular_type(gspace("D4"), 1) + FieldType(gspace("D4"), list(gspace("D4").irreps)),
    "D4 irreps": FieldType(gspace("D4"), [gspace("D4").irrep(1, 1)] * 6),
}


def fields_of(field_type: FieldType) -> PixelFields:
    found = pixel_fields(field_type)
    assert found is not None
    return found


@pytest.mark.parametrize("name", TYPES)
def test_there_and_back_are_transposes_and_their_derivatives(name: str) -> None:
    fields, size = fields_of(TYPES[name]), TYPES[name].size
    x = torch.randn(2, size, 3, 2, dtype=torch.float64, requires_grad=True)
    y = torch.randn(2, fields.count * fields.size, 3, 2, dtype=torch.float64, requires_grad=True)
    assert fields.channels == size
    assert torch.allclose((fields.to_regular(x) * y).sum(), (x * fields.from_regular(y)).sum())
    assert torch.allclose(fields.from_regular(fields.to_regular(x)), x)
    assert torch.autograd.gradcheck(fields.to_regular, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: fields.to_regular(x).square(), x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda y: fields.from_regular(y).square(), y, fast_mode=True)


@pytest.mark.parametrize("name", TYPES)
def test_identity_rows_are_every_regular_field_s_first_channel(name: str) -> None:
    fields = fields_of(TYPES[name])
    bank = torch.randn(TYPES[name].size, 2, 3, dtype=torch.float64)
    wanted = fields.to_regular(bank[None])[0, :: fields.size]
    assert torch.allclose(fields.identity_rows(bank), wanted, rtol=1e-12)


def test_equal_fields_fall_into_blocks_without_more_padding() -> None:
    assert [(f.blocks, f.count) for f in map(fields_of, TYPES.values())] == [(3, 6), (2, 4), (3, 6), (1, 2), (3, 3)]
    block = fields_of(TYPES["C8"]).block
    assert block.order is not None
    assert block.order.tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


def test_regular_fields_of_the_pixel_group_stay_as_they_are() -> None:
    fields, x = fields_of(regular_type(gspace("D4"), 2)), torch.randn(1, 16, 2, 2)
    assert fields.plain
    assert fields.to_regular(x) is x


def test_groups_without_pixel_group_have_none() -> None:
    assert group_of_pixels(gspace("C3")) is None
    assert group_of_pixels(gspace("trivial")) is None
    assert pixel_fields(trivial_type(gspace("C5"), 2)) is None
    assert [group_of_pixels(gspace(name)) for name in ("C6", "D3", "D6", "D8", "O2")] == ["C2", "D1", "D2", "D4", "D4"]
    assert regular_count(trivial_type(gspace("O2"), 2)) == 2


@pytest.mark.filterwarnings("ignore:`torch.jit.trace` is deprecated:FutureWarning")
def test_a_trace_holds_the_order_of_channels() -> None:
    fields, x = fields_of(TYPES["C8"]), torch.randn(1, 24, 2, 2)
    traced: Any = torch.jit.trace(fields.to_regular, x)
    assert torch.equal(traced(x + 1), fields.to_regular(x + 1))
