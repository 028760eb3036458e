"""A generator's figures together with the protocol that they hold under."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.agreement import label_agreement
from steergan.metrics.classifier_file import weights_sha256
from steergan.metrics.features import FeatureExtractor, Features, Images, extract, image_batches
from steergan.metrics.frechet import Array, Moments, frechet_distance, moments
from steergan.metrics.kernel import kernel_distance
from steergan.metrics.precision_recall import NEIGHBOURS, Manifold, coverage, manifold
from steergan.networks.classifier import Classifier
from steergan.randomness import numpy_stream

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000
PRECISION_RECALL_COUNT = 10_000
"""Rows of each set, at most, that precision and recall look at: their cost grows with the square."""

Progress = Callable[[int], None]
"""Called after every batch with the number of its images."""


@dataclass(frozen=True)
class Distances:
    """How far one set of images lies from the real one."""

    frechet_invariant: float
    """With features that don't see rotations (the paper's)."""
    frechet_equivariant: float | None
    """Before group pooling: these see an orientation collapse; None for an extractor without a group."""
    kid: float
    """Kernel distance of the invariant features, unbiased."""
    precision: float
    recall: float


@dataclass(frozen=True)
class Floor(Distances):
    """The same for real training images in the generator's place: what a finite sample of the true law comes to.

    Where the extractor was trained on the same images it knows them a little better than fresh ones, and a perfect
    generator may come out slightly below.
    """

    count: int
    """Training images; fewer than the generator's samples give a higher floor."""


@dataclass(frozen=True)
class Measurement(Distances):
    """A generator's distances, and everything without which they mean nothing.

    Figures of unlike `protocol` must not be compared.
    """

    label_agreement: float | None
    """Share of samples in which the classifier sees the label that was asked for; None without a classifier."""
    label_agreement_real: float | None
    """The same for the held-out images."""
    rank_deficient: tuple[str, ...]
    """Feature sets (`invariant`, `equivariant`) that are as long as there are samples, or longer: strongly biased."""
    real_count: int
    """Held-out real images."""
    held_out_checksum: str
    """Of the whole held-out set that they are from."""
    fake_count: int
    precision_recall_count: int
    """Precision and recall are those of at most so many rows of each set."""
    label_law: str
    """Where the samples' labels come from."""
    ema: str
    batch_norm: str
    extractor: str
    extractor_sha256: str
    classifier_sha256: str | None
    seed: int
    """Of the subsets of images and of the kernel distance."""
    floor: Floor

    @property
    def protocol(self) -> str:
        """A short hash of what must agree before two measurements may be compared.

        That is: the networks that see (extractor, classifier), the real images (held-out set, how many, and by which
        seed they and all subsets were drawn), the samples (how many, the law of their labels, which average of the
        weights and which batch-norm moments drew them), and the constants of the distances. Training images and the
        latents' seed are left out: runs that differ in these are there to be compared.
        """
        seen_by = (self.extractor_sha256, self.classifier_sha256)
        reals = (self.held_out_checksum, self.real_count, self.seed)
        samples = (self.fake_count, self.label_law, self.ema, self.batch_norm)
        constants = (NEIGHBOURS, self.precision_recall_count, KID_SUBSETS, KID_SUBSET_SIZE)
        return hashlib.sha256(json.dumps([*seen_by, *reals, *samples, *constants]).encode()).hexdigest()[:12]

    def record(self) -> dict[str, Any]:
        """One flat table, ready for JSON: the figures, the protocol, and the floor's figures as `floor_...`."""
        own = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "floor"}
        own["rank_deficient"] = list(self.rank_deficient)
        floor = {f"floor_{name}": value for name, value in asdict(self.floor).items()}
        return {**own, **floor, "protocol": self.protocol}


@dataclass(frozen=True, eq=False)
class RealSide:
    """What the distances need of the real features, computed once; see `real_side`."""

    features: Array
    """Invariant (N, D)."""
    invariant: Moments
    equivariant: Moments | None
    manifold: Manifold
    """Of at most `PRECISION_RECALL_COUNT` invariant features."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The real side of all measurements of a run, computed once."""

    extractor: FeatureExtractor
    classifier: Classifier | None
    real: RealSide
    """The held-out images."""
    held_out_checksum: str
    label_agreement: float | None
    floor: Floor
    seed: int


def prepare_reference(
    extractor: FeatureExtractor,
    train_images: Images,
    held_out_images: Images,
    held_out_labels: NDArray[np.int64],
    *,
    count: int,
    held_out_checksum: str,
    classifier: Classifier | None = None,
    seed: int = 0,
    batch_size: int = 250,
    progress: Progress | None = None,
) -> Reference:
    """Features of at most `count` held-out images, their floor, and how often the classifier knows their labels.

    Args:
        train_images: for the floor; all of them, also where a run trains on a share, so that its floor is the others'.
        count: samples that generators will be measured with.
        held_out_checksum: of the held-out set; part of the protocol.
        classifier: sees labels; None leaves label agreement out.
        seed: of the subsets of images, and of the kernel distance's.
        progress: called after every batch with the number of its images: of at most `count` held-out ones, then of at
            most `count` training images.

    Raises:
        DataError: too few images for the distances, or images that are not uint8 (N, C, H, W).
    """
    refuse_too_few(len(held_out_images), "held-out images", "raise data.held_out or add images")
    refuse_too_few(len(train_images), "training images", "add images, or lower data.held_out")
    refuse_too_few(count, "samples to measure", "raise evaluation.samples")
    held_out = subset(len(held_out_images), count, seed, "held-out")
    real_images = held_out_images[held_out]
    real = real_side(extract(extractor, image_batches(real_images, batch_size), progress), seed)
    train_rows = subset(len(train_images), count, seed, "train")
    train = extract(extractor, image_batches(train_images[train_rows], batch_size), progress)
    agreement = None if classifier is None else label_agreement(classifier, real_images, held_out_labels[held_out])
    return Reference(extractor, classifier, real, held_out_checksum, agreement, floor(train, real, count, seed), seed)


def measure(
    reference: Reference,
    images: Images,
    labels: Tensor | NDArray[np.int64],
    *,
    label_law: str,
    ema: str,
    batch_norm: str,
    batch_size: int = 250,
    progress: Progress | None = None,
) -> Measurement:
    """A generator's samples (N, C, H, W) uint8, drawn for labels (N,), against the reference.

    Args:
        label_law: where the labels come from, in words, such as "real frequencies, stratified".
        ema: which weights drew the samples, in words.
        batch_norm: which batch-norm moments they were drawn with, in words.
        progress: called after every batch with the number of its images.

    Raises:
        DataError: too few samples, features that are not finite, or another number of labels than images.
    """
    refuse_too_few(len(images), "samples", "draw more")
    fake = extract(reference.extractor, image_batches(images, batch_size), progress)
    real, classifier = reference.real, reference.classifier
    return Measurement(
        **asdict(distances(real, fake, reference.seed)),
        label_agreement=None if classifier is None else label_agreement(classifier, images, labels),
        label_agreement_real=reference.label_agreement,
        rank_deficient=rank_deficient(real, fake),
        real_count=len(real.features),
        held_out_checksum=reference.held_out_checksum,
        fake_count=len(fake.invariant),
        precision_recall_count=PRECISION_RECALL_COUNT,
        label_law=label_law,
        ema=ema,
        batch_norm=batch_norm,
        extractor=reference.extractor.name,
        extractor_sha256=reference.extractor.sha256,
        classifier_sha256=None if classifier is None else weights_sha256(classifier),
        seed=reference.seed,
        floor=reference.floor,
    )


def real_side(features: Features, seed: int) -> RealSide:
    """What depends on the real features alone.

    Raises:
        DataError: too few features, or a value that is not finite.
    """
    rows = subset(len(features.invariant), PRECISION_RECALL_COUNT, seed, "precision-recall-real")
    return RealSide(
        features=features.invariant,
        invariant=moments(features.invariant),
        equivariant=None if features.equivariant is None else moments(features.equivariant),
        manifold=manifold(features.invariant[rows]),
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
    equivariant = None
    if real.equivariant is not None and fake.equivariant is not None:
        equivariant = frechet_distance(real.equivariant, moments(fake.equivariant))
    return Distances(
        frechet_invariant=frechet_distance(real.invariant, moments(fake.invariant)),
        frechet_equivariant=equivariant,
        kid=kernel_distance(real.features, fake.invariant, seed=seed, subsets=KID_SUBSETS, subset_size=KID_SUBSET_SIZE),
        precision=precision,
        recall=recall,
    )


def rank_deficient(real: RealSide, fake: Features) -> tuple[str, ...]:
    """The feature sets that have no more samples, real or fake, than features."""
    fewest = min(len(real.features), len(fake.invariant))
    sets = {"invariant": real.invariant, "equivariant": real.equivariant}
    return tuple(name for name, found in sets.items() if found is not None and fewest <= len(found.mean))


def refuse_too_few(count: int, what: str, remedy: str) -> None:
    """Refuse sets without a k-th neighbour before any work is done for them."""
    if count <= NEIGHBOURS:
        raise DataError(f"{count} {what}; at least {NEIGHBOURS + 1} were wanted for precision and recall; {remedy}")


def subset(available: int, count: int, seed: int, stream: str) -> NDArray[np.int64]:
    """Sorted numbers of `count` of the available images, or of all if there are no more."""
    if available <= count:
        return np.arange(available)
    return np.sort(numpy_stream(seed, f"metrics/{stream}").permutation(available)[:count])
