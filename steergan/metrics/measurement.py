"""A generator's figures together with the protocol that they hold under."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from steergan.metrics.agreement import agreement_with
from steergan.metrics.distances import Distances
from steergan.metrics.features import Features, extract
from steergan.metrics.frechet import Array
from steergan.metrics.images import Images
from steergan.metrics.protocol import Protocol
from steergan.metrics.reference import Reference
from steergan.progress import Progress, unheard


@dataclass(frozen=True)
class Measurement:
    """A generator's figures, and everything without which they mean nothing; `measure` makes one.

    Figures of unlike `protocol.hash` must not be compared.

    Examples:
        >>> from steergan.metrics import Distances, Measurement, Protocol
        >>> one = Distances(0.1, None, 0.0, precision=1.0, recall=1.0, density=1.0, coverage=0.97, count=100)
        >>> found = Measurement(one, one, None, None, (), Protocol(count=100, label_law="uniform"))
        >>> found.record()["floor_coverage"], found.record()["label_law"]
        (0.97, 'uniform')
    """

    distances: Distances
    """Of its samples."""
    floor: Distances
    """Of real training images in their place."""
    label_agreement: float | None
    """Share of samples in which the classifier sees the label that was asked for; None without a classifier."""
    label_agreement_real: float | None
    """Share of the held-out images in which it sees their label."""
    rank_deficient: tuple[str, ...]
    """Feature sets (`invariant`, `equivariant`) that are as long as there are samples, or longer: strongly biased."""
    protocol: Protocol
    scrambled: Distances | None = None
    """Of held-out images whose pixels all lie at random places."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Figures that would mean nothing, each with the reason; they are None."""

    def record(self) -> dict[str, Any]:
        """One flat table, ready for JSON: the figures, the protocol, and the real side's as `floor_`, `scrambled_`."""
        protocol, own = asdict(self.protocol), asdict(self.distances)
        scrambled = {} if self.scrambled is None else asdict(self.scrambled)
        del own["count"]  # said as fake_count
        return {
            **own,
            "label_agreement": self.label_agreement,
            "label_agreement_real": self.label_agreement_real,
            "rank_deficient": list(self.rank_deficient),
            **{name: protocol[name] for name in RECORDED},
            "left_out": dict(self.left_out),
            **{f"floor_{name}": value for name, value in asdict(self.floor).items()},
            **{f"scrambled_{name}": value for name, value in scrambled.items()},
            "protocol": self.protocol.hash,
        }


RECORDED = (
    "real_count", "held_out_checksum", "fake_count", "precision_recall_count", "label_law", "ema", "batch_norm",
    "extractor", "extractor_sha256", "resize", "classifier_sha256", "seed",
)  # fmt: skip
"""Of the protocol, what a record spells out; its hash covers the rest."""


def measure(
    reference: Reference,
    images: Images,
    labels: Tensor | NDArray[np.int64],
    *,
    progress: Progress = unheard,
) -> Measurement:
    """A generator's samples against the reference, under its protocol.

    Args:
        reference: the real side.
        images: samples, uint8 (N, C, H, W).
        labels: that they were drawn for, int64 (N,).
        progress: hears of images.

    Raises:
        DataError: too few samples, features that are not finite, or another number of labels than images.

    Examples:
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> from steergan.metrics import ClassifierExtractor, Protocol, measure, prepare_reference
        >>> from steergan.networks.classifier import Classifier
        >>> draw, labels = np.random.default_rng(0), np.zeros(40, np.int64)
        >>> train, held_out, samples = draw.integers(0, 256, (3, 40, 1, 8, 8), np.uint8)
        >>> extractor = ClassifierExtractor("mine", Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3))
        >>> reference = prepare_reference(
        ...     extractor,
        ...     ImageSet(train, labels, ("noise",), checksum=""),
        ...     ImageSet(held_out, labels, ("noise",), checksum=""),
        ...     Protocol(count=40),
        ... )
        >>> found = measure(reference, samples, labels)
        >>> found.distances.frechet_invariant < 100 * found.floor.frechet_invariant
        True
    """
    reference.protocol.refuse_too_few(len(images), "samples", "draw more")
    fake = extract(reference.extractor, images, progress=progress)
    classifier, agreement = reference.classifier, None
    if classifier is not None:
        agreement = agreement_with(reference.extractor, classifier, fake, images, labels)
    return measured(reference, fake, agreement)


def measured(reference: Reference, fake: Features[Array], agreement: float | None = None) -> Measurement:
    """A generator's samples against the reference, by features that are known; see `measure`.

    Args:
        reference: the real side.
        fake: features of the samples.
        agreement: share of them in which the classifier sees their label; None without one.
    """
    reals, without = reference.reals, reference.left_out(len(fake.invariant))
    return Measurement(
        distances=reals.distances(fake).without(without),
        floor=reference.floor,
        label_agreement=agreement,
        label_agreement_real=reference.label_agreement,
        rank_deficient=reals.rank_deficient(len(fake.invariant)),
        protocol=replace(reference.protocol, fake_count=len(fake.invariant)),
        scrambled=reference.scrambled,
        left_out=without,
    )
