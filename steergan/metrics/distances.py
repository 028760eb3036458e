"""All distances of one feature set from the real one, and what they need of the real one."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from steergan.metrics.features import Features
from steergan.metrics.frechet import Array, Moments, frechet_distance, moments
from steergan.metrics.images import Rows
from steergan.metrics.kernel import kernel_distance
from steergan.metrics.precision_recall import manifold
from steergan.metrics.protocol import Protocol
from steergan.randomness import numpy_stream


@dataclass(frozen=True)
class Distances:
    """How far one set of images lies from the real one.

    Examples:
        >>> from steergan.metrics import Distances
        >>> near = Distances(0.1, None, 0.0, precision=1.0, recall=1.0, density=1.0, coverage=0.97, count=100)
        >>> near.frechet_equivariant is None  # its extractor has no group
        True
    """

    frechet_invariant: float | None
    """With features that don't see rotations (the paper's). None where it would mean nothing (`Reals.refuses`)."""
    frechet_equivariant: float | None
    """Before group pooling: these see an orientation collapse; None for an extractor without a group, or likewise."""
    kid: float
    """Kernel distance of the invariant features, unbiased."""
    precision: float | None
    """This and what follows is None of a generator where it would mean nothing (`steergan.metrics.meaning`)."""
    recall: float | None
    density: float | None
    coverage: float | None
    count: int
    """Images in the set that was compared."""

    def without(self, names: Iterable[str]) -> "Distances":
        """Distances with None in place of some figures."""
        return Distances(**{**asdict(self), **dict.fromkeys(names)})


class Reals:
    """The real features, and what every distance from them needs, computed once.

    Args:
        features: of the real images.
        protocol: says which of them the manifolds are of, with how many neighbours, and the seeds.
        picky: Frechet distances of no more images than features are left out, rather than flagged: for networks as
            large as Inception.

    Raises:
        DataError: too few features, or a value that is not finite.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Features, Protocol, Reals
        >>> rows = np.random.default_rng(0).normal(size=(100, 3))
        >>> reals = Reals(Features(rows, None), Protocol(count=100))
        >>> reals.distances(Features(rows + 5, None)).precision
        0.0
    """

    def __init__(self, features: Features[Array], protocol: Protocol, *, picky: bool = False) -> None:
        self.features, self.protocol, self.picky = features, protocol, picky
        self.invariant = moments(features.invariant)
        self.equivariant = None if features.equivariant is None else moments(features.equivariant)
        chosen = features.invariant[self.rows(len(features.invariant), "real")]
        self.manifold = manifold(chosen, protocol.neighbours)
        self.density_manifold = manifold(chosen, protocol.density_neighbours)

    def rows(self, available: int, which: str) -> Rows:
        """The rows of the available features, real or fake, that precision, recall, density and coverage look at."""
        return subset(available, self.protocol.precision_recall_count, self.protocol.seed, f"precision-recall-{which}")

    def distances(self, fake: Features[Array]) -> Distances:
        """All distances of another feature set from the real one.

        Raises:
            DataError: features of another length, too few, or not finite.
        """
        protocol, count = self.protocol, len(fake.invariant)
        chosen = fake.invariant[self.rows(count, "fake")]
        precision, recall = self.manifold.precision_recall(chosen)
        density, coverage = self.density_manifold.density_coverage(chosen)
        equivariant = None
        if self.equivariant is not None and fake.equivariant is not None and not self.refuses(count, self.equivariant):
            equivariant = frechet_distance(self.equivariant, moments(fake.equivariant))
        invariant = None
        if not self.refuses(count, self.invariant):
            invariant = frechet_distance(self.invariant, moments(fake.invariant))
        return Distances(
            frechet_invariant=invariant,
            frechet_equivariant=equivariant,
            kid=kernel_distance(
                self.features.invariant,
                fake.invariant,
                seed=protocol.seed,
                subsets=protocol.kid_subsets,
                subset_size=protocol.kid_subset_size,
            ),
            precision=precision,
            recall=recall,
            density=density,
            coverage=coverage,
            count=count,
        )

    def refuses(self, count: int, real: Moments | None = None) -> bool:
        """Whether a Frechet distance of `count` images would be mostly bias, real images or fake ones being too few.

        KID, which has no bias, stands in for it. Source: Binkowski et al. 2018.

        Args:
            count: images that are compared.
            real: which features; None: the invariant ones.
        """
        return self.picky and min(self.invariant.count, count) <= len((real or self.invariant).mean)

    def rank_deficient(self, count: int) -> tuple[str, ...]:
        """The feature sets that are at least as long as there are images, real ones or the `count` compared ones."""
        fewest = min(self.invariant.count, count)
        sets = {"invariant": self.invariant, "equivariant": self.equivariant}
        return tuple(name for name, found in sets.items() if found is not None and fewest <= len(found.mean))


def subset(available: int, count: int, seed: int, stream: str) -> Rows:
    """Sorted numbers of `count` of the available images, or of all if there are no more."""
    if available <= count:
        return np.arange(available)
    return np.sort(numpy_stream(seed, f"metrics/{stream}").permutation(available)[:count])
