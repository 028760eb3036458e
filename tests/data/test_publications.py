"""What is known of published sets agrees with what is made of their files."""

import pytest

from steergan.data import Expected, expected, image_kind, pair_kind, source_of, survey
from steergan.errors import MissingDataError
from steergan.recipe.data import SOURCES, Folder, Galaxies, Pairs


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


def test_networks_for_images_that_are_nowhere_can_be_made_if_a_size_is_said() -> None:
    assert pair_kind(Pairs(path="nowhere", size=32)) == ((6, 32, 32), 1, 3)
    assert pair_kind(Folder(path="nowhere", size=32)) == ((3, 32, 32), 1, 0)
    with pytest.raises(MissingDataError, match="no such file or folder"):
        pair_kind(Folder(path="nowhere"))
