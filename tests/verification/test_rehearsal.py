"""How modules are called that say little of themselves, and what is said of those that fail."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from escnn import nn as enn
from escnn.nn import GeometricTensor
from torch import Tensor, nn

from steergan.errors import SubjectError
from steergan.symmetry import field_type
from steergan.verification import verify
from steergan.verification.claims import make_subject
from steergan.verification.inputs import Arguments
from tests.verification.networks import HIDDEN, IMAGE, lift


class Says(nn.Module):
    """A module without an in_type, whose forward is `way(layer, *inputs)`."""

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.layer, self.way = lift(), way

    def forward(self, *inputs: Any) -> Any:
        return self.way(self.layer, *inputs)


@pytest.mark.parametrize(
    "way",
    [
        lambda layer, x: layer(IMAGE(x)),
        lambda layer, x: layer(IMAGE(2 * x - 1)),
        lambda layer, xs: layer(IMAGE(xs[0])) if isinstance(xs, list) else 1 / 0,
    ],
    ids=["as it is", "scaled", "in a list"],
)
def test_the_input_s_type_is_seen_where_the_first_fields_are_made(way: Any) -> None:
    before = GeometricTensor.__init__
    subject = make_subject(Says(way), 5)
    assert subject.in_type == IMAGE
    assert "Its input is of the type that it makes of it first, trivial@C4." in subject.inferred
    assert GeometricTensor.__init__ is before


def test_fields_that_are_not_the_input_s_are_not_taken_for_it() -> None:
    stem = nn.Conv2d(3, 8, 3)
    with pytest.raises(SubjectError, match="has no in_type, and makes no GeometricTensor of a plain input"):
        make_subject(Says(lambda _, x: HIDDEN(stem(x))), 5)


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


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sizes": 0}, "size 0: a side in pixels"),
        ({"sizes": (5, -1)}, "size -1"),
        ({"sizes": [(3, 4, 5)]}, r"size \(3, 4, 5\)"),
        ({"sizes": 10**6}, "pixels at most"),
        ({"in_type": "x"}, "in_type 'x': a FieldType was wanted"),
        ({"in_type": (None, IMAGE)}, "the first for a map"),
        ({"others": ("label",)}, "others holds a str"),
    ],
)
def test_what_no_input_can_be_is_refused_in_words(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SubjectError, match=words):
        verify(lift(), **{"sizes": 5, **settings})


def test_a_failure_says_what_happened_where_and_on_what() -> None:
    def fails(layer: Any, x: Tensor) -> Any:
        IMAGE(x)
        raise KeyError("scale")

    with pytest.raises(SubjectError, match=r"Says can't be run at 5 x 5: KeyError: 'scale' \(test_rehearsal.py:\d+\)"):
        verify(Says(fails), 5)
    with pytest.raises(SubjectError, match=r"FileNotFoundError.*table.npy.*fed \(2, 1, 5, 5\)"):
        verify(Says(lambda layer, x: (IMAGE(x), np.load("/nowhere/table.npy"))), 5)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(wrong: float) -> None:
    layer = lift()
    with torch.no_grad():
        layer.weights[0].view(-1)[3] = wrong
    with pytest.raises(SubjectError, match=r"1 of the 18 numbers of its weight weights\.0 are nan or infinite"):
        verify(layer, 5)


def test_what_a_forward_does_to_the_process_is_undone() -> None:
    def rude(layer: Any, x: Tensor) -> Any:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(True)
        torch.manual_seed(7)
        np.random.seed(7)  # noqa: NPY002
        random.seed(7)
        y = layer(IMAGE(x.mul_(2)))
        return y

    network = Says(rude)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]  # noqa: NPY002
    found = verify(network, 5, level=4, modes=("evaluation",))
    assert found.verdict == "proved", found.sentence  # the input, which it overwrites, is not that of the next forward
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[index]  # noqa: NPY002


def test_a_network_that_remembers_is_not_accused() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.layer, self.calls = IMAGE, lift(), 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            out: Tensor = self.layer(IMAGE(x)).tensor * self.calls
            return out

    found = verify(Counts(), 5, out_type=HIDDEN, level=4, modes=("evaluation",))
    assert found.verdict == "not proved"
    assert any("changes from call to call" in r.finding.argument for r in found.records)


def test_an_equivariant_module_may_take_plain_pixels() -> None:
    class Pixels(enn.SequentialModule):
        def forward(self, x: Tensor) -> GeometricTensor:
            return super().forward(IMAGE(x))

    subject = make_subject(Pixels(lift()), 5)
    assert isinstance(subject.call, Arguments)
    assert subject.call.wrapped == (None,)
