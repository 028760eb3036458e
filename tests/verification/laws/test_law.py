"""Laws against field types and against invariance, and what escnn's own action says."""

from collections.abc import Callable

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType
from torch import Tensor

from steergan.verification.elements import NAMES, grid_elements
from steergan.verification.laws.law import (
    Fields,
    Fixed,
    Lost,
    Mismatch,
    Turning,
    by_value,
    distinct,
    is_uniform,
    mismatch,
    settled,
    unmoved,
    written_out,
)
from tests.verification.laws.programs import SPACES, STEPS, assert_law, elements_of, field_type, law_by_tracking

RING = torch.stack([(torch.arange(4) + e) % 4 for e in range(4)])
"""Four atoms that the elements of C4 turn in a ring."""


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("relu", True),
        ("channel sum", False),
        ("roll", False),
        ("transpose", False),
        ("centred", True),
        ("a ramp", False),
    ],
)
def test_mismatch_is_found_where_numbers_disagree(name: str, right: bool) -> None:
    in_type, elements = field_type("C4", "regular"), elements_of("C4")
    law = law_by_tracking(STEPS[name], in_type, elements)
    out = STEPS[name](torch.zeros(2, in_type.size, 3, 3))
    wanted = in_type if out.shape[1] == in_type.size else FieldType(SPACES["C4"], [SPACES["C4"].irrep(2)])
    found = mismatch(law, wanted, out.shape, elements)
    assert (found is None) == right
    if not right:
        assert isinstance(found, Mismatch)
        assert found.matrix != elements[0]


def test_invariants_are_told_from_what_moves() -> None:
    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    programs: list[tuple[Callable[[Tensor], Tensor], bool]] = [
        (lambda x: x.sum((1, 2, 3)), True),
        (lambda x: x.amax(1).mean((1, 2)), True),
        (lambda x: x.sum((2, 3)), False),
        (lambda x: x[:, 0, 0, 0], False),
        (lambda x: x.flatten(1).sort(1)[0], True),
        (lambda x: x.flatten(1).cumsum(1), False),
        (lambda x: (x * x.flip(-1, -2)).sum((1, 2, 3)), True),  # the half turn commutes with all others
        (lambda x: (x * x.flip(-1)).sum((1, 2, 3)), False),
        (lambda x: (x.sum(1) * x.sum(1).flip(-1, -2)).sum((1, 2)), True),
        (lambda x: x.sum(1)[:, 1, 1], True),
    ]
    for function, wanted in programs:
        law = law_by_tracking(function, in_type, elements)
        assert_law(law, function, in_type, elements)
        assert (unmoved(law, elements) is None) == wanted
    assert unmoved(Lost("why"), elements) == "why"
    assert unmoved(Fields(in_type), elements) is not None


def test_constants_are_told_apart_by_value_and_weights_by_place() -> None:
    value = torch.tensor([[0.5, 1.0], [1.0, 0.5]])
    ids = by_value(value)
    assert ids[0, 0] == ids[1, 1]
    assert ids[0, 0] != ids[0, 1]
    assert len(distinct(value.shape).unique()) == 4
    assert is_uniform(Fixed(by_value(torch.ones(3))))
    assert not is_uniform(Fixed(distinct(value.shape)))


def test_settled_laws_of_what_does_not_move_are_fixed() -> None:
    still = Turning(torch.tensor([4, 4]), torch.cat([RING, torch.full((4, 1), 4)], 1), torch.ones(4, 5).long())
    assert isinstance(settled(still), Fixed)
    moving = Turning(torch.tensor([0]), RING, torch.ones_like(RING))
    assert settled(moving) is moving


def test_escnns_action_is_that_of_the_laws() -> None:
    in_type = FieldType(SPACES["D4"], [SPACES["D4"].regular_repr, SPACES["D4"].trivial_repr])
    x = enn.GeometricTensor(torch.randn(1, in_type.size, 4, 4), in_type)
    law = written_out(Fields(in_type), x.tensor.shape, elements_of("D4"))
    assert isinstance(law, Turning)
    for e, (matrix, element) in enumerate(grid_elements(SPACES["D4"]).items()):
        moved = law.sign[e] * x.tensor.flatten()[law.index[e]]
        assert torch.allclose(moved, x.transform(element).tensor.flatten(), atol=1e-6), NAMES[matrix]
