"""The table of what was done."""

import copy

import pytest
from escnn import nn as enn
from torch import nn

from steergan.acceleration import AccelerationReport, Row, accelerate, report_of
from steergan.errors import SteerganError
from steergan.symmetry import gspace, regular_type
from steergan.tables import median_and_quartiles


def test_the_table_has_a_line_for_every_layer_and_one_for_the_model() -> None:
    half = median_and_quartiles([0.5])
    rows = (Row(("a", "b"), "R2Conv", "GroupConvolution", "faster", half), Row(("",), "R2Conv", None, "for a reason"))
    lines = str(AccelerationReport(rows, half, "Training.")).splitlines()
    assert lines[0].startswith("Training. Times as fast: median")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[2] == ["a, b", "R2Conv", "GroupConvolution", "faster", "0.5"]
    assert cells[3] == ["-", "R2Conv", "R2Conv", "for a reason", "-"]
    assert cells[4] == ["the whole model", "", "", "", "0.5"]


def test_a_model_keeps_it_and_so_do_copies_but_no_state() -> None:
    fields = regular_type(gspace("C4"), 1)
    model = enn.SequentialModule(enn.GroupPooling(fields))
    with pytest.raises(SteerganError, match="was not accelerated"):
        report_of(nn.Identity())
    accelerate(model, 4, for_=None, certify=False)
    report = report_of(copy.deepcopy(model))
    assert report == report_of(model)
    assert report.rows[0] == Row(("0",), "GroupPooling", "GroupPool", "computes the same")
    assert "Nothing was timed." in str(report)
    assert not model.state_dict()


def test_a_model_of_which_no_layer_can_be_swapped_is_told_of_too() -> None:
    space = gspace("SO2")
    fields = regular_type(gspace("C8"), 1)
    turning = enn.FieldType(space, [space.irrep(1)])
    convolution = enn.R2Conv(turning, turning, 3, padding=1, frequencies_cutoff=1.0)
    model = enn.SequentialModule(convolution, enn.NormNonLinearity(turning))
    assert report_of(accelerate(model, 9)).whole is None
    assert "No layer could be swapped." in str(report_of(model))
    assert report_of(accelerate(enn.ReLU(fields), 9)).rows == ()


def test_a_second_call_with_nothing_left_to_swap_keeps_the_table() -> None:
    model = enn.SequentialModule(enn.GroupPooling(regular_type(gspace("C4"), 1)))
    report = report_of(accelerate(model, 4, for_=None, certify=False))
    assert report_of(accelerate(model, 4, for_=None, certify=False)) == report
