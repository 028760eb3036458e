"""Measuring a run's generator: what its samples are compared with, and the metric files in its folder."""

from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from steergan import data
from steergan.files import cache_folder
from steergan.layers import shared_filters
from steergan.metrics import (
    BackboneExtractor,
    ClassifierExtractor,
    FeatureExtractor,
    Measurement,
    Protocol,
    Reference,
    choose_extractor,
    measure,
    prepare_reference,
    words_for,
)
from steergan.metrics.classifier_file import Network
from steergan.networks import symmetrize
from steergan.networks.classifier import Classifier
from steergan.pixels import to_uint8
from steergan.randomness import torch_stream
from steergan.recipe import AnyRecipe, Recipe
from steergan.run.figures_in_words import described, notices, summed_up
from steergan.run.folder import RunFolder
from steergan.run.load import RunData
from steergan.run.nearest_images import Neighbours, nearest_images
from steergan.run.own_classifier import own_classifier
from steergan.run.reporting import Reporter, stage_before_training
from steergan.training import Generator, JsonLines, draw_latents, figure_in

FIGURES = {
    "frechet": ("frechet_invariant", "frechet_equivariant"),
    "kid": ("kid",),
    "precision-recall": ("precision", "recall"),
    "density-coverage": ("density", "coverage"),
    "label-agreement": ("label_agreement", "label_agreement_real"),
}
"""What each metric-KEY.jsonl is about; every row also has these of the real side, and the whole protocol."""

LABEL_LAW = "held-out class frequencies, stratified"
BATCH = 250
"""Latents that are drawn together."""
RENDERED_PIXELS = 2**20
"""Pixels that a generator renders at once, at most: maps of large images need gigabytes."""


class Evaluation:
    """The real side of a run's measurements, made once, and the rows that were measured.

    Args:
        recipe: of the run.
        images: the run's.
        folder: where metric files and the run's own classifier lie.
        device: where images are drawn and features computed.
        report: is told what takes a while.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: RunData,
        folder: RunFolder,
        device: torch.device,
        report: Reporter,
    ) -> None:
        self.recipe, self.images = recipe, images
        self.folder, self.device, self.report = folder, device, report
        self.before_training = True
        """Until the first step; the caller ends it."""
        self.files = {key: JsonLines(folder.metric(key)) for key in FIGURES}
        self.labels = self.conditions()

    def conditions(self) -> Tensor:
        """What samples are asked for."""
        frequencies, count = self.images.held_out.class_frequencies, self.recipe.evaluation.samples
        return torch.from_numpy(data.stratified_labels(frequencies, count))

    def protocol(self) -> Protocol:
        """How generators are measured."""
        return protocol(self.recipe)

    @property
    def measures(self) -> bool:
        """Whether anything is measured at all."""
        return self.recipe.evaluation.features != "none"

    @cached_property
    def reference(self) -> Reference:
        """The real side, made at the first look; with it the run's own classifier, if one is wanted."""
        held_out, settings, extractor = self.images.held_out, self.recipe.evaluation, self.extractor
        found = prepare_reference(
            extractor,
            self.images.whole_train,
            held_out,
            self.protocol(),
            classifier=self.labeller(extractor),
            progress=partial(self.stage, "features of real images"),
            cache=cache_folder() / "references",
        )
        for notice in notices(found, settings.samples, settings.features):
            self.report.message(notice)
        return found

    @cached_property
    def extractor(self) -> FeatureExtractor:
        """What sees the images; the run's own classifier, made if need be, where the recipe wants it."""
        reals, settings = self.images.train, self.recipe.evaluation
        can_train = reals.classes > 1 or settings.features == "classifier"
        return choose_extractor(
            settings.features,
            reals.image_shape,
            data=self.recipe.data.name,
            train_classifier=(lambda: self.own_classifier) if can_train else None,
            device=self.device,
            resize=settings.resize,
        )

    def prepare(self) -> None:
        """Make the real side now, or say that nothing will be measured."""
        if self.measures:
            _ = self.reference
        else:
            self.report.message(
                'evaluation.features = "none": samples are drawn and nothing is measured, neither distances (Frechet, '
                "KID) nor precision, recall, density and coverage, nor label agreement"
            )

    @cached_property
    def own_classifier(self) -> Classifier:
        """A classifier of the run's own training images, for features and label agreement."""
        return own_classifier(self.recipe, self.images.train, self.folder, self.device, self.report)

    def labeller(self, extractor: FeatureExtractor) -> Network | None:
        """The network that says which label it sees: the extractor's if it knows the classes; None if there is one."""
        if self.images.train.classes <= 1:  # there is nothing to agree on
            return None
        names = self.images.train.class_names
        if isinstance(extractor, ClassifierExtractor | BackboneExtractor) and extractor.class_names == names:
            return extractor.classifier
        return self.own_classifier

    def measure_images(self, images: Tensor) -> Measurement:
        """Figures of the samples that `draw` gave."""
        return measure(self.reference, images, self.labels, progress=partial(self.stage, "features"))

    def figures(self, images: Tensor) -> dict[str, Any]:
        """All that is measured of the samples that `draw` gave, in one table."""
        return self.measure_images(images).record()

    def measure_and_record(self, images: Tensor, step: int) -> str:
        """Rows about these samples in all metric files; the line that a user is told."""
        return self.record(self.measure_images(images), step)

    @property
    def row_files(self) -> dict[str, JsonLines]:
        """Every metric file by its key."""
        return self.files

    def memorisation(self, drawn: Tensor, wanted: Neighbours) -> dict[str, Any]:
        """Some of the samples beside their nearest training images: a picture, and the figures."""
        return nearest_images(self.recipe, self.images, self.reference.extractor, drawn, wanted, self.report)

    def stage(self, name: str, done: int, total: int) -> None:
        """Report how far a part is.

        Raises:
            Stopped: the user asked for it, and no step is done that would be lost.
        """
        if self.before_training:
            stage_before_training(self.report, name, done, total)
        else:
            self.report.stage(name, done, total)

    @torch.no_grad()
    def draw(self, generator: Generator) -> Tensor:
        """Samples of a generator in evaluation mode, uint8 (N, C, H, W); the same latents and labels every time."""
        group = self.recipe.evaluation.symmetrize
        drawn_from = generator if group == "none" else symmetrize(generator, group)  # type: ignore[arg-type]
        _, height, width = generator.image_shape
        images = torch.empty(len(self.labels), *generator.image_shape, dtype=torch.uint8)
        at_once = max(1, RENDERED_PIXELS // (height * width))
        with shared_filters(generator):  # type: ignore[arg-type]
            for update, labels in enumerate(self.labels.split(BATCH)):
                start = update * BATCH
                latents = draw_latents(
                    drawn_from,
                    len(labels),
                    torch_stream(self.recipe.training.seed, f"evaluation/{update}"),
                    law=self.recipe.generator.latent_law,
                    device=self.device,
                )
                for part in range(0, len(labels), at_once):
                    some = slice(part, part + at_once)
                    element = None if latents.element is None else latents.element[some]
                    drawn = to_uint8(drawn_from(latents.z[some], labels[some].to(self.device), element))
                    images[start + part : start + part + len(drawn)] = drawn.cpu()
                    self.stage("samples", start + part + len(drawn), len(self.labels))
        return images

    def record(self, measurement: Measurement, step: int) -> str:
        """Add a row to every metric file; the line that a user is told."""
        table = measurement.record()
        figures = {name for names in FIGURES.values() for name in names}
        sides = ("floor", "scrambled")
        protocol = {k: v for k, v in table.items() if k not in figures and not k.startswith(sides)}
        for key, names in FIGURES.items():
            own = {name: table[name] for name in names}
            real = {f"{side}_{name}": table.get(f"{side}_{name}") for side in sides for name in (*names, "count")}
            real = {name: value for name, value in real.items() if name in table}
            self.files[key].append({"step": step, **own, **real, **protocol})
        return described(table)

    def truncate_after(self, step: int) -> None:
        """Forget what was measured after a step."""
        for file in self.files.values():
            file.truncate_after(step)

    def rows(self) -> list[dict[str, Any]]:
        """Frechet distance, KID and label agreement by step, for the curves."""
        files = [self.files[key].rows() for key in ("frechet", "kid", "label-agreement")]
        return [
            {
                "step": a["step"],
                "frechet_distance": figure_in(a, "frechet_invariant"),
                "kid": figure_in(b, "kid"),
                "label_agreement": figure_in(c, "label_agreement"),
            }
            for a, b, c in zip(*files, strict=False)
        ]

    @property
    def levels(self) -> dict[str, Any]:
        """What the curves are drawn beside."""
        found, refused = self.reference, self.reference.reals.refuses(self.recipe.evaluation.samples)
        return {
            "floor": found.floor.kid if refused else found.floor.frechet_invariant,
            "real_agreement": found.label_agreement,
            "features": words_for(found.extractor.name),
        }

    def summary(self) -> str:
        """Start, end and floor in one line."""
        return summed_up(self.rows(), self.reference) if self.measures else "nothing was measured"


def protocol(recipe: Recipe) -> Protocol:
    """How a run's generators are measured, whose samples have the held-out images' labels."""
    return averaging(recipe, LABEL_LAW)


def averaging(recipe: AnyRecipe, label_law: str) -> Protocol:
    """How a run's generators are measured.

    Args:
        recipe: of the run.
        label_law: where what they are asked for comes from, in words.
    """
    training = recipe.training
    rampup = f", ramp-up {training.ema_rampup:g}" if training.ema_rampup else ""
    return Protocol(
        count=recipe.evaluation.samples,
        label_law=label_law,
        ema=f"decay {training.ema_decay:g}, start {training.ema_start}{rampup}",
        batch_norm=training.ema_batch_norm,
    )
