"""Features in which a set of images can be compared with its transformed copies: they must see orientation."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, interpolate

from steergan.invariance.samples import Array, SampleFeatures
from steergan.metrics import choose_extractor, extract, image_batches
from steergan.pixels import to_unit
from steergan.randomness import torch_stream

FILTERS, KERNEL = 24, 5
"""Random filters, and their pixels a side."""
SCALES = (1, 2, 4)
LARGEST_SIDE = 64
"""Larger images are averaged down to this many pixels a side."""
PLACES, BRIGHTNESSES = 3, 6
"""A side of the grid on which filter responses, and the image itself, are averaged."""
BATCH = 64


def orientation_features(name: str, image_shape: tuple[int, int, int]) -> SampleFeatures:
    """Features for images (C, H, W): `filters`, or an extractor of `choose_extractor` by its name or file.

    `filters` is an untrained plain layer at three scales, without any symmetry: the root mean square of the positive
    responses of random filters, in nine places, beside brightness in 36. It sees the layout of an image as well as the
    direction, the handedness and the slope of a texture that may lie anywhere. Of a group-equivariant classifier the
    features before group pooling are taken: pooled ones are the same for a transformed image, and see nothing.

    Raises:
        RecipeError: an unknown name, or an extractor that doesn't take such images.
        DataError: a file that can't be read.
    """
    if name == "filters":
        return SampleFeatures("random filters", "", RandomFilters(image_shape[0]))
    extractor = choose_extractor(name, image_shape)

    def compute(images: Tensor) -> Array:
        found = extract(extractor, image_batches(images, BATCH))
        return found.invariant if found.equivariant is None else found.equivariant

    return SampleFeatures(extractor.name, extractor.sha256, compute)


class RandomFilters:
    """uint8 images (N, C, H, W) -> features (N, D) of filters that are the same every time.

    Symmetry: neither, on purpose.
    """

    def __init__(self, channels: int) -> None:
        weights = torch.randn(FILTERS, channels, KERNEL, KERNEL, generator=torch_stream(0, "orientation-filters"))
        weights -= weights.mean(dim=(2, 3), keepdim=True)  # brightness has features of its own
        self.weights = weights / weights.flatten(1).norm(dim=1)[:, None, None, None]

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Array:
        return torch.cat([self.features(batch) for batch in images.split(BATCH)]).double().numpy()

    def features(self, images: Tensor) -> Tensor:
        """The same for a batch, float32."""
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
