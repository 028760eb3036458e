"""The classifier that a run trains on its own images, for features and label agreement."""

import json

import torch

from steergan.data import ImageSet
from steergan.files import write_whole
from steergan.metrics import ClassifierTraining, classifier_bytes, read_classifier, read_provenance, train_classifier
from steergan.networks.classifier import Classifier
from steergan.randomness import stream_seed
from steergan.recipe import Recipe
from steergan.run.folder import RunFolder
from steergan.run.reporting import Reporter, stage_before_training


class OwnClassifier:
    """A classifier of the run's own training images: trained at the first call, kept in the run folder.

    A set with a single class has nothing to classify; there an untrained network with fixed weights serves, whose
    features still tell distributions apart, if less sharply (Naeem et al. 2020).
    """

    def __init__(
        self, recipe: Recipe, reals: ImageSet, folder: RunFolder, device: torch.device, report: Reporter
    ) -> None:
        self.recipe, self.reals, self.folder, self.device, self.report = recipe, reals, folder, device, report

    def __call__(self) -> Classifier:
        path = self.folder.classifier
        made_for = {"data_checksum": self.reals.checksum, "class_names": json.dumps(self.reals.class_names)}
        if not path.exists() or not made_for.items() <= read_provenance(path).items():
            write_whole(path, classifier_bytes(self.make(), made_for))
        return read_classifier(path).to(self.device)

    def make(self) -> Classifier:
        reals, seed = self.reals, self.recipe.data.seed
        if reals.classes == 1:
            self.report.message("one class only: features come from an untrained network; Inception's would be sharper")
            settings = ClassifierTraining()
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(stream_seed(seed, "untrained classifier"))
                return Classifier(settings.group, 1, reals.image_shape, settings.widths, settings.features)
        self.report.message("training a classifier on the training images, for features and label agreement")
        return train_classifier(
            reals.images,
            reals.labels,
            classes=reals.classes,
            seed=seed,
            device=self.device,
            progress=lambda done, total, loss: stage_before_training(self.report, "classifier", done, total),
        )
