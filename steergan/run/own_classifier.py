"""A run's own classifier: told of before it is trained, with what it will cost."""

from functools import partial

import torch

from steergan.data import ImageSet
from steergan.files import cache_folder
from steergan.metrics import OwnClassifier
from steergan.networks.classifier import Classifier
from steergan.recipe import Recipe
from steergan.run.folder import RunFolder
from steergan.run.pace import in_words
from steergan.run.reporting import Reporter, stage_before_training


def own_classifier(
    recipe: Recipe, images: ImageSet, folder: RunFolder, device: torch.device, report: Reporter
) -> Classifier:
    """A classifier of a run's own training images, for features and label agreement.

    It is taken from the run's folder, or from the cache, where it lies under the checksum of the images; else it is
    trained. A training that is stopped goes on the next time.

    Args:
        recipe: of the run.
        images: the training images.
        folder: of the run.
        device: where it is trained.
        report: is told what it costs, before it begins.

    Raises:
        Stopped: the user asked for it; what was trained is kept.
        DataError: the file in the folder is damaged.
        RunError: it can't be written.
    """
    own = OwnClassifier(
        images,
        folder.classifier,
        seed=recipe.data.seed,
        updates=recipe.evaluation.classifier_updates,
        device=device,
        cache=cache_folder() / "classifiers",
    )
    if not own.is_kept and own.learns:
        report.message(announced(own))
    return own.get(partial(stage_before_training, report, "classifier"))


def announced(own: OwnClassifier) -> str:
    """What is about to happen, and what it will take."""
    if own.from_cache() is not None:
        return f"classifier: taken from the cache, where it was trained on the same images ({own.cached})"
    count, settings, state = len(own.images), own.settings, own.state()
    updates = settings.updates_for(count)
    begun = f", {state['done']:,} of which are done" if state else ""
    return (
        f"training a classifier on the {count:,} training images, for label agreement and features of its own: "
        f"{updates:,} updates of {min(settings.batch_size, count)} images{begun}, about {in_words(own.seconds())} "
        'here; once for these images, Ctrl-C loses nothing (evaluation.features = "none" does without)'
    )
