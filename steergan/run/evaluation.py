"""Measuring a run's generator: what its samples are compared with, and the metric files in its folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steergan import data
from steergan.files import cache_folder
from steergan.layers import shared_filters
from steergan.metrics import (
    Backbone,
    BackboneExtractor,
    ClassifierExtractor,
    Measurement,
    choose_extractor,
    is_refused,
    measure,
    prepare_reference,
)
from steergan.networks.classifier import Classifier
from steergan.pixels import to_uint8
from steergan.randomness import torch_stream
from steergan.recipe import Recipe
from steergan.run.convolution_record import check_convolution
from steergan.run.folder import RunFolder, check_same_data
from steergan.run.load import RunData, describe_data, load_data, load_run
from steergan.run.neighbours import compare_neighbours, larger_group
from steergan.run.own_classifier import OwnClassifier
from steergan.run.reporting import Reporter, Silence, stage_before_training
from steergan.training import Generator, JsonLines, draw_latents

FIGURES = {
    "frechet": ("frechet_invariant", "frechet_equivariant"),
    "kid": ("kid",),
    "precision-recall": ("precision", "recall"),
    "density-coverage": ("density", "coverage"),
    "label-agreement": ("label_agreement", "label_agreement_real"),
}
"""What each metric-KEY.jsonl is about; every row also has the floor of its figures and the whole protocol."""

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
        self.recipe, self.device, self.report = recipe, device, report
        self.before_training = True
        """Until the first step; the caller ends it."""
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
        classifier: Classifier | Backbone | None = None
        if reals.classes > 1:  # else there is nothing to agree on
            if (
                isinstance(extractor, ClassifierExtractor | BackboneExtractor)
                and extractor.class_names == reals.class_names
            ):
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
            train_checksum=images.whole_train.checksum,
            count=recipe.evaluation.samples,
            classifier=classifier,
            progress=self.counter("features of real images", real_total(images, recipe.evaluation.samples)),
            cache=cache_folder() / "references",
        )
        refused = is_refused(self.reference.real, recipe.evaluation.samples)
        if refused:
            length = len(self.reference.real.invariant.mean)
            report.message(
                f"{len(self.reference.real.features):,} held-out images and {recipe.evaluation.samples:,} samples, "
                f"{length:,} features: a Frechet distance needs more images than features; KID is given instead"
            )
        found_floor = self.reference.floor
        self.floor = found_floor.kid if refused else found_floor.frechet_invariant
        self.real_agreement = self.reference.label_agreement

    def measure(self, generator: Generator) -> Measurement:
        """Figures of a generator in evaluation mode; the same latents and labels every time."""
        return self.measure_images(self.draw(generator))

    def measure_images(self, images: Tensor) -> Measurement:
        """Figures of the samples that `draw` gave."""
        training = self.recipe.training
        rampup = f", ramp-up {training.ema_rampup:g}" if training.ema_rampup else ""
        return measure(
            self.reference,
            images,
            self.labels,
            label_law=LABEL_LAW,
            ema=f"decay {training.ema_decay:g}, start {training.ema_start}{rampup}",
            batch_norm=training.ema_batch_norm,
            progress=self.counter("features", len(self.labels)),
        )

    def memorisation(self, drawn: Tensor, images: RunData, path: Path, group: str | None) -> dict[str, Any]:
        """Some of the samples beside their nearest training images: a picture, and the figures."""
        return compare_neighbours(
            self.reference.extractor, drawn, images, path, group or larger_group(self.recipe), self.report
        )

    def stage(self, name: str, done: int, total: int) -> None:
        """Report how far a part is.

        Raises:
            Stopped: the user asked for it, and no step is done that would be lost.
        """
        if self.before_training:
            stage_before_training(self.report, name, done, total)
        else:
            self.report.stage(name, done, total)

    def counter(self, name: str, total: int) -> Callable[[int], None]:
        """Reports how many of `total` images are done, given the number of every batch's."""
        done = 0

        def count(images: int) -> None:
            nonlocal done
            done += images
            self.stage(name, done, total)

        return count

    @torch.no_grad()
    def draw(self, generator: Generator) -> Tensor:
        """The samples that are measured, uint8 (N, C, H, W)."""
        _, height, width = generator.image_shape
        images = torch.empty(len(self.labels), *generator.image_shape, dtype=torch.uint8)
        at_once = max(1, RENDERED_PIXELS // (height * width))
        with shared_filters(generator):  # type: ignore[arg-type]
            for update, labels in enumerate(self.labels.split(BATCH)):
                start = update * BATCH
                latents = draw_latents(
                    generator,
                    len(labels),
                    torch_stream(self.recipe.training.seed, f"evaluation/{update}"),
                    law=self.recipe.generator.latent_law,
                    device=self.device,
                )
                for part in range(0, len(labels), at_once):
                    some = slice(part, part + at_once)
                    element = None if latents.element is None else latents.element[some]
                    drawn = to_uint8(generator(latents.z[some], labels[some].to(self.device), element))
                    images[start + part : start + part + len(drawn)] = drawn.cpu()
                    self.stage("samples", start + part + len(drawn), len(self.labels))
        return images

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
        """Frechet distance, KID and label agreement by step, for the curves."""
        files = [self.files[key].rows() for key in ("frechet", "kid", "label-agreement")]
        return [
            {
                "step": a["step"],
                "frechet_distance": a["frechet_invariant"],
                "kid": b["kid"],
                "label_agreement": c["label_agreement"],
            }
            for a, b, c in zip(*files, strict=False)
        ]

    def summary(self) -> str:
        """Start, end and floor in one line."""
        rows = self.rows()
        if not rows:
            return "no evaluation is on record: the metric files are missing"
        first, last = rows[0], rows[-1]
        name, key = ("KID", "kid") if last["frechet_distance"] is None else ("Frechet distance", "frechet_distance")
        line = f"{name}: {first[key]:.4g} at the start, {last[key]:.4g} at the end"
        if self.floor is not None:
            line += f"; real against real: {self.floor:.4g}"
        if last["label_agreement"] is not None:
            line += f". Label agreement: {last['label_agreement']:.3f}; held-out real images: {self.real_agreement:.3f}"
        return line


def describe(table: Mapping[str, Any]) -> str:
    """The main figures of a measurement, for a line of text."""
    name, key = ("KID", "kid") if table["frechet_invariant"] is None else ("Frechet distance", "frechet_invariant")
    known = table[f"floor_{key}"]
    floor = "real against real " + ("not known: too few images" if known is None else f"{known:.4g}")
    if key == "frechet_invariant" and "invariant" in table["rank_deficient"]:
        floor += f"; fewer images than features: biased, trust KID, {table['kid']:.3g}"
    words = [f"{name} {table[key]:.4g} ({floor})"]
    if table["label_agreement"] is not None:
        words.append(f"label agreement {table['label_agreement']:.3f}")
    words.append(f"precision {table['precision']:.2f}, recall {table['recall']:.2f}")
    return ", ".join(words)


def real_total(images: RunData, count: int) -> int:
    """Real images, at most, whose features a reference takes."""
    return min(len(images.held_out), count) + min(len(images.whole_train), count)


def evaluate(
    path: Path,
    *,
    device: str = "cpu",
    data_path: str | None = None,
    report: Reporter | None = None,
    neighbours: Path | None = None,
    group: str | None = None,
) -> dict[str, Any]:
    """Measure a finished run's generator again, by the run's own protocol and on the images that it was started with.

    Args:
        neighbours: where to put a picture of samples beside their nearest training images; the figures then have a
            table `memorisation`. None: left out.
        group: over which training images are compared; None: the larger one of the two networks.

    Raises:
        SteerganError: no finished run, or its data can't be found or is other data.
    """
    run, report = load_run(path), report or Silence()
    check_convolution(run.recipe.performance.convolution, device)
    where = data_path if data_path is not None else run.about.data.path
    images = load_data(run.recipe, where, report)
    check_same_data(run.folder, run.about.data, describe_data(images))
    torch_device = torch.device(device)
    evaluation = Evaluation(run.recipe, images, run.folder, torch_device, report)
    drawn = evaluation.draw(run.generator.to(torch_device))
    found = evaluation.measure_images(drawn).record()
    if neighbours is not None:
        found["memorisation"] = evaluation.memorisation(drawn, images, neighbours, group)
    return found
