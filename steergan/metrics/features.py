"""From uint8 images to the features in which generators are measured."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.backbone import Backbone
from steergan.metrics.classifier_file import weights_sha256
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit


class Chosen:
    """Some rows of an array of images (N, C, H, W), read when they are sliced: chosen ones of a large set stay on disk.

    Args:
        images: all of them.
        rows: numbers of those that are meant, in order.
    """

    def __init__(self, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
        self.images, self.rows = images, rows
        self.dtype, self.ndim, self.shape = images.dtype, images.ndim, (len(rows), *images.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> NDArray[np.uint8]:
        return self.images[self.rows[part]]


Images = Tensor | NDArray[np.uint8] | Chosen
"""uint8 (N, C, H, W); memory-mapped arrays are read batch by batch."""


class FeatureBatch(NamedTuple):
    """Features of a batch: invariant (B, D), and before group pooling (B, D'), or None for want of a group."""

    invariant: Tensor
    equivariant: Tensor | None


class Features(NamedTuple):
    """The same for a whole set, in float64: invariant (N, D), equivariant (N, D') or None."""

    invariant: NDArray[np.float64]
    equivariant: NDArray[np.float64] | None

    def rows(self, index: NDArray[np.int64]) -> "Features":
        """The features of some of the images."""
        return Features(self.invariant[index], None if self.equivariant is None else self.equivariant[index])


class FeatureExtractor(Protocol):
    """Anything with a name and a hash of its weights that turns uint8 images (B, C, H, W) into features."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    def __call__(self, images: Tensor, /) -> FeatureBatch: ...


class ClassifierExtractor:
    """A classifier's features, invariant and before group pooling; it also says which label it sees.

    Args:
        name: of the extractor, for the record.
        class_names: what its labels mean, in their order; None where nobody said so. Label agreement needs a classifier
            with the classes of the images, and not only as many.

    Symmetry: as the classifier's.
    """

    def __init__(self, name: str, classifier: Classifier, class_names: tuple[str, ...] | None = None) -> None:
        self.name = name
        self.class_names = class_names
        self.classifier = classifier.eval()
        self.sha256 = weights_sha256(classifier)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> FeatureBatch:
        """uint8 images (B, C, H, W) -> features (B, D) and (B, D * |G|), float32."""
        image = to_unit(images.to(next(self.classifier.parameters()).device))
        equivariant = self.classifier.equivariant_features(image)
        return FeatureBatch(self.classifier.invariant(equivariant), equivariant)


class BackboneExtractor:
    """A backbone's features; Frechet distances of no more images than features are refused, as for Inception.

    Args:
        name: of the extractor, for the record.
        backbone: fine-tuned on images like those that will be measured.
        sha256: of its weights.
        class_names: what its labels mean, in their order; None where nobody said so.
    """

    def __init__(self, name: str, backbone: Backbone, sha256: str, class_names: tuple[str, ...] | None = None) -> None:
        self.name, self.classifier, self.sha256, self.class_names = name, backbone.eval(), sha256, class_names

    @torch.no_grad()
    def __call__(self, images: Tensor) -> FeatureBatch:
        """uint8 images (B, 1 or 3, H, W) -> features (B, D) float32, and None."""
        device = next(self.classifier.parameters()).device
        return FeatureBatch(self.classifier.features(self.classifier.resized(images.to(device))), None)

    @torch.no_grad()
    def labels(self, features: Tensor) -> Tensor:
        """The likeliest label (N,) of images with features (N, D)."""
        head = self.classifier.head
        return head(features.to(head.weight.device)).argmax(dim=1).cpu()


def extract(
    extractor: FeatureExtractor, batches: Iterable[Tensor], progress: Callable[[int], None] | None = None
) -> Features:
    """Features of uint8 batches (B, C, H, W), in float64; reals and fakes take this same way.

    Args:
        progress: called after every batch with the number of its images.

    Raises:
        DataError: there is no batch.
    """
    invariant, equivariant = [], []  # widened on the CPU: not every accelerator has float64
    for batch in batches:
        found = extractor(batch)
        invariant.append(found.invariant.cpu().double().numpy())
        if found.equivariant is not None:
            equivariant.append(found.equivariant.cpu().double().numpy())
        if progress is not None:
            progress(len(batch))
    if not invariant:
        raise DataError("no images to take features of; at least two were wanted")
    return Features(np.concatenate(invariant), np.concatenate(equivariant) if equivariant else None)


def image_batches(images: Images, batch_size: int = 250) -> Iterator[Tensor]:
    """uint8 images (N, C, H, W) in batches.

    Raises:
        DataError: another dtype or number of axes.
    """
    if images.dtype not in (torch.uint8, np.dtype(np.uint8)) or images.ndim != 4:
        raise DataError(f"images of {images.dtype} and shape {tuple(images.shape)}; uint8 (N, C, H, W) was wanted")
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        # A copy: torch warns of arrays that can't be written, and prepared sets can't.
        yield batch if isinstance(batch, Tensor) else torch.from_numpy(np.array(batch))
