"""Tensors inside other values, and which of them lie in the same memory."""

import pytest
import torch
from escnn.nn import GeometricTensor
from torch import Tensor

from steergan.verification.laws.memory import (
    digest_of,
    geometry,
    map_size,
    places,
    share_memory,
    tensors_in,
    written_by,
)
from tests.verification.networks import IMAGE


def test_tensors_are_found_in_nested_values() -> None:
    a, b = torch.zeros(1), torch.zeros(2)
    fields = GeometricTensor(torch.zeros(1, 1, 3, 2), IMAGE)
    found = list(tensors_in(([a, 3, "no"], {"b": b, "c": (fields, None)})))
    assert [t.data_ptr() for t in found] == [a.data_ptr(), b.data_ptr(), fields.tensor.data_ptr()]
    assert map_size(fields.tensor) == (3, 2)


@pytest.mark.parametrize(
    "view", [lambda x: x, lambda x: x.t(), lambda x: x[1:, ::2], lambda x: x[:, 1], lambda x: x[:1].expand(5, 4)]
)
def test_places_are_those_at_which_entries_lie(view: object) -> None:
    whole = torch.arange(12.0).view(3, 4)
    part: Tensor = view(whole)  # type: ignore[operator]
    assert torch.equal(whole.flatten()[places(part)], part)
    assert share_memory(whole, part)
    assert (geometry(whole) == geometry(part)) == (part is whole)


def test_other_memory_is_not_shared_and_empty_tensors_share_none() -> None:
    whole = torch.zeros(3)
    assert not share_memory(whole, whole.clone())
    assert not share_memory(whole, whole[:0])


def test_operators_say_to_which_operands_they_write() -> None:
    x, y = torch.zeros(2), torch.ones(2)
    assert [writes for _, writes in written_by(torch.ops.aten.add_.Tensor, (x, y), {})] == [True, False]
    assert [writes for _, writes in written_by(torch.ops.aten.add.Tensor, (x, y), {})] == [False, False]
    (out,) = [t for t, writes in written_by(torch.ops.aten.add.out, (x, y), {"out": whole_of(x)}) if writes]
    assert out.shape == x.shape


def whole_of(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def test_digests_differ_where_a_bit_does() -> None:
    x = torch.zeros(4)
    assert digest_of(x) == digest_of(x.clone())
    assert digest_of(x) != digest_of(-x)
