"""From images to features: what an extractor is, those of classifiers and backbones, and a whole set's features."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.backbone import Backbone
from steergan.metrics.classifier_file import weights_sha256
from steergan.metrics.frechet import Array
from steergan.metrics.images import BATCH, Images, Rows, image_batches
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit
from steergan.progress import Progress, unheard

Values = TypeVar("Values", Tensor, Array)

TEXTURES, UNTRAINED = "scattering", "untrained"
"""How the names of scattering features, and of networks that nobody trained, begin."""


@dataclass(frozen=True, eq=False)
class Features(Generic[Values]):
    """What an extractor sees in N images: a batch's as tensors (float32), a whole set's as arrays (float64).

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Features
        >>> Features(np.ones((3, 4)), None).rows(np.array([0, 2])).invariant.shape
        (2, 4)
    """

    invariant: Values
    """(N, D), the same for an image and for the image turned by the extractor's group."""
    equivariant: Values | None
    """(N, D'), before the pooling over the group; None for an extractor without a group."""

    def rows(self, rows: Rows) -> "Features[Values]":
        """The features of some of the images, by their numbers (n,)."""
        return Features(self.invariant[rows], None if self.equivariant is None else self.equivariant[rows])


class FeatureExtractor(Protocol):
    """Anything with a name and a hash of its weights that turns images into features.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Features, extract
        >>> class Brightness:
        ...     name, sha256 = "brightness", ""
        ...     def __call__(self, images):
        ...         return Features(images.float().mean(dim=(2, 3)), None)
        >>> extract(Brightness(), np.full((2, 1, 4, 4), 9, np.uint8)).invariant
        array([[9.],
               [9.]])
    """

    @property
    def name(self) -> str:
        """For the record."""

    @property
    def sha256(self) -> str:
        """Of the weights; empty where there are none."""

    def __call__(self, images: Tensor, /) -> Features[Tensor]:
        """Features of uint8 images (B, C, H, W)."""


def words_for(extractor: str) -> str:
    """What is said wherever figures of an extractor stand, by its name; empty where nothing need be said.

    Examples:
        >>> from steergan.metrics import words_for
        >>> words_for("scattering"), words_for("untrained classifier"), words_for("inception-2015-12-05")
        ('texture metric', 'untrained features', '')
    """
    known = {TEXTURES: "texture metric", UNTRAINED: "untrained features"}
    return next((words for beginning, words in known.items() if extractor.startswith(beginning)), "")


class ClassifierExtractor:
    """A classifier's features, invariant and before group pooling; it also says which label it sees.

    Args:
        name: of the extractor, for the record; one of a single class is called untrained.
        classifier: is put into evaluation mode.
        class_names: what its labels mean, in their order; None where nobody said so. Label agreement needs a classifier
            with the classes of the images, and not only as many.

    Symmetry: as the classifier's.

    Examples:
        >>> import torch
        >>> from steergan.metrics import ClassifierExtractor
        >>> from steergan.networks.classifier import Classifier
        >>> extractor = ClassifierExtractor("mine", Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3))
        >>> found = extractor(torch.zeros(5, 1, 8, 8, dtype=torch.uint8))
        >>> found.invariant.shape, found.equivariant.shape
        (torch.Size([5, 3]), torch.Size([5, 12]))
    """

    def __init__(self, name: str, classifier: Classifier, class_names: tuple[str, ...] | None = None) -> None:
        # With a single class there was nothing to learn.
        self.name = f"{UNTRAINED} {name}" if classifier.architecture.classes == 1 else name
        self.class_names = class_names
        self.classifier = classifier.eval()
        self.sha256 = weights_sha256(classifier)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features[Tensor]:
        """uint8 images (B, C, H, W) -> features (B, D) and (B, D * |G|), float32."""
        image = to_unit(images.to(next(self.classifier.parameters()).device))
        equivariant = self.classifier.equivariant_features(image)
        return Features(self.classifier.invariant(equivariant), equivariant)


class BackboneExtractor:
    """A backbone's features; Frechet distances of no more images than features are refused, as for Inception.

    Args:
        name: of the extractor, for the record.
        backbone: fine-tuned on images like those that will be measured.
        class_names: what its labels mean, in their order; None where nobody said so.

    Examples:
        >>> import torch
        >>> from steergan.metrics import Backbone, BackboneExtractor
        >>> extractor = BackboneExtractor("mine", Backbone("shufflenet_v2_x0_5", classes=2, side=32))
        >>> extractor(torch.zeros(2, 3, 8, 8, dtype=torch.uint8)).invariant.shape
        torch.Size([2, 1024])
    """

    def __init__(self, name: str, backbone: Backbone, class_names: tuple[str, ...] | None = None) -> None:
        self.name, self.class_names = name, class_names
        self.classifier = backbone.eval()
        self.sha256 = weights_sha256(backbone)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features[Tensor]:
        """uint8 images (B, 1 or 3, H, W) -> features (B, D) float32, and None."""
        device = next(self.classifier.parameters()).device
        return Features(self.classifier.features(self.classifier.resized(images.to(device))), None)

    @torch.no_grad()
    def labels(self, features: Tensor) -> Tensor:
        """The likeliest label, int64 (N,), of images with features (N, D) float32."""
        head = self.classifier.head
        return head(features.to(head.weight.device)).argmax(dim=1).cpu()


def extract(
    extractor: FeatureExtractor, images: Images, *, batch_size: int = BATCH, progress: Progress = unheard
) -> Features[Array]:
    """Features of a whole set, in float64; reals and fakes take this same way.

    Args:
        extractor: sees the images, batch by batch.
        images: uint8 (N, C, H, W).
        batch_size: images that it sees together.
        progress: hears of images.

    Raises:
        DataError: there is no image, or images are not uint8 (N, C, H, W).

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import ClassifierExtractor, extract
        >>> from steergan.networks.classifier import Classifier
        >>> extractor = ClassifierExtractor("mine", Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3))
        >>> features = extract(extractor, np.zeros((7, 1, 8, 8), np.uint8))
        >>> features.invariant.shape, features.invariant.dtype
        ((7, 3), dtype('float64'))
    """
    invariant, equivariant, done = [], [], 0
    for batch in image_batches(images, batch_size):
        found = extractor(batch)
        # Widened on the CPU: not every accelerator has float64.
        invariant.append(found.invariant.cpu().double().numpy())
        if found.equivariant is not None:
            equivariant.append(found.equivariant.cpu().double().numpy())
        done += len(batch)
        progress(done, len(images))
    if not invariant:
        raise DataError("no images to take features of; at least two were wanted")
    return Features(np.concatenate(invariant), np.concatenate(equivariant) if equivariant else None)
