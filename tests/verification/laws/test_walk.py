"""A walk takes certified layers as they are, follows what runs between them, and compares types at every edge."""

from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import EquivariantModule, FieldType, GeometricTensor

from steergan.layers import ConditionalBatchNorm, GroupConvolution, Pointwise
from steergan.verification import Subject, grid_elements, verify
from steergan.verification.laws.walk import walk, walk_layer
from tests.verification.networks import C4, HIDDEN, IMAGE, lift

ELEMENTS = tuple(grid_elements(C4))


def test_calls_of_layers_are_noted_with_types_and_sizes() -> None:
    network = enn.SequentialModule(lift(), Pointwise(HIDDEN, "relu"))
    subject = Subject("small", network, IMAGE, "equivariant", None, ((5, 5),))
    trace = walk(subject, network, torch.randn(2, 1, 5, 5), ELEMENTS, set())
    assert [(call.path, call.layer, call.types) for call in trace.calls] == [
        ("0", "GroupConvolution", "1 trivial of C4 -> 2 regular of C4"),
        ("1", "Pointwise", "2 regular of C4 -> 2 regular of C4"),
    ]
    assert all(call.sizes == ((5, 5), (5, 5)) and call.findings for call in trace.calls)
    assert trace.faults == []
    quick = walk(subject, network, torch.randn(2, 1, 5, 5), ELEMENTS, set(), certify=False)
    assert not any(call.findings for call in quick.calls)
    assert quick.log == trace.log
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


class Mixed(EquivariantModule):
    """Channels in another order in front of a layer that is certified.

    Args:
        order: of the eight channels.
    """

    def __init__(self, order: list[int]) -> None:
        super().__init__()
        self.lift, self.next = lift(), GroupConvolution(HIDDEN, HIDDEN, 3)
        self.in_type, self.out_type, self.order = IMAGE, HIDDEN, order

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.next(self.lift.out_type(self.lift(x).tensor[:, self.order]))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def test_an_input_that_is_not_what_its_type_says_stops_the_proof_at_that_layer() -> None:
    right, wrong = Mixed([4, 5, 6, 7, 0, 1, 2, 3]), Mixed([1, 0, 2, 3, 4, 5, 6, 7])
    assert verify(right, [5], level=2).verdict == "proved"  # two fields that have changed places
    fault = verify(wrong, [5], level=2).first_fault
    assert fault is not None
    assert (fault.level, fault.path) == (2, "next")
    assert "its input is not what the field type 2 regular of C4 says" in fault.finding.argument


def test_a_condition_that_turns_stops_the_proof() -> None:
    class Conditioned(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.lift, self.norm = IMAGE, lift(), ConditionalBatchNorm(HIDDEN, 3)

        def forward(self, x: GeometricTensor, c: torch.Tensor) -> Any:
            return self.norm(self.lift(x), c + x.tensor[:, 0, 0, :1])

    found = verify(Conditioned(), [5], others=(torch.randn(2, 3),), level=2)
    assert found.verdict == "not proved"
    assert "it is conditioned on what is not invariant" in found.sentence


def test_an_index_of_whole_numbers_reads_no_number() -> None:
    """escnn's InnerBatchNorm takes fields of one size, which are not side by side, by index."""
    apart = FieldType(C4, [C4.regular_repr, C4.trivial_repr, C4.quotient_repr(2), C4.regular_repr])
    assert verify(enn.InnerBatchNorm(apart), [5], level=2).verdict == "proved"


@pytest.mark.parametrize(("order", "right"), [([4, 5, 6, 7, 0, 1, 2, 3], True), ([1, 0, 2, 3, 4, 5, 6, 7], False)])
def test_one_layer_is_followed_by_its_operations(order: list[int], right: bool) -> None:
    class Reorder(EquivariantModule):
        def __init__(self) -> None:
            super().__init__()
            self.in_type = self.out_type = HIDDEN

        def forward(self, x: GeometricTensor) -> GeometricTensor:
            return HIDDEN(x.tensor[:, order])

        def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
            return input_shape

    faults = walk_layer(Reorder(), HIDDEN(torch.randn(1, 8, 2, 2)), (), ELEMENTS)
    assert (faults == []) == right
    assert right or "is not what the field type says" in faults[0]
