"""The real side of all measurements of a run: computed once, kept in a folder with its protocol."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steergan.files import write_whole
from steergan.metrics.agreement import agreement_with
from steergan.metrics.backbone import Backbone
from steergan.metrics.distances import (
    KID_SUBSET_SIZE,
    KID_SUBSETS,
    PRECISION_RECALL_COUNT,
    Floor,
    RealSide,
    floor,
    real_side,
    refuse_too_few,
    subset,
)
from steergan.metrics.features import (
    Chosen,
    ClassifierExtractor,
    FeatureExtractor,
    Features,
    extract,
    image_batches,
)
from steergan.metrics.precision_recall import DENSITY_NEIGHBOURS, NEIGHBOURS
from steergan.networks.classifier import Classifier
from steergan.randomness import numpy_stream

FORMAT = 1
"""Counts up when the file, or what it is computed by, changes."""

Progress = Callable[[int], None]
"""Called after every batch with the number of its images."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The real side of all measurements of a run, computed once."""

    extractor: FeatureExtractor
    classifier: Classifier | Backbone | None
    real: RealSide
    """The held-out images."""
    held_out_checksum: str
    label_agreement: float | None
    floor: Floor
    seed: int


def prepare_reference(
    extractor: FeatureExtractor,
    train_images: NDArray[np.uint8],
    held_out_images: NDArray[np.uint8],
    held_out_labels: NDArray[np.int64],
    *,
    count: int,
    held_out_checksum: str,
    train_checksum: str = "",
    classifier: Classifier | Backbone | None = None,
    seed: int = 0,
    batch_size: int = 250,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Reference:
    """Features of at most `count` held-out images, their floor, and how often the classifier knows their labels.

    Args:
        train_images: for the floor; all of them, also where a run trains on a share, so that its floor is the others'.
        count: samples that generators will be measured with.
        held_out_checksum: of the held-out set; part of the protocol.
        train_checksum: of the training set; where it is the held-out set's, the floor is that of two disjoint samples.
        classifier: sees labels; None leaves label agreement out.
        seed: of the subsets of images, and of the kernel distance's.
        progress: called after every batch with the number of its images: of at most `count` held-out ones, then of at
            most `count` training images.
        cache: folder where features, moments and floor are looked up and kept; None: they are computed.

    Raises:
        DataError: too few images for the distances, or images that are not uint8 (N, C, H, W).
        RunError: the cache can't be written.
    """
    refuse_too_few(len(held_out_images), "held-out images", "raise data.held_out or add images")
    refuse_too_few(len(train_images), "training images", "add images, or lower data.held_out")
    refuse_too_few(count, "samples to measure", "raise evaluation.samples")
    chosen = subset(len(held_out_images), count, seed, "held-out")
    held_out_chosen = Chosen(held_out_images, chosen)

    def compute() -> tuple[Features, Floor]:
        held_out = extract(extractor, image_batches(held_out_chosen, batch_size), progress)
        same = bool(train_checksum) and train_checksum == held_out_checksum
        if same and len(train_images) < 2 * count:  # identical sets would lie at no distance from one another
            order = numpy_stream(seed, "metrics/halves").permutation(len(chosen))
            first, second = (held_out.rows(np.sort(part)) for part in np.array_split(order, 2))
            refuse_too_few(len(second.invariant), "images in half of the set", "add images")
            return held_out, floor(second, side(extractor, first, seed), count, seed)
        free = np.setdiff1d(np.arange(len(train_images)), chosen) if same else np.arange(len(train_images))
        rows = free[subset(len(free), count, seed, "train")]
        train = extract(extractor, image_batches(Chosen(train_images, rows), batch_size), progress)
        return held_out, floor(train, side(extractor, held_out, seed), count, seed)

    protocol = {
        "format": FORMAT, "extractor": extractor.name, "extractor_sha256": extractor.sha256,
        "held_out": held_out_checksum, "train": train_checksum, "count": count, "seed": seed,
        "neighbours": [NEIGHBOURS, DENSITY_NEIGHBOURS], "precision_recall_count": PRECISION_RECALL_COUNT,
        "kid": [KID_SUBSETS, KID_SUBSET_SIZE],
    }  # fmt: skip
    named = bool(held_out_checksum and train_checksum)
    features, found_floor = kept(cache, protocol, compute) if cache is not None and named else compute()
    agreement = None
    if classifier is not None:
        agreement = agreement_with(extractor, classifier, features, held_out_chosen, held_out_labels[chosen])
    real = side(extractor, features, seed)
    return Reference(extractor, classifier, real, held_out_checksum, agreement, found_floor, seed)


def side(extractor: FeatureExtractor, features: Features, seed: int) -> RealSide:
    """The real side; Frechet distances of few images are refused for all but the small classifiers."""
    return real_side(features, seed, refuses=not isinstance(extractor, ClassifierExtractor))


def kept(
    folder: Path, protocol: dict[str, Any], compute: Callable[[], tuple[Features, Floor]]
) -> tuple[Features, Floor]:
    """What was kept under this protocol, or else is computed and kept now; a damaged file is made anew."""
    path = folder / f"{hashlib.sha256(json.dumps(protocol, sort_keys=True).encode()).hexdigest()[:24]}.npz"
    found = read_reference(path, protocol)
    if found is None:
        found = compute()
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, reference_bytes(*found, protocol))
    return found


def reference_bytes(features: Features, found: Floor, protocol: dict[str, Any]) -> bytes:
    """An .npz file: the features, the moments of the invariant ones, the floor, the protocol, and a hash of all."""
    arrays = {"invariant": narrowed(features.invariant)}
    if features.equivariant is not None:
        arrays["equivariant"] = narrowed(features.equivariant)
    arrays["mean"] = features.invariant.mean(axis=0)
    arrays["covariance"] = np.cov(features.invariant, rowvar=False)
    about = json.dumps({"protocol": protocol, "floor": asdict(found)})
    content = io.BytesIO()
    np.savez(content, **arrays, about=np.array(about), digest=np.array(digest_of(arrays, about)))
    return content.getvalue()


def read_reference(path: Path, protocol: dict[str, Any]) -> tuple[Features, Floor] | None:
    """What such a file holds; None if there is none, it is damaged, or it was made under another protocol."""
    try:
        content = io.BytesIO(path.read_bytes())  # numpy leaves a damaged file open
        with np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about, digest = str(arrays.pop("about")), str(arrays.pop("digest"))
        table = json.loads(about)
        if table["protocol"] != protocol or digest != digest_of(arrays, about):
            return None
        wide = {name: arrays[name].astype(np.float64) for name in ("invariant", "equivariant") if name in arrays}
        return Features(wide["invariant"], wide.get("equivariant")), Floor(**table["floor"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def narrowed(rows: NDArray[np.float64]) -> NDArray[Any]:
    """Features in the float32 that networks give, where no bit is lost."""
    narrow = rows.astype(np.float32)
    return narrow if np.array_equal(narrow, rows) else rows


def digest_of(arrays: dict[str, NDArray[Any]], about: str) -> str:
    """sha256 of every array and of what is said about them."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
