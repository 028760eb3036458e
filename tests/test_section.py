"""Tables of settings are strict, and frozen once they are made."""

import pytest
from pydantic import ValidationError

from steergan.section import Section


class Colours(Section):
    """A section with one key."""

    number: int = 3


@pytest.mark.parametrize("table", [{"number": "3"}, {"number": True}, {"number": 3.0}, {"numbers": 3}])
def test_wrong_types_and_unknown_keys_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Colours.model_validate(table)


def test_a_section_is_a_value() -> None:
    colours = Colours(number=4)
    with pytest.raises(ValidationError, match="frozen"):
        colours.number = 5  # type: ignore[misc]
    assert (colours, hash(colours)) == (Colours(number=4), hash(Colours(number=4)))
