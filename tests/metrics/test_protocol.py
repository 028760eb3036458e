"""The protocol: one object names what is kept, and tells figures apart that must not be compared."""

from dataclasses import fields, replace

import pytest

from steergan.errors import DataError
from steergan.metrics import Protocol
from steergan.metrics.protocol import FREE, SAMPLES

NAMES = [field.name for field in fields(Protocol)]
BASE = Protocol(count=100)


def changed(name: str) -> Protocol:
    """Another protocol, in one of its values."""
    value = getattr(BASE, name)
    return replace(BASE, **{name: value + 1 if isinstance(value, int) else "another"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_comparable_whatever_is_free_and_nothing_else(name: str) -> None:
    assert (changed(name).hash == BASE.hash) == (name in FREE)


@pytest.mark.parametrize("name", NAMES)
def test_reals_depend_on_all_but_the_samples(name: str) -> None:
    assert (changed(name).of_reals() == BASE.of_reals()) == (name in SAMPLES)


def test_what_is_free_is_the_extractors_name_the_training_images_and_how_many_were_asked_for() -> None:
    assert set(FREE) == {"extractor", "train_checksum", "count"}
    assert set(SAMPLES) == {"classifier_sha256", "fake_count", "label_law", "ema", "batch_norm"}


def test_density_of_five_and_of_nine_neighbours_are_unlike_protocols() -> None:
    assert Protocol(count=9, density_neighbours=5).hash != Protocol(count=9, density_neighbours=9).hash


def test_sets_without_a_neighbour_are_refused() -> None:
    replace(BASE, density_neighbours=9).refuse_too_few(10, "samples", "draw more")
    with pytest.raises(DataError, match="9 samples; at least 10 were wanted for density and coverage; draw more"):
        replace(BASE, density_neighbours=9).refuse_too_few(9, "samples", "draw more")
