"""Samples of a page beside their nearest training images: whether they are copies."""

from functools import partial
from typing import Any

import torch

from steergan.errors import RunError
from steergan.metrics.memorisation import memorisation
from steergan.metrics.neighbours import MOST, in_a_line, pairs, rows_among, spread
from steergan.report.drawn import BUDGETS, picture
from steergan.run.evaluation import Evaluation
from steergan.run.load import LoadedRun
from steergan.run.nearest_images import larger_group
from steergan.run.reporting import Reporter
from steergan.run.tasks import data_of

UNASKED = 3_000_000
"""Pixels of training images, of all together, up to which neighbours are looked for without being asked: seconds."""


def is_quick(run: LoadedRun) -> bool:
    """Whether a page has neighbours that nobody asked for."""
    _, height, width = run.about.data.image_shape
    return run.about.data.train.images * height * width <= UNASKED and run.recipe.evaluation.features != "none"


def neighbours(run: LoadedRun, data_path: str | None, report: Reporter) -> dict[str, Any]:
    """Some of a run's samples before the training images that are nearest, in the features that measure the run.

    Args:
        run: its generator draws.
        data_path: where the originals are now; None: where they were.
        report: hears of what takes a while.

    Raises:
        SteerganError: the data can't be found, or are others.
    """
    if run.recipe.evaluation.features == "none":
        raise RunError('evaluation.features = "none": there is nothing to compare images with')
    turned = run.recipe.data.model_copy(update={"turn": "once"})  # the training images as they lie in the file
    settings = run.recipe.evaluation
    fewer = settings.model_copy(update={"samples": min(settings.samples, MOST)})
    recipe = run.recipe.model_copy(update={"data": turned, "evaluation": fewer})
    images = data_of(run, data_path, report)
    evaluation = Evaluation(recipe, images, run.folder, torch.device("cpu"), report)
    drawn = evaluation.draw(run.generator)
    train, held_out = images.train.images, images.held_out.images
    held_out = held_out[spread(len(held_out), "held-out")]
    found = memorisation(
        evaluation.extractor,
        drawn,
        train,
        held_out,
        group=larger_group(recipe),
        own_rows=rows_among(train, held_out) if images.held_out.checksum == images.whole_train.checksum else None,
        progress=partial(report.stage, "nearest training images"),
    )
    tiles, nearest, columns = pairs(found, drawn, train)
    labels = [f"{distance:.3g}" for distance in nearest]
    heads = ["sample", *(str(k) for k in range(1, columns))]
    alt = f"The {len(nearest)} samples that are closest to training images, each before its nearest training images."
    shown = picture(tiles.numpy(), columns, BUDGETS["neighbours"], alt, labels=labels, heads=heads)
    return {"picture": shown, "sentence": in_a_line(found), "record": found.record()}
