"""Features in which images can be compared with transformed ones: they must see orientation."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, interpolate

from steergan.metrics import (
    SHIPPED,
    ClassifierExtractor,
    FeatureExtractor,
    choose_extractor,
    extract,
    read_classifier,
)
from steergan.metrics.frechet import Array
from steergan.metrics.images import BATCH
from steergan.pixels import to_unit
from steergan.randomness import torch_stream

FILTERS, KERNEL = 24, 5
"""Random filters, and their pixels a side."""
SCALES = (1, 2, 4)
LARGEST_SIDE = 64
"""Larger images are averaged down to this many pixels a side before they are filtered."""
PIXELS_SIDE = 16
"""Pixels that stand in for features are averaged down to this many a side."""
PLACES, BRIGHTNESSES = 3, 6
"""A side of the grid on which filter responses, and the image itself, are averaged."""
FILTERED = 64
"""Images that are filtered together."""


class OrientationFeatures(NamedTuple):
    """Features that see orientation."""

    name: str
    sha256: str
    """Of the weights; empty where there are none."""
    compute: Callable[[Tensor], Array]
    """uint8 (N, C, H, W) -> (N, D)."""


def orientation_features(name: str, image_shape: tuple[int, int, int]) -> OrientationFeatures:
    """Features for the images of a data set.

    `filters` is an untrained plain layer at three scales, without any symmetry: the root mean square of the positive
    responses of random filters, in nine places, beside brightness in 36. It sees the layout of an image as well as the
    direction, the handedness and the slope of a texture that may lie anywhere. Of a group-equivariant classifier the
    features before group pooling are taken: pooled ones are the same for a transformed image, and see nothing.

    Args:
        name: `filters`, or an extractor of `choose_extractor` by its name or file.
        image_shape: (C, H, W).

    Raises:
        RecipeError: an unknown name, or an extractor that doesn't take such images.
        DataError: a file that can't be read.
    """
    if name == "filters":
        return OrientationFeatures("random filters", "", RandomFilters(image_shape[0]))
    return before_pooling(choose_extractor(name, image_shape), FILTERED)


def sample_features(name: str, image_shape: tuple[int, int, int], classifier: Path) -> OrientationFeatures:
    """Features for a run's samples: its extractor's before group pooling, else those of its classifier, else pixels.

    A run of several classes with Inception features, which know no group, has a classifier in its folder for label
    agreement; one without a classifier that names no features is compared by scattering ones.

    Args:
        name: the extractor of `choose_extractor` that measures the run.
        image_shape: (C, H, W).
        classifier: where the run's own classifier lies, if it has one.

    Raises:
        RecipeError: an extractor that doesn't take such images.
        DataError: a file that can't be read.
    """
    if name in SHIPPED or (name.endswith(".safetensors") and Path(name).is_file()):
        return before_pooling(choose_extractor(name, image_shape))
    if name == "scattering" or (name == "auto" and not classifier.is_file()):
        return before_pooling(choose_extractor("scattering", image_shape))
    if classifier.is_file():
        return before_pooling(ClassifierExtractor("classifier", read_classifier(classifier)))
    height, width = (min(side, PIXELS_SIDE) for side in image_shape[1:])
    return OrientationFeatures(
        f"pixels, averaged to {height} x {width}" if (height, width) != image_shape[1:] else "pixels",
        "",
        lambda images: interpolate(to_unit(images), (height, width), mode="area").flatten(1).double().numpy(),
    )


def before_pooling(extractor: FeatureExtractor, batch_size: int = BATCH) -> OrientationFeatures:
    """The features of an extractor before group pooling, or all that it has where it knows no group."""

    def compute(images: Tensor) -> Array:
        found = extract(extractor, images, batch_size=batch_size)
        return found.invariant if found.equivariant is None else found.equivariant

    return OrientationFeatures(extractor.name, extractor.sha256, compute)


class RandomFilters:
    """uint8 images (N, C, H, W) -> features (N, D) of filters that are the same every time.

    Args:
        channels: C.

    Symmetry: neither invariant nor equivariant, on purpose.
    """

    def __init__(self, channels: int) -> None:
        weights = torch.randn(FILTERS, channels, KERNEL, KERNEL, generator=torch_stream(0, "orientation-filters"))
        weights -= weights.mean(dim=(2, 3), keepdim=True)  # brightness has features of its own
        self.weights = weights / weights.flatten(1).norm(dim=1)[:, None, None, None]

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Array:
        """uint8 (N, C, H, W) -> (N, D) float64."""
        return torch.cat([self.features(batch) for batch in images.split(FILTERED)]).double().numpy()

    def features(self, images: Tensor) -> Tensor:
        """uint8 (B, C, H, W) -> (B, D) float32."""
        x = to_unit(images)
        height, width = x.shape[2:]
        if max(height, width) > LARGEST_SIDE:
            height, width = min(height, LARGEST_SIDE), min(width, LARGEST_SIDE)
            x = interpolate(x, (height, width), mode="area")
        parts = [adaptive_avg_pool2d(x, (min(height, BRIGHTNESSES), min(width, BRIGHTNESSES)))]
        for scale in SCALES:
            if min(height, width) // scale >= KERNEL + PLACES - 1:
                # Filters sum to 0, so the mean of what is positive is half that of the magnitude: its square sees more.
                response = conv2d(avg_pool2d(x, scale), self.weights).relu().square()
                parts.append(adaptive_avg_pool2d(response, PLACES).sqrt())
        return torch.cat([part.flatten(1) for part in parts], dim=1)
