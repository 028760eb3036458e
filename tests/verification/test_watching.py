"""The type of an input is that of the fields which a forward makes of it, and of no others."""

from typing import Any

import pytest
from escnn.nn import GeometricTensor
from torch import nn

from steergan.errors import SubjectError
from steergan.verification.claims import make_subject
from tests.verification.networks import HIDDEN, IMAGE, Says


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
