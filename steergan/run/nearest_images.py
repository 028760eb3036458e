"""Whether a run's samples are copies: the training images that are nearest to them."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from steergan.metrics import FeatureExtractor, compare_neighbours
from steergan.pictures import save_png
from steergan.recipe import Recipe
from steergan.run.load import RunData
from steergan.run.reporting import Reporter
from steergan.symmetry import group_order, gspace, pixel_group


class Neighbours(NamedTuple):
    """How memorised images are looked for."""

    picture: Path
    """Where to put samples beside their nearest training images."""
    group: str | None = None
    """Over which they are compared; None: the larger one of the two networks."""


def nearest_images(
    recipe: Recipe,
    images: RunData,
    extractor: FeatureExtractor,
    drawn: Tensor,
    wanted: Neighbours,
    report: Reporter,
) -> dict[str, Any]:
    """Some of the samples beside their nearest training images: a picture, and the figures.

    Args:
        recipe: of the run.
        images: the run's.
        extractor: sees them.
        drawn: samples, uint8 (N, C, H, W).
        wanted: where the picture goes, and over which group images are compared.
        report: is told how far it is.
    """
    found, figure = compare_neighbours(
        extractor,
        drawn,
        images.train.images,
        images.held_out.images,
        group=wanted.group or larger_group(recipe),
        one_set=images.held_out.checksum == images.whole_train.checksum,  # data.split = "none"
        progress=partial(report.stage, "nearest training images"),
    )
    save_png(figure, wanted.picture)
    return found.record()


def larger_group(recipe: Recipe) -> str:
    """The larger one of the two networks' groups, or what of it permutes pixels; of a restricted one the first."""
    groups = (pixel_group(recipe.discriminator.groups[0]), pixel_group(recipe.generator.group))
    return max(groups, key=lambda name: group_order(gspace(name)))
