"""Small classifiers and images for the tests of the metrics."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit


@pytest.fixture
def classifier(images: NDArray[np.uint8]) -> Classifier:
    """Untrained, C4, four classes of 3 x 12 x 12 pixels, all of which it sees among the images.

    Its batch-norm moments are not the initial ones.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = Classifier("C4", 4, (3, 12, 12), (3, 3, 4, 4), 6)
        for name, buffer in built.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
        built.eval()
        with torch.no_grad():
            built.head.bias.sub_(built(to_unit(torch.tensor(images))).mean(dim=0))
    return built


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """37 images, read-only as prepared sets are."""
    drawn = np.random.default_rng(0).integers(0, 256, size=(37, 3, 12, 12), dtype=np.uint8)
    drawn.setflags(write=False)
    return drawn
