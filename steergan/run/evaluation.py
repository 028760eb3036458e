"""Measuring a run's generator: what its samples are compared with, and the metric files in its folder."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steergan import data
from steergan.data import ImageSet
from steergan.files import write_whole
from steergan.layers import shared_filters
from steergan.metrics import (
    ClassifierExtractor,
    ClassifierTraining,
    Measurement,
    choose_extractor,
    classifier_bytes,
    measure,
    prepare_reference,
    read_classifier,
    read_provenance,
    train_classifier,
)
from steergan.networks.classifier import Classifier
from steergan.pixels import to_uint8
from steergan.randomness import stream_seed
from steergan.recipe import Recipe
from steergan.run.convolution_record import check_convolution
from steergan.run.folder import RunFolder, check_same_data
from steergan.run.load import RunData, describe_data, load_data, load_run
from steergan.run.reporting import Reporter, Silence
from steergan.training import Generator, JsonLines, draw_latents

FIGURES = {
    "frechet": ("frechet_invariant", "frechet_equivariant"),
    "kid": ("kid",),
    "precision-recall": ("precision", "recall"),
    "label-agreement": ("label_agreement", "label_agreement_real"),
}
"""What each metric-KEY.jsonl is about; every row also has the floor of its figures and the whole protocol."""

LABEL_LAW = "held-out class frequencies, stratified"
BATCH = 250


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
        self.recipe, self.device, self.report = recipe, device, report
        reals, held_out = images.train, images.held_out
        self.files = {key: JsonLines(folder.metric(key)) for key in FIGURES}
        own = OwnClassifier(recipe, reals, folder, device, report)
        extractor = choose_extractor(
            recipe.evaluation.features,
            reals.image_shape,
            rotmnist=recipe.data.name == "rotmnist",
            train_classifier=own,
            device=device,
        )
        classifier = None
        if reals.classes > 1:  # else there is nothing to agree on
            if isinstance(extractor, ClassifierExtractor) and extractor.class_names == reals.class_names:
                classifier = extractor.classifier
            else:
                classifier = own()
        self.labels = torch.from_numpy(data.stratified_labels(held_out.class_frequencies, recipe.evaluation.samples))
        self.reference = prepare_reference(
            extractor,
            images.whole_train.images,
            held_out.images,
            held_out.labels,
            held_out_checksum=held_out.checksum,
            count=recipe.evaluation.samples,
            classifier=classifier,
            progress=self.counter("features of real images", 2 * recipe.evaluation.samples),
        )
        self.floor = self.reference.floor.frechet_invariant
        self.real_agreement = self.reference.label_agreement

    def measure(self, generator: Generator) -> Measurement:
        """Figures of a generator in evaluation mode; the same latents and labels every time."""
        training = self.recipe.training
        rampup = f", ramp-up {training.ema_rampup:g}" if training.ema_rampup else ""
        return measure(
            self.reference,
            self.draw(generator),
            self.labels,
            label_law=LABEL_LAW,
            ema=f"decay {training.ema_decay:g}, start {training.ema_start}{rampup}",
            batch_norm=training.ema_batch_norm,
            progress=self.counter("features", len(self.labels)),
        )

    def counter(self, name: str, total: int) -> Callable[[int], None]:
        """Reports how many of `total` images are done, given the number of every batch's."""
        done = 0

        def count(images: int) -> None:
            nonlocal done
            done += images
            self.report.stage(name, done, total)

        return count

    @torch.no_grad()
    def draw(self, generator: Generator) -> Tensor:
        """The samples that are measured, uint8 (N, C, H, W)."""
        images = []
        with shared_filters(generator):  # type: ignore[arg-type]
            for update, labels in enumerate(self.labels.split(BATCH)):
                latents = draw_latents(
                    generator,
                    len(labels),
                    seed=self.recipe.training.seed,
                    stream="evaluation",
                    update=update,
                    law=self.recipe.generator.latent_law,
                    device=self.device,
                )
                images.append(to_uint8(generator(latents.z, labels.to(self.device), latents.element)).cpu())
                self.report.stage("samples", min(len(self.labels), (update + 1) * BATCH), len(self.labels))
        return torch.cat(images)

    def record(self, measurement: Measurement, step: int) -> str:
        """Add a row to every metric file; the line that a user is told."""
        table = measurement.record()
        figures = {name for names in FIGURES.values() for name in names}
        protocol = {k: v for k, v in table.items() if k not in figures and not k.startswith("floor_")}
        for key, names in FIGURES.items():
            own = {name: table[name] for name in names}
            floor = {f"floor_{name}": table[f"floor_{name}"] for name in names if f"floor_{name}" in table}
            self.files[key].append({"step": step, **own, **floor, "floor_count": table["floor_count"], **protocol})
        return describe(table)

    def truncate_after(self, step: int) -> None:
        """Forget what was measured after a step."""
        for file in self.files.values():
            file.truncate_after(step)

    def rows(self) -> list[dict[str, Any]]:
        """Frechet distance and label agreement by step, for the curves."""
        pairs = zip(self.files["frechet"].rows(), self.files["label-agreement"].rows(), strict=False)
        return [
            {"step": a["step"], "frechet_distance": a["frechet_invariant"], "label_agreement": b["label_agreement"]}
            for a, b in pairs
        ]

    def summary(self) -> str:
        """Start, end and floor in one line."""
        rows = self.rows()
        if not rows:
            return "no evaluation is on record: the metric files are missing"
        first, last = rows[0], rows[-1]
        line = (
            f"Frechet distance: {first['frechet_distance']:.4g} at the start, {last['frechet_distance']:.4g} "
            f"at the end; real against real: {self.floor:.4g}"
        )
        if last["label_agreement"] is not None:
            line += f". Label agreement: {last['label_agreement']:.3f}; held-out real images: {self.real_agreement:.3f}"
        return line


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
            progress=lambda done, total, loss: self.report.stage("classifier", done, total),
        )


def describe(table: Mapping[str, Any]) -> str:
    """The main figures of a measurement, for a line of text."""
    floor = f"real against real {table['floor_frechet_invariant']:.4g}"
    if "invariant" in table["rank_deficient"]:
        floor += "; fewer images than features: biased, trust KID"
    words = [f"Frechet distance {table['frechet_invariant']:.4g} ({floor})"]
    if table["label_agreement"] is not None:
        words.append(f"label agreement {table['label_agreement']:.3f}")
    words.append(f"precision {table['precision']:.2f}, recall {table['recall']:.2f}")
    return ", ".join(words)


def evaluate(
    path: Path, *, device: str = "cpu", data_path: str | None = None, report: Reporter | None = None
) -> dict[str, Any]:
    """Measure a finished run's generator again, by the run's own protocol and on the images that it was started with.

    Raises:
        SteerganError: no finished run, or its data can't be found or is other data.
    """
    run, report = load_run(path), report or Silence()
    check_convolution(run.recipe.performance.convolution, device)
    where = data_path if data_path is not None else run.about["data"]["path"]
    images = load_data(run.recipe, where, report)
    check_same_data(run.folder, run.about["data"], describe_data(images))
    torch_device = torch.device(device)
    evaluation = Evaluation(run.recipe, images, run.folder, torch_device, report)
    return evaluation.measure(run.generator.to(torch_device)).record()
