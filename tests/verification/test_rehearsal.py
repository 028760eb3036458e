"""How modules are called that say little of themselves, and what is said of those that fail."""

from typing import Any

import numpy as np
import pytest
import torch
from escnn import nn as enn
from escnn.nn import GeometricTensor
from torch import Tensor, nn

from steergan.errors import SubjectError
from steergan.verification import verify
from steergan.verification.claims import make_subject
from steergan.verification.inputs import Arguments
from tests.verification.networks import HIDDEN, IMAGE, Says, lift


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
