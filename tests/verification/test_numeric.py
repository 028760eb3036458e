"""The action is escnn's, and the check accuses what is wrong and nothing that is right."""

import copy

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType

from steergan.symmetry import grid_elements, gspace, regular_type, trivial_type
from steergan.verification import equivariance_errors, relative_errors, transform


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D2", "D4"])
def test_transform_is_that_of_escnn_on_mixed_fields(group: str) -> None:
    space = gspace(group)
    field_type = FieldType(space, [space.regular_repr, space.trivial_repr, *space.fibergroup.irreps()])
    x = torch.randn(2, field_type.size, 5, 5)
    for position, number in enumerate(grid_elements(space)):
        wanted = field_type(x).transform(space.fibergroup.elements[number]).tensor
        assert torch.allclose(transform(x, field_type, position), wanted, atol=1e-6)


def test_transform_keeps_every_bit_of_regular_fields() -> None:
    field_type = regular_type(gspace("D4"), 2)
    x = torch.randn(1, 16, 4, 4, dtype=torch.float64)
    for position in range(8):
        assert torch.equal(transform(x, field_type, position).flatten().sort()[0], x.flatten().sort()[0])


def stock_network() -> enn.SequentialModule:
    """An escnn user's own network, of escnn's own layers."""
    space = gspace("C4")
    image, hidden = trivial_type(space, 1), regular_type(space, 3)
    return enn.SequentialModule(
        enn.R2Conv(image, hidden, 3, padding=1),
        enn.InnerBatchNorm(hidden),
        enn.ReLU(hidden),
        enn.R2Conv(hidden, hidden, 3, padding=1),
    )


def test_a_stock_escnn_network_is_not_accused_and_left_as_it_was() -> None:
    network = stock_network().train()
    before = copy.deepcopy(network.state_dict())
    x, in_type, out_type = torch.randn(2, 1, 8, 8), network.in_type, network.out_type
    errors = equivariance_errors("stock", network, lambda m, x: m(m.in_type(x)).tensor, x, in_type, out_type)
    assert errors.worst32 < 1e-5
    assert len(errors.elements) == 4
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_a_shift_of_the_grid_is_caught() -> None:
    network, x = stock_network(), torch.randn(2, 1, 8, 8)
    errors = relative_errors(
        lambda x: network(network.in_type(x)).tensor.roll(1, 3), x, network.in_type, network.out_type
    )
    assert errors[0] < 1e-6
    assert min(errors[1:]) > 1e-2


def test_a_network_that_puts_out_zero_proves_nothing() -> None:
    image = trivial_type(gspace("C4"), 1)
    assert relative_errors(torch.zeros_like, torch.randn(1, 1, 4, 4), image, image) == [float("inf")] * 4
