"""Real training images in a generator's place, share by share: the first row of the paper's Table 2."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steergan import data
from steergan.benchmark.report import Report
from steergan.metrics import Protocol, choose_extractor, extract, prepare_reference
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe
from steergan.run import surroundings
from steergan.tables import Table


@dataclass(frozen=True)
class ShareDistances:
    """Distances of the training images that a share leaves from the held-out ones."""

    fraction: float
    images: int
    invariant: float | None
    equivariant: float | None


def measure(recipe: Recipe, fractions: Sequence[float], progress: Progress = unheard) -> list[ShareDistances]:
    """What a generator would come to that gave the training images back, for each share of them.

    Args:
        recipe: its data, features and number of samples, of held-out images at most.
        fractions: of the training images.
        progress: hears of shares.
    """
    prepared = data.prepare(recipe.data)
    whole, held_out = (prepared.splits[split] for split in ("train", "held_out"))
    extractor = choose_extractor(recipe.evaluation.features, whole.image_shape, data=recipe.data.name)
    reference = prepare_reference(extractor, whole, held_out, Protocol(count=recipe.evaluation.samples))
    found = []
    for done, fraction in enumerate(fractions):
        images = data.take(prepared, recipe.data.model_copy(update={"fraction": fraction}), "train")
        distances = reference.reals.distances(extract(extractor, images.images))
        found.append(
            ShareDistances(fraction, len(images), distances.frechet_invariant, distances.frechet_equivariant)
        )
        progress(done + 1, len(fractions))
    return found


def report(recipe: Recipe, found: Sequence[ShareDistances]) -> Report:
    """The rows, ready to be told."""
    rows = [[f"{one.fraction:.0%}", one.images, one.invariant, one.equivariant] for one in found]
    said = ", ".join(f"{one.invariant:.3g} at {one.fraction:.0%}" for one in found if one.invariant is not None)
    return Report(
        benchmark="shares",
        title=f"Real training images against held-out ones, by share: {recipe.name}",
        claim='Dey et al. 2021, Table 2, "Real data": 0.6854, 0.3208, 0.1324 and 0.1296 at 10, 33, 66 and 100 % of '
        "rotated MNIST, with features of another training.",
        protocol={
            "recipe": recipe.name,
            "features": recipe.evaluation.features,
            "samples": recipe.evaluation.samples,
            "seed": recipe.data.seed,
        },
        tables=[
            Table(
                caption="Frechet distance of a share of the training images from the held-out ones.",
                columns=["share", "images", "invariant features", "equivariant features"],
                rows=rows,
            )
        ],
        verdict=f"Real images in a generator's place come to {said}: fewer images, a higher floor.",
        figures={"shares": [[one.fraction, one.images, one.invariant, one.equivariant] for one in found]},
        surroundings=surroundings(torch.device("cpu")),
    )
