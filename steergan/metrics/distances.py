"""All distances of one feature set from another, and what they need of the real one."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from steergan.errors import DataError
from steergan.metrics.features import Features
from steergan.metrics.frechet import Array, Moments, frechet_distance, moments
from steergan.metrics.kernel import kernel_distance
from steergan.metrics.precision_recall import DENSITY_NEIGHBOURS, Manifold, coverage, density, manifold
from steergan.randomness import numpy_stream

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000
PRECISION_RECALL_COUNT = 10_000
"""Rows of each set, at most, that precision and recall look at: their cost grows with the square."""


@dataclass(frozen=True)
class Distances:
    """How far one set of images lies from the real one."""

    frechet_invariant: float | None
    """With features that don't see rotations (the paper's). None where it would mean nothing (`is_refused`)."""
    frechet_equivariant: float | None
    """Before group pooling: these see an orientation collapse; None for an extractor without a group."""
    kid: float
    """Kernel distance of the invariant features, unbiased."""
    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True)
class Floor(Distances):
    """The same for real training images in the generator's place: what a finite sample of the true law comes to.

    Where the extractor was trained on the same images it knows them a little better than fresh ones, and a perfect
    generator may come out slightly below.
    """

    count: int
    """Training images; fewer than the generator's samples give a higher floor."""


@dataclass(frozen=True, eq=False)
class RealSide:
    """What the distances need of the real features, computed once; see `real_side`."""

    features: Array
    """Invariant (N, D)."""
    invariant: Moments
    equivariant: Moments | None
    manifold: Manifold
    """Of at most `PRECISION_RECALL_COUNT` invariant features."""
    density_manifold: Manifold
    """The same with the neighbours of density and coverage."""
    refuses: bool = False
    """Whether a Frechet distance of no more images than features is left out, rather than flagged."""


def real_side(features: Features, seed: int, *, refuses: bool = False) -> RealSide:
    """What depends on the real features alone.

    Args:
        refuses: for networks as large as Inception. The small classifiers' distances of few images are kept, flagged.

    Raises:
        DataError: too few features, or a value that is not finite.
    """
    rows = subset(len(features.invariant), PRECISION_RECALL_COUNT, seed, "precision-recall-real")
    chosen = features.invariant[rows]
    return RealSide(
        features=features.invariant,
        invariant=moments(features.invariant),
        equivariant=None if features.equivariant is None else moments(features.equivariant),
        manifold=manifold(chosen),
        density_manifold=manifold(chosen, DENSITY_NEIGHBOURS),
        refuses=refuses,
    )


def floor(features_train: Features, held_out: RealSide, count: int, seed: int) -> Floor:
    """Distances of at most `count` training images from the held-out ones: two disjoint samples of one law.

    A finite sample of the true law has these distances, not zero. Where the training set has fewer than `count` images
    the floor is higher than at equal counts; its own count says so.
    """
    rows = subset(len(features_train.invariant), count, seed, "floor")
    return Floor(**asdict(distances(held_out, features_train.rows(rows), seed)), count=len(rows))


def distances(real: RealSide, fake: Features, seed: int) -> Distances:
    """All distances of one feature set from the real one."""
    rows = subset(len(fake.invariant), PRECISION_RECALL_COUNT, seed, "precision-recall-fake")
    precision, recall = coverage(real.manifold, fake.invariant[rows])
    dense, covered = density(real.density_manifold, fake.invariant[rows])
    equivariant = None
    if real.equivariant is not None and fake.equivariant is not None:
        equivariant = frechet_distance(real.equivariant, moments(fake.equivariant))
    refused = is_refused(real, len(fake.invariant))
    return Distances(
        frechet_invariant=None if refused else frechet_distance(real.invariant, moments(fake.invariant)),
        frechet_equivariant=equivariant,
        kid=kernel_distance(real.features, fake.invariant, seed=seed, subsets=KID_SUBSETS, subset_size=KID_SUBSET_SIZE),
        precision=precision,
        recall=recall,
        density=dense,
        coverage=covered,
    )


def is_refused(real: RealSide, count: int) -> bool:
    """Whether a Frechet distance from `count` images would be mostly bias: no more images than features, real or fake.

    KID, which has no bias, stands in for it. Source: Binkowski et al. 2018.
    """
    return real.refuses and min(len(real.features), count) <= len(real.invariant.mean)


def rank_deficient(real: RealSide, fake: Features) -> tuple[str, ...]:
    """The feature sets that have no more samples, real or fake, than features."""
    fewest = min(len(real.features), len(fake.invariant))
    sets = {"invariant": real.invariant, "equivariant": real.equivariant}
    return tuple(name for name, found in sets.items() if found is not None and fewest <= len(found.mean))


def refuse_too_few(count: int, what: str, remedy: str) -> None:
    """Refuse sets without a k-th neighbour before any work is done for them."""
    if count <= DENSITY_NEIGHBOURS:
        wanted = f"at least {DENSITY_NEIGHBOURS + 1} were wanted for density and coverage"
        raise DataError(f"{count} {what}; {wanted}; {remedy}")


def subset(available: int, count: int, seed: int, stream: str) -> NDArray[np.int64]:
    """Sorted numbers of `count` of the available images, or of all if there are no more."""
    if available <= count:
        return np.arange(available)
    return np.sort(numpy_stream(seed, f"metrics/{stream}").permutation(available)[:count])
