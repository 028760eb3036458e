"""All distances of one set from another: each is its function's, on the rows and with the constants of the protocol."""

from dataclasses import replace

import numpy as np
import pytest

from steergan.metrics import (
    Features,
    Protocol,
    Reals,
    density_coverage,
    frechet_distance,
    kernel_distance,
    moments,
    precision_recall,
)
from steergan.metrics.distances import subset
from tests.metrics.drawn import Array

PROTOCOL = Protocol(count=100)


def drawn(seed: int, count: int, length: int = 3) -> Features[Array]:
    """Features with and without a group."""
    rows = np.random.default_rng(seed).normal(size=(count, 2 * length))
    return Features(rows[:, :length], rows)


def test_every_figure_is_that_of_its_function() -> None:
    real, fake = drawn(0, 90), drawn(1, 70)
    found = Reals(real, PROTOCOL).distances(fake)
    a, b = real.invariant, fake.invariant
    assert found.frechet_invariant == frechet_distance(moments(a), moments(b))
    assert found.frechet_equivariant == frechet_distance(moments(real.equivariant), moments(fake.equivariant))  # type: ignore[arg-type]
    assert found.kid == kernel_distance(a, b)
    assert (found.precision, found.recall) == precision_recall(a, b)
    assert (found.density, found.coverage) == density_coverage(a, b)
    assert found.count == 70


def test_neighbours_seed_and_subsets_are_the_protocols() -> None:
    real, fake = drawn(0, 90), drawn(1, 70)
    protocol = Protocol(9, seed=4, neighbours=2, density_neighbours=7, kid_subsets=3, kid_subset_size=20)
    found = Reals(real, protocol).distances(fake)
    a, b = real.invariant, fake.invariant
    assert (found.precision, found.recall) == precision_recall(a, b, 2)
    assert (found.density, found.coverage) == density_coverage(a, b, 7)
    assert found.kid == kernel_distance(a, b, seed=4, subsets=3, subset_size=20)


def test_precision_and_density_look_at_a_seeded_part_of_large_sets() -> None:
    real, fake = drawn(0, 90), drawn(1, 70)
    found = Reals(real, replace(PROTOCOL, precision_recall_count=40)).distances(fake)
    a = real.invariant[subset(90, 40, 0, "precision-recall-real")]
    b = fake.invariant[subset(70, 40, 0, "precision-recall-fake")]
    assert (found.precision, found.recall) == precision_recall(a, b)
    assert (found.density, found.coverage) == density_coverage(a, b)
    assert found.frechet_invariant == frechet_distance(moments(real.invariant), moments(fake.invariant))


def test_features_without_a_group_have_no_distance_before_its_pooling() -> None:
    real = drawn(0, 90)
    assert Reals(real, PROTOCOL).distances(Features(real.invariant, None)).frechet_equivariant is None


@pytest.mark.parametrize(("reals", "fakes", "refused"), [(90, 16, True), (16, 90, True), (17, 17, False)])
def test_frechet_distances_of_no_more_images_than_features_are_refused_by_picky_ones(
    reals: int, fakes: int, refused: bool
) -> None:
    real, fake = drawn(0, reals, 16), drawn(1, fakes, 16)
    picky = Reals(real, PROTOCOL, picky=True)
    assert picky.refuses(fakes) == refused
    assert (picky.distances(fake).frechet_invariant is None) == refused
    assert Reals(real, PROTOCOL).distances(fake).frechet_invariant is not None


@pytest.mark.parametrize(
    ("reals", "fakes", "flags"),
    [(9, 9, ()), (6, 9, ("equivariant",)), (9, 6, ("equivariant",)), (9, 3, ("invariant", "equivariant"))],
)
def test_sets_that_are_as_long_as_there_are_images_are_flagged(reals: int, fakes: int, flags: tuple[str, ...]) -> None:
    found = Reals(drawn(0, reals), replace(PROTOCOL, density_neighbours=2))
    assert found.rank_deficient(fakes) == flags


def test_a_subset_is_seeded_sorted_and_whole_where_there_are_no_more() -> None:
    rows = subset(50, 20, 0, "some")
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 20
    assert 0 <= rows.min() <= rows.max() < 50
    assert subset(50, 20, 0, "some").tolist() == rows.tolist()
    assert subset(50, 20, 1, "some").tolist() != rows.tolist()
    assert subset(50, 20, 0, "other").tolist() != rows.tolist()
    assert subset(20, 20, 0, "some").tolist() == list(range(20))
