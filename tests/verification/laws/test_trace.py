"""What a walk has seen, in words and as sizes."""

from escnn.nn import FieldType

from steergan.verification.laws.trace import LayerCall, Trace, type_words
from tests.verification.networks import C4, HIDDEN


def test_field_types_are_counted_in_words() -> None:
    assert type_words(HIDDEN) == "2 regular of C4"
    mixed = FieldType(C4, [C4.regular_repr, C4.trivial_repr, C4.regular_repr])
    assert type_words(mixed) == "2 regular, 1 trivial of C4"


def test_maps_between_layers_are_counted_once() -> None:
    calls = [
        LayerCall("lift", "GroupConvolution", "", ((5, 5), (5, 5)), ()),
        LayerCall("pool", "AveragePool", "", ((5, 5), (2, 2)), ()),
    ]
    assert Trace(calls=calls).map_sizes() == {(5, 5), (2, 2)}
    assert Trace().map_sizes() == set()
