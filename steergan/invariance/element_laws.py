"""One group element after the other: whether images that it transformed have the law of other images as they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray
from torch import Tensor

from steergan.comparisons import holm
from steergan.invariance.latent_law import element_names
from steergan.invariance.two_sample import two_sample_test
from steergan.metrics.frechet import Array
from steergan.symmetry import grid_permutation

LEVEL = 0.05
"""How likely an invariant law is called not invariant, over all elements together."""
IDENTITY = "the identity"


@dataclass(frozen=True)
class ElementLaw:
    """Images against other images that an element transformed; see `two_sample_test`."""

    element: str
    mmd2: float
    p_value: float
    adjusted_p_value: float
    """Corrected for the number of tests (Holm 1979)."""
    effect: float


def transformed(images: Tensor, space: GSpace2D) -> Iterator[tuple[str, Tensor]]:
    """The images under every element that permutes pixels, the identity included.

    Args:
        images: (N, C, H, W).
        space: of the group.

    Yields:
        What the element does, in words, and the images (N, C, H, W).

    Raises:
        SymmetryError: quarter turns of a rectangle.
    """
    for name, source in zip(element_names(space), grid_permutation(space, *images.shape[2:]), strict=True):
        yield name, images.flatten(2)[..., torch.from_numpy(source)].view(images.shape)


def element_law(
    element: str, x: Array, y: Array, labels: NDArray[np.int64], *, permutations: int, seed: int
) -> ElementLaw:
    """Whether features x and y can come from one law; the p-value is not corrected yet.

    Args:
        element: that transformed the images of y.
        x: features (N, D).
        y: features (N, D).
        labels: of the images on either side, (N,): samples are exchanged within them.
        permutations: of the test.
        seed: of the permutations.

    Raises:
        DataError: as `two_sample_test`.
    """
    test = two_sample_test(x, y, permutations=permutations, seed=seed, strata=(labels, labels))
    return ElementLaw(element, test.mmd2, test.p_value, test.p_value, test.effect)


def corrected(laws: Sequence[ElementLaw]) -> tuple[ElementLaw, ...]:
    """The laws with p-values that hold for all of them together."""
    adjusted = holm([law.p_value for law in laws])
    return tuple(replace(law, adjusted_p_value=p) for law, p in zip(laws, adjusted, strict=True))


def significant(laws: Sequence[ElementLaw]) -> tuple[str, ...]:
    """The elements under which the law was found to be another."""
    return tuple(law.element for law in laws if law.adjusted_p_value <= LEVEL)
