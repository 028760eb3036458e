"""Inputs as people have them: several that turn together, in lists and dicts."""

from typing import Any

import pytest
import torch

from steergan.symmetry import field_type
from steergan.verification import verify
from steergan.verification.inputs import Arguments, refilled
from tests.verification.networks import HIDDEN, IMAGE, Says


@pytest.mark.parametrize(
    ("in_type", "others", "way"),
    [
        ((IMAGE, HIDDEN), (), lambda layer, x, h: layer(x) + h),
        (IMAGE, (HIDDEN(torch.randn(2, 8, 5, 5)),), lambda layer, x, h: layer(x) + h),
        ((IMAGE, HIDDEN), (), lambda layer, x, h: layer(IMAGE(x)).tensor + h),
        ([IMAGE, HIDDEN], (), lambda layer, both: layer(both[0]) + both[1]),
        ({"x": IMAGE, "h": HIDDEN}, (), lambda layer, of: layer(IMAGE(of["x"])).tensor + of["h"]),
        ((IMAGE, field_type("2*regular@C4")), (), lambda layer, x, v: layer(IMAGE(x)).tensor + v.view(2, 8, 1, 1)),
        (IMAGE, ({"n": torch.tensor([1, 2])},), lambda layer, x, of: layer(IMAGE(x * of["n"].view(2, 1, 1, 1)))),
    ],
    ids=["two fields", "a value", "two tensors", "a list", "a dict", "a vector", "a label in a dict"],
)
def test_inputs_that_turn_together_are_given_as_the_module_wants_them(in_type: Any, others: Any, way: Any) -> None:
    found = verify(Says(way), 5, in_type=in_type, others=others, out_type=HIDDEN, level=4, modes=("evaluation",))
    assert found.verdict == "proved", found.sentence
    assert {r.finding.verdict for r in found.records if r.level == 3} == {"holds"}


def test_a_second_input_that_turns_another_way_is_a_break() -> None:
    network = Says(lambda layer, x, h: layer(IMAGE(x)).tensor + h.roll(1, 3))
    found = verify(network, 5, in_type=(IMAGE, HIDDEN), out_type=HIDDEN, level=4, modes=("evaluation",))
    assert found.verdict == "broken"
    still = verify(Says(lambda layer, x, h: layer(IMAGE(x)).tensor + h), 5, in_type=IMAGE, out_type=HIDDEN,
                   others=(torch.randn(2, 8, 5, 5),), level=4, modes=("evaluation",))  # fmt: skip
    assert still.verdict == "broken"  # a map that the group leaves alone does not turn with the result


def test_arguments_are_put_together_as_they_were_found() -> None:
    call = Arguments(({"image": 0, "rest": [1]}, 2), (None, HIDDEN, None))
    x, vector, label = torch.zeros(2, 1, 5, 5), torch.ones(2, 8), torch.arange(2)
    first, second = call(lambda *arguments: arguments, x, (vector, label))
    assert first["image"] is x
    assert second is label
    assert (first["rest"][0].type, first["rest"][0].tensor.shape) == (HIDDEN, (2, 8, 1, 1))
    assert refilled((1, [2]), iter("ab")) == ("a", ["b"])
