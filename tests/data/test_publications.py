"""What is known of published sets agrees with what is made of their files."""

import pytest

from steergan.data import Expected, expected, image_kind, source_of, survey
from steergan.recipe.data import SOURCES, Galaxies


@pytest.mark.parametrize("name", [name for name in SOURCES if source_of(name).kind is not None])
def test_kinds_are_those_that_are_known_without_files(name: str) -> None:
    known = expected(SOURCES[name]())
    if source_of(name).bundled:
        assert known is None
    else:
        assert known is not None
        assert (known.image_shape, known.classes) == image_kind(SOURCES[name]())


def test_a_set_that_is_at_hand_holds_what_is_published() -> None:
    found = survey(Galaxies())
    assert expected(Galaxies()) == Expected(found.image_shape, len(found.class_names), found.train, found.held_out)
