"""What the runs of a study measured: a run's figures, a cell's figures over its seeds, and all of them as a grid."""

import functools
import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.metrics import words_for
from steergan.recipe import Recipe, TrainingSettings, TranslationRecipe
from steergan.run.build import Kind, build_pair
from steergan.run.folder import RunFolder
from steergan.run.load import kind_of
from steergan.study.effects import Distance, Grid
from steergan.study.plan import Run, Study
from steergan.tables import Mean, mean
from steergan.training import JsonLines, figure_in

DISTANCES = ("frechet_invariant", "frechet_equivariant", "kid")
"""Frechet distance with the paper's features and with those before group pooling; kernel distance."""
SHARES = ("precision", "recall", "density", "coverage")
AGREEMENT = ("label_agreement", "label_agreement_real")
PAIRED = ("l1", "psnr", "ssim", "turned_l1", "turned_psnr", "turned_ssim", "turned_kid", "equivariance_error")
"""Of translations: pixel by pixel, of held-out pairs and of turned ones."""
PROTOCOL = (
    "extractor", "extractor_sha256", "classifier_sha256", "real_count", "fake_count", "label_law", "ema", "batch_norm",
    "rank_deficient", "protocol",
)  # fmt: skip
"""What a row of a metric file says about how it was measured."""

Figures = dict[str, float | None]


@dataclass(frozen=True)
class RunFigures:
    """A finished run in figures."""

    run: Run
    figures: Figures
    snapshots: list[dict[str, Any]]
    """Every evaluation, step 0 included: `step`, and the figures of that moment, None where one was not measured."""
    protocol: dict[str, Any]
    hardware: dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """A study's figures; only finished runs count."""

    study: Study
    runs: tuple[RunFigures, ...]
    protocol: dict[str, Any]
    hardware: list[dict[str, Any]]
    """One for every different machine or setting that runs were trained on."""

    @property
    def distance(self) -> Distance:
        """What runs are judged by: the Frechet distance, or the kernel distance if a run lacks the former."""
        known = all(found.figures["frechet_invariant_mean"] is not None for found in self.runs)
        return "frechet_invariant" if known else "kid"

    @property
    def measured(self) -> bool:
        """Whether anything but sizes and times is: not where `evaluation.features` is "none"."""
        return any(found.snapshots for found in self.runs)

    @property
    def features(self) -> str:
        """What has to be said of the features, behind the name of a figure; empty where nothing need be said."""
        words = words_for(self.protocol["extractor"] or "")
        return f", {words}" if words else ""

    def of_cell(self, labels: tuple[str, ...]) -> list[RunFigures]:
        """A cell's finished runs."""
        return [found for found in self.runs if found.run.labels == labels]

    def mean(self, labels: tuple[str, ...], figure: str) -> Mean | None:
        """A cell's figure over its seeds; None if a run lacks it, or none is finished."""
        values = [found.figures[figure] for found in self.of_cell(labels)]
        known = [value for value in values if value is not None]
        return mean(known) if known and len(known) == len(values) else None

    @property
    def grid(self) -> Grid:
        """All figures by cell and seed, to be compared."""
        file = self.study.file
        axes = {axis.name: [option.label for option in axis.options] for axis in file.axis}
        cells: dict[tuple[str, ...], dict[str, dict[int, float]]] = {labels: {} for labels in self.study.cells}
        for found in self.runs:
            for name, value in found.figures.items():
                if value is not None and name not in self.dead:
                    cells[found.run.labels].setdefault(name, {})[found.run.seed] = value
        return Grid(axes, file.seeds, self.distance, self.features, cells)

    @property
    def dead(self) -> set[str]:
        """Shares that say nothing here: real training images in the generator's place have none of them either."""
        floors = {share: [found.figures[f"floor_{share}"] for found in self.runs] for share in SHARES}
        return {share for share, values in floors.items() if all(floor == 0 for floor in values)}


def find(study: Study, root: AnyPath) -> Findings:
    """The figures of every finished run below a folder.

    Raises:
        RunError: no run is finished; a run's files are damaged; or the runs were not measured in the same way.
    """
    root = Path(root)
    finished = [run for run in study.runs if RunFolder(root / run.folder).finished]
    if not finished:
        raise RunError(f"{root}: no run of study {study.name!r} is finished, so there is nothing to tabulate")
    runs = tuple(run_figures(run, root, study.file.equal) for run in finished)
    check_protocols(study, runs)
    hardware: list[dict[str, Any]] = []
    for found in runs:
        if found.hardware not in hardware:
            hardware.append(found.hardware)
    return Findings(study, runs, runs[0].protocol, hardware)


def run_figures(run: Run, root: Path, equal: str = "steps") -> RunFigures:
    """A finished run in figures, for a study of equal steps or seconds.

    Raises:
        RunError: a file is damaged or missing.
    """
    folder = RunFolder(root / run.folder)
    about = folder.read_about()
    rows = evaluation_rows(folder)
    seconds = [s for row in JsonLines(folder.stats).rows() if (s := figure_in(row, "seconds_per_step")) is not None]
    evaluations = [row for row in rows if row["step"] > 0]
    whole = all({"frechet_invariant", *AGREEMENT} <= row.keys() for row in rows)
    measured = run.recipe.evaluation.features != "none"
    last = evaluations[-1] if evaluations else {}
    if not (whole and seconds) or (measured and last.get("step") != run.recipe.training.steps):
        raise RunError(f"{folder.path}: its records are incomplete; delete the folder and run the study again")
    generator, discriminator = parameters(run.recipe, kind_of(about.data))
    figures: Figures = {
        **distances(rows),
        **{name: figure_in(last, name) for share in SHARES for name in (share, f"floor_{share}")},
        **{name: figure_in(last, name) for name in AGREEMENT},
        **{name: figure_in(last, name) for name in PAIRED if name in last},
        "generator_parameters": generator,
        "discriminator_parameters": discriminator,
        "seconds_per_step": statistics.median(seconds),
        "seconds": statistics.median(seconds) * run.recipe.training.steps,
    }
    protocol = {key: last.get(key) for key in PROTOCOL}
    protocol["held_out_checksum"] = about.data.held_out.checksum
    steps = [row["step"] for row in evaluations]
    if equal == "steps":
        protocol["evaluated_at_steps"] = steps
    else:
        protocol["evaluated_at_shares"] = [step / run.recipe.training.steps for step in steps]
    snapshots = [{name: figure_in(row, name) for name in ("step", *DISTANCES, *SHARES, *AGREEMENT[:1])} for row in rows]
    machine = about.machines[-1]
    return RunFigures(run, figures, snapshots, protocol, {**machine.hardware, "versions": machine.versions})


def evaluation_rows(folder: RunFolder) -> list[dict[str, Any]]:
    """The rows of all metric files, those of one step as one."""
    rows: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.path.glob(folder.metric("*").name)):
        for row in JsonLines(path).rows():
            rows.setdefault(row["step"], {}).update(row)
    return [rows[step] for step in sorted(rows)]


def distances(rows: Sequence[Mapping[str, Any]]) -> Figures:
    """The distance before training; least, mean and last after it began; the floor, the last above it; of each kind.

    Source: Dey et al. 2021, Table 2 (minimum and mean over the evaluations of a training).
    """
    figures: Figures = {}
    evaluations = [row for row in rows if row["step"] > 0]
    last = evaluations[-1] if evaluations else {}
    for distance in DISTANCES:
        values = [figure_in(row, distance) for row in evaluations]
        known = [value for value in values if value is not None]
        whole = bool(known) and len(known) == len(values)
        figures[f"{distance}_start"] = next((figure_in(row, distance) for row in rows if row["step"] == 0), None)
        figures[f"{distance}_min"] = min(known) if whole else None
        figures[f"{distance}_mean"] = statistics.fmean(known) if whole else None
        figures[f"{distance}_last"] = figure_in(last, distance)
        floor = figures[f"floor_{distance}"] = figure_in(last, f"floor_{distance}")
        lasts = figures[f"{distance}_last"]
        figures[f"{distance}_above"] = None if floor is None or lasts is None else lasts - floor
    return figures


def parameters(recipe: Recipe | TranslationRecipe, kind: Kind) -> tuple[int, int]:
    """Trained numbers in the generator and the discriminator."""
    return count_parameters(recipe.model_copy(update={"training": TrainingSettings()}), kind)


@functools.cache
def count_parameters(recipe: Recipe | TranslationRecipe, kind: Kind) -> tuple[int, int]:
    """Trained numbers of a recipe without its seed, so that a cell's networks are built once for all its seeds."""
    generator, discriminator = (sum(p.numel() for p in network.parameters()) for network in build_pair(recipe, kind))
    return generator, discriminator


def check_protocols(study: Study, runs: Sequence[RunFigures]) -> None:
    """Refuse to put unlike figures into one table."""
    first = runs[0]
    for found, key in itertools.product(runs, first.protocol):
        there, here = first.protocol[key], found.protocol[key]
        if there != here:
            raise RunError(
                f"study {study.name!r} can't be tabulated: {key} is {there!r} in {first.run.folder}, {here!r} in "
                f"{found.run.folder}; figures can only be compared if they were measured in the same way"
            )
