"""Every name that a recipe may say has a source, and says what it wants."""

import pytest

from steergan.data import source_of
from steergan.recipe.data import SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_bundled_or_says_what_it_wants(name: str) -> None:
    source = source_of(name)
    assert bool(source.bundled) != bool(source.wanted)
    assert ("turn" in SOURCES[name].takes) == bool(source.unturned)
    of_batches = {"turn", "angles", "load_size", "moves"}  # about these, not about the set
    decided = set(SOURCES[name].takes) - {"size", *of_batches}
    assert decided <= {*source.decided_by, *source.decided_where_set}
    assert not SOURCES[name].divisions or "split" in source.decided_by
    assert source.kind is None or source.size > 0
