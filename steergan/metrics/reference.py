"""The real side of all measurements of a run: held-out images, their floor, and how well labels are known."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from steergan.files import AnyPath
from steergan.metrics.agreement import agreement_with
from steergan.metrics.classifier_file import Network, weights_sha256
from steergan.metrics.distances import Distances, Reals, subset
from steergan.metrics.features import ClassifierExtractor, FeatureExtractor, Features, extract
from steergan.metrics.frechet import Array
from steergan.metrics.images import Chosen, Images, LabelledImages, Rows
from steergan.metrics.meaning import Scrambled, left_out
from steergan.metrics.protocol import Protocol
from steergan.metrics.reference_file import keep, read_kept
from steergan.progress import Progress, portion, unheard
from steergan.randomness import numpy_stream


@dataclass(frozen=True, eq=False)
class Reference:
    """What every measurement of a run is compared with; `prepare_reference` makes one.

    Examples:
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> from steergan.metrics import ClassifierExtractor, Protocol, prepare_reference
        >>> from steergan.networks.classifier import Classifier
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
        >>> noise = ImageSet(images, np.zeros(40, np.int64), ("noise",), checksum="")
        >>> extractor = ClassifierExtractor("mine", Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3))
        >>> reference = prepare_reference(extractor, noise, noise, Protocol(count=20))
        >>> reference.protocol.extractor, reference.label_agreement  # no classifier, no agreement
        ('mine', None)
    """

    extractor: FeatureExtractor
    classifier: Network | None
    """Sees labels; None where label agreement is left out."""
    reals: Reals
    """The held-out images."""
    floor: Distances
    """Of real training images in a generator's place: what a finite sample of the true law comes to.

    Where the extractor was trained on the same images it knows them a little better than fresh ones, and a perfect
    generator may come out slightly below. Fewer images than the generator's samples give a higher floor."""
    scrambled: Distances
    """Of held-out images whose pixels all lie at random places: how far what nobody wants is, on the same ruler."""
    label_agreement: float | None
    """Share of the held-out images in which the classifier sees their label."""

    def left_out(self, count: int) -> dict[str, str]:
        """Which figures of so many samples mean nothing, and why."""
        return left_out(self.extractor.name, self.protocol, count, self.floor, self.scrambled)

    @property
    def protocol(self) -> Protocol:
        """How generators are measured, without what is only known of samples."""
        return self.reals.protocol


def prepare_reference(
    extractor: FeatureExtractor,
    train: LabelledImages,
    held_out: LabelledImages,
    protocol: Protocol,
    *,
    classifier: Network | None = None,
    progress: Progress = unheard,
    cache: AnyPath | None = None,
) -> Reference:
    """Features of held-out images, their floor, and how often the classifier knows their labels.

    Args:
        extractor: sees the images.
        train: for the floor; all training images, also where a run trains on a share, so that its floor is the others'.
            Where they are the held-out images (by the checksum), the floor is that of two disjoint samples of them.
        held_out: at most `protocol.count` of them are compared with.
        protocol: what the caller knows of it; the rest is filled in.
        classifier: sees labels; None leaves label agreement out.
        progress: hears of images, held-out ones, then training ones, then scrambled ones.
        cache: folder where features, moments and floor are looked up and kept; None: they are computed, as they are
            where a set has no checksum.

    Raises:
        DataError: too few images for the distances, or images that are not uint8 (N, C, H, W).

    Examples:
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> from steergan.metrics import ClassifierExtractor, Protocol, prepare_reference
        >>> from steergan.networks.classifier import Classifier
        >>> def noise(seed):
        ...     images = np.random.default_rng(seed).integers(0, 256, (40, 1, 8, 8), np.uint8)
        ...     return ImageSet(images, np.zeros(40, np.int64), ("noise",), checksum="")
        >>> extractor = ClassifierExtractor("mine", Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3))
        >>> reference = prepare_reference(extractor, noise(0), noise(1), Protocol(count=30))
        >>> reference.protocol.real_count, reference.floor.count
        (30, 30)
    """
    cache = None if cache is None else Path(cache)
    remedy = 'raise data.held_out or add images, or measure nothing: evaluation.features = "none"'
    protocol.refuse_too_few(len(held_out), "held-out images", remedy)
    protocol.refuse_too_few(len(train), "training images", "add images, or lower data.held_out")
    protocol.refuse_too_few(protocol.count, "samples to measure", "raise evaluation.samples")
    chosen = subset(len(held_out), protocol.count, protocol.seed, "held-out")
    protocol = replace(
        protocol,
        extractor=extractor.name,
        extractor_sha256=extractor.sha256,
        resize=getattr(extractor, "resize", "clean"),
        classifier_sha256=None if classifier is None else weights_sha256(classifier),
        held_out_checksum=held_out.checksum,
        train_checksum=train.checksum,
        real_count=len(chosen),
    )
    named = bool(held_out.checksum and train.checksum)
    kept = read_kept(cache, protocol) if cache is not None and named else None
    if kept is not None:
        features, floor, scrambled = kept
        reals = real_side(extractor, features, protocol)
    else:
        reals, floor, scrambled = computed(extractor, train, Chosen(held_out.images, chosen), protocol, progress)
        if cache is not None and named:
            keep(cache, protocol, reals, floor, scrambled)
    agreement = None
    if classifier is not None:
        images, labels = Chosen(held_out.images, chosen), held_out.labels[chosen]
        agreement = agreement_with(extractor, classifier, reals.features, images, labels)
    return Reference(extractor, classifier, reals, floor, scrambled, agreement)


def computed(
    extractor: FeatureExtractor, train: LabelledImages, held_out: Chosen, protocol: Protocol, progress: Progress
) -> tuple[Reals, Distances, Distances]:
    """The real side of the chosen held-out images; the distances of as many other real ones, and of scrambled ones."""
    one_set = bool(train.checksum) and train.checksum == protocol.held_out_checksum
    halved = one_set and len(train) < 2 * protocol.count  # identical sets would lie at no distance from one another
    taken = held_out.rows if one_set else np.arange(0)
    others = Chosen(train.images, np.arange(0) if halved else floor_rows(len(train), taken, protocol))
    scrambled = Scrambled(held_out, protocol.seed)
    total, done = len(held_out) + len(others) + len(scrambled), 0

    def seen(images: Images) -> Features[Array]:
        nonlocal done
        found = extract(extractor, images, progress=portion(progress, done, total))
        done += len(images)
        return found

    reals = real_side(extractor, seen(held_out), protocol)
    if halved:
        first, second = halves(len(held_out), protocol.seed)
        protocol.refuse_too_few(len(second), "images in half of the set", "add images")
        floor = real_side(extractor, reals.features.rows(first), protocol).distances(reals.features.rows(second))
    else:
        floor = reals.distances(seen(others))
    return reals, floor, reals.distances(seen(scrambled))


def real_side(extractor: FeatureExtractor, features: Features[Array], protocol: Protocol) -> Reals:
    """The real side; Frechet distances of few images are flagged for the small classifiers, and refused for others."""
    return Reals(features, protocol, picky=not isinstance(extractor, ClassifierExtractor))


def halves(count: int, seed: int) -> tuple[Rows, Rows]:
    """Two disjoint parts of so many rows, in a seeded order; together all of them."""
    first, second = np.array_split(numpy_stream(seed, "metrics/halves").permutation(count), 2)
    return np.sort(first), np.sort(second)


def floor_rows(available: int, taken: Rows, protocol: Protocol) -> Rows:
    """Training images for the floor: at most `protocol.count` of the available ones, none that is taken."""
    free = np.setdiff1d(np.arange(available), taken)
    return free[subset(len(free), protocol.count, protocol.seed, "train")]
