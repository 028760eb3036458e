"""Measuring a run's generator: what its samples are compared with, and the metric files in its folder."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
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
    choose_extractor,
    compare_neighbours,
    measure,
    own_classifier,
    prepare_reference,
)
from steergan.metrics.classifier_file import Network
from steergan.metrics.own_classifier import is_kept
from steergan.networks.classifier import Classifier
from steergan.pictures import save_png
from steergan.pixels import to_uint8
from steergan.randomness import torch_stream
from steergan.recipe import Recipe
from steergan.run.convolution_record import check_convolution
from steergan.run.folder import RunFolder, check_same_data
from steergan.run.load import RunData, describe_data, load_data, load_run
from steergan.run.reporting import Reporter, Silence, stage_before_training
from steergan.symmetry import group_order, gspace, pixel_group
from steergan.training import Generator, JsonLines, draw_latents, figure_in

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
        self.recipe, self.images, self.folder, self.device, self.report = recipe, images, folder, device, report
        self.before_training = True
        """Until the first step; the caller ends it."""
        self.files = {key: JsonLines(folder.metric(key)) for key in FIGURES}
        reals, held_out, settings = images.train, images.held_out, recipe.evaluation
        extractor = choose_extractor(
            settings.features,
            reals.image_shape,
            rotmnist=recipe.data.name == "rotmnist",
            train_classifier=self.own_classifier,
            device=device,
        )
        self.labels = torch.from_numpy(data.stratified_labels(held_out.class_frequencies, settings.samples))
        self.reference = prepare_reference(
            extractor,
            images.whole_train,
            held_out,
            protocol(recipe),
            classifier=self.labeller(extractor),
            progress=partial(self.stage, "features of real images"),
            cache=cache_folder() / "references",
        )
        found, self.real_agreement = self.reference, self.reference.label_agreement
        refused = found.reals.refuses(settings.samples)
        if refused:
            report.message(
                f"{found.protocol.real_count:,} held-out images and {settings.samples:,} samples, "
                f"{len(found.reals.invariant.mean):,} features: a Frechet distance needs more images than features; "
                "KID is given instead"
            )
        self.floor = found.floor.kid if refused else found.floor.frechet_invariant

    def own_classifier(self) -> Classifier:
        """A classifier of the run's own training images, trained at the first call and kept in its folder."""
        reals, path = self.images.train, self.folder.classifier
        if not is_kept(reals, path):
            if reals.classes == 1:
                self.report.message(
                    "one class only: features come from an untrained network; Inception's would be sharper"
                )
            else:
                self.report.message("training a classifier on the training images, for features and label agreement")
        told = partial(stage_before_training, self.report, "classifier")
        return own_classifier(reals, path, seed=self.recipe.data.seed, device=self.device, progress=told)

    def labeller(self, extractor: FeatureExtractor) -> Network | None:
        """The network that says which label it sees: the extractor's if it knows the classes; None if there is one."""
        if self.images.train.classes == 1:  # there is nothing to agree on
            return None
        names = self.images.train.class_names
        if isinstance(extractor, ClassifierExtractor | BackboneExtractor) and extractor.class_names == names:
            return extractor.classifier
        return self.own_classifier()

    def measure(self, generator: Generator) -> Measurement:
        """Figures of a generator in evaluation mode; the same latents and labels every time."""
        return self.measure_images(self.draw(generator))

    def measure_images(self, images: Tensor) -> Measurement:
        """Figures of the samples that `draw` gave."""
        return measure(self.reference, images, self.labels, progress=partial(self.stage, "features"))

    def memorisation(self, drawn: Tensor, path: Path, group: str | None) -> dict[str, Any]:
        """Some of the samples beside their nearest training images: a picture at the path, and the figures."""
        found, figure = compare_neighbours(
            self.reference.extractor,
            drawn,
            self.images.train.images,
            self.images.held_out.images,
            group=group or larger_group(self.recipe),
            one_set=self.images.held_out.checksum == self.images.whole_train.checksum,  # data.split = "none"
            progress=partial(self.report.stage, "nearest training images"),
        )
        save_png(figure, path)
        return found.record()

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
                "frechet_distance": figure_in(a, "frechet_invariant"),
                "kid": figure_in(b, "kid"),
                "label_agreement": figure_in(c, "label_agreement"),
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
        start, end = (f"{row[key]:.4g}" if row[key] is not None else "not on record" for row in (first, last))
        line = f"{name}: {start} at the start, {end} at the end"
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


def protocol(recipe: Recipe) -> Protocol:
    """How a run's generators are measured."""
    training = recipe.training
    rampup = f", ramp-up {training.ema_rampup:g}" if training.ema_rampup else ""
    return Protocol(
        count=recipe.evaluation.samples,
        label_law=LABEL_LAW,
        ema=f"decay {training.ema_decay:g}, start {training.ema_start}{rampup}",
        batch_norm=training.ema_batch_norm,
    )


def larger_group(recipe: Recipe) -> str:
    """The larger one of the two networks' groups, or what of it permutes pixels; of a restricted one the first."""
    groups = (pixel_group(recipe.discriminator.groups[0]), pixel_group(recipe.generator.group))
    return max(groups, key=lambda name: group_order(gspace(name)))


def evaluate(
    path: Path,
    *,
    device: str = "cpu",
    data_path: str | None = None,
    report: Reporter | None = None,
    neighbours: Path | None = None,
    group: str | None = None,
    at: str | int = "last",
) -> dict[str, Any]:
    """Measure a run's generator again, by the run's own protocol and on the images that it was started with.

    Args:
        path: of the run folder.
        device: where images are drawn and features computed.
        data_path: where the originals are now; None: where they were.
        report: is told what takes a while; None: nobody is.
        neighbours: where to put a picture of samples beside their nearest training images; the figures then have a
            table `memorisation`. None: left out.
        group: over which training images are compared; None: the larger one of the two networks.
        at: which of the run's networks, see `load_run`.

    Raises:
        SteerganError: no run, nothing trained in it, or its data can't be found or is other data.
    """
    run, report = load_run(path, at), report or Silence()
    check_convolution(run.recipe.performance.convolution, device)
    where = data_path if data_path is not None else run.about.data.path
    images = load_data(run.recipe, where, report)
    check_same_data(run.folder, run.about.data, describe_data(images))
    torch_device = torch.device(device)
    evaluation = Evaluation(run.recipe, images, run.folder, torch_device, report)
    drawn = evaluation.draw(run.generator.to(torch_device))
    found = {"step": run.step, **evaluation.measure_images(drawn).record()}
    if neighbours is not None:
        found["memorisation"] = evaluation.memorisation(drawn, neighbours, group)
    return found
