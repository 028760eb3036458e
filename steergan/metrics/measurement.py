"""A generator's figures together with the protocol that they hold under."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from steergan.metrics.agreement import agreement_with
from steergan.metrics.classifier_file import weights_sha256
from steergan.metrics.distances import (
    KID_SUBSET_SIZE,
    KID_SUBSETS,
    PRECISION_RECALL_COUNT,
    Distances,
    Floor,
    distances,
    rank_deficient,
    refuse_too_few,
)
from steergan.metrics.features import Images, extract, image_batches
from steergan.metrics.precision_recall import NEIGHBOURS
from steergan.metrics.reference import Progress, Reference


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
    real, classifier, agreement = reference.real, reference.classifier, None
    if classifier is not None:
        agreement = agreement_with(reference.extractor, classifier, fake, images, labels)
    return Measurement(
        **asdict(distances(real, fake, reference.seed)),
        label_agreement=agreement,
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
