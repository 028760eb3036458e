"""Gathered filter banks are proved in integers; one entry of a table that is exchanged is named."""

from typing import Any

import pytest
import torch
from escnn.nn import FieldType

from steergan.layers import GroupConvolution, GroupedConvolution, UpsampleConvolution
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Finding, Situation, grid_elements
from steergan.verification.certificates.filters import (
    fused_difference,
    group_convolution,
    grouped_convolution,
    moved_bank,
    upsample_convolution,
)
from steergan.verification.certificates.fourier import numbered


def situation(layer: GroupConvolution | UpsampleConvolution, side: int = 5) -> Situation:
    elements = tuple(grid_elements(layer.in_type.gspace))
    return Situation(elements, (2, layer.in_type.size, side, side), (), (), training=True)


def findings(layer: GroupConvolution) -> list[Finding]:
    return list(group_convolution(layer, situation(layer)))


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D2", "D4"])
def test_banks_biases_and_placement_are_exact(group: str) -> None:
    space = gspace(group)
    mixed = FieldType(space, [space.regular_repr, space.trivial_repr, *space.fibergroup.irreps()])
    layer = GroupConvolution(mixed, mixed, 3)
    assert [(f.kind, f.verdict, f.scope) for f in findings(layer)] == [("exact", "holds", "all weights")] * 3


def test_an_entry_that_is_read_from_elsewhere_is_named() -> None:
    space = gspace("C4")
    layer = GroupConvolution(trivial_type(space, 1), regular_type(space, 1), 3)
    expansion: Any = layer.expansions[0]
    entry = expansion.entry.clone()
    entry[1, [0, 1]] = entry[1, [1, 0]]
    expansion.entry = entry
    _, bank, _ = findings(layer)
    assert bank.verdict == "broken"
    assert bank.witness.startswith("under the rotation by 90 degrees, out channel ")


def test_parts_of_whole_fields_are_exact_and_others_are_named() -> None:
    space = gspace("C4")
    turning = FieldType(space, [space.irrep(1)] * 2)
    layer = GroupedConvolution(turning, turning, 3, cardinality=2)
    at = Situation(tuple(grid_elements(space)), (2, 4, 5, 5), (), (), training=True)
    found = list(grouped_convolution(layer, at))
    assert [(f.kind, f.verdict) for f in found] == [("exact", "holds")] * 3
    split = FieldType(space, [space.trivial_repr, space.irrep(1), space.trivial_repr])
    for name, what in (("in_type", "of the input"), ("out_type", "of the output")):
        broken = GroupedConvolution(turning, turning, 3, cardinality=2)
        setattr(broken, name, split)
        (*_, fault) = grouped_convolution(broken, at)
        assert fault.verdict == "broken"
        assert fault.witness.startswith(f"the rotation by 90 degrees mixes parts {what}")


def test_both_sides_of_the_constraint_are_equal_for_numbered_weights_alone() -> None:
    space = gspace("D4")
    layer = GroupConvolution(regular_type(space, 1), regular_type(space, 1), 3)
    table = numbered(layer).raw_filter().view(8, 8, 3, 3)
    assert len(table.unique()) == 8 * 9
    for matrix in grid_elements(space):
        moved, wanted = moved_bank(table, layer.in_type, layer.out_type, matrix)
        assert torch.equal(moved, wanted)
    moved, wanted = moved_bank(table.roll(1, 3), layer.in_type, layer.out_type, (0, -1, 1, 0))
    assert not torch.equal(moved, wanted)


def test_filters_of_zeros_are_vacuous() -> None:
    space = gspace("C4")
    layer = GroupConvolution(trivial_type(space, 1), regular_type(space, 1), 3)
    torch.nn.init.zeros_(layer.weights[0])
    assert "vacuous" in findings(layer)[1].argument


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_fused_upsampling_is_its_two_parts(kernel: int) -> None:
    assert fused_difference(kernel, 4) == ""


def test_a_fused_layer_that_does_something_else_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    right = UpsampleConvolution.forward
    space = gspace("C4")
    layer = UpsampleConvolution(trivial_type(space, 1), regular_type(space, 1), 3)
    assert {f.verdict for f in upsample_convolution(layer, situation(layer, 3))} == {"holds"}
    monkeypatch.setattr(UpsampleConvolution, "forward", lambda self, x: self.out_type(right(self, x).tensor.roll(1, 3)))
    found = [f for f in upsample_convolution(layer, situation(layer, 3)) if f.verdict == "broken"]
    assert [f.argument for f in found] == ["the fused layer is not upsampling and convolution"]
    assert "on a map of 3 x 3" in found[0].witness
