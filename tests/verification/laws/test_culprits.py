"""What breaks a network between its layers is named: the operation, and the line that called it."""

import inspect
from collections.abc import Callable

import pytest
import torch
from escnn import nn as enn
from torch import Tensor, nn

from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import verify
from tests.stock_models import convolution

IMAGE, FIELDS = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)


class Between(nn.Module):
    """Two layers, and what somebody does between them, or behind."""

    def __init__(self, between: Callable[[Tensor], Tensor], behind: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.in_type, self.out_type = IMAGE, trivial_type(gspace("C4"), 2)
        self.first, self.second = convolution(IMAGE, FIELDS), convolution(FIELDS, FIELDS)
        self.pool = enn.GroupPooling(FIELDS)
        self.between, self.behind = between, behind or (lambda t: t)

    def forward(self, x: Tensor) -> Tensor:
        y = self.between(self.first(IMAGE(x)).tensor * 2) + 0.5
        return self.behind(self.pool(self.second(FIELDS(y))).tensor)


def by_fields(t: Tensor) -> Tensor:
    fields = t.unflatten(1, (2, 4)).relu()
    moved = fields.roll(1, 3)
    return moved.flatten(1, 2)


BREAKS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "flip": (lambda t: t.flip(3), "flip"),
    "slice": (lambda t: t[:, :, 1:, 1:], "slice"),
    "ramp": (lambda t: t * torch.linspace(0, 1, 9), "mul"),
    "channels": (lambda t: t.roll(1, 1), "roll"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_operation_between_layers_is_named_with_its_line(name: str) -> None:
    between, operation = BREAKS[name]
    line = inspect.getsourcelines(between)[1]
    found = verify(Between(between).eval(), sizes=9, modes=("evaluation",), level=2).sentence
    assert f"second (R2Conv): its input is not what the field type 2 regular of C4 says, since {operation} " in found
    assert f"since {operation} (test_culprits.py, line {line})" in found


def test_operation_on_other_shapes_is_named_where_fields_are_put_together() -> None:
    line = inspect.getsourcelines(by_fields)[1]
    found = verify(Between(by_fields).eval(), sizes=9, modes=("evaluation",), level=2).sentence
    assert f"since view (test_culprits.py, line {line + 3})" in found


def test_operation_behind_the_last_layer_is_named() -> None:
    model = Between(lambda t: t, lambda t: t.flip(2))
    found = verify(model.eval(), sizes=9, modes=("evaluation",), level=2).sentence
    assert "result: since flip (test_culprits.py, line " in found


def test_right_networks_hear_nothing_of_it() -> None:
    found = verify(Between(torch.relu).eval(), sizes=9, modes=("evaluation",), level=2)
    assert found.verdict == "proved"
    assert "since" not in found.sentence


def test_break_at_all_sizes_is_named_before_a_pool_that_is_wrong_at_one() -> None:
    class Pooled(Between):
        last: enn.EquivariantModule

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.last(self.out_type(super().forward(x))).tensor
            return found

    pooled = Pooled(lambda t: t.flip(3))
    pooled.last = enn.PointwiseMaxPool2D(pooled.out_type, 2)
    found = verify(pooled.eval(), sizes=(9, 8), modes=("evaluation",), level=4)
    assert found.verdict == "broken"
    assert any(r.path == "last" and r.finding.verdict == "broken" for r in found.records)
    assert found.first_fault is not None
    assert found.first_fault.path == "end to end"
    assert "breaks it at 9 x 9: under" in found.sentence
    assert "since flip (test_culprits.py" in found.sentence
