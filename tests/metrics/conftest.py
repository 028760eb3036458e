"""Small classifiers and images for the tests of the metrics."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from steergan.networks.classifier import Classifier


@pytest.fixture
def classifier() -> Classifier:
    """Untrained, C4, four classes of 3 x 12 x 12 pixels, with batch-norm moments that are not the initial ones."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = Classifier("C4", 4, (3, 12, 12), (3, 3, 4, 4), 6)
        for name, buffer in built.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return built.eval()


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """37 images, read-only as prepared sets are."""
    drawn = np.random.default_rng(0).integers(0, 256, size=(37, 3, 12, 12), dtype=np.uint8)
    drawn.setflags(write=False)
    return drawn
