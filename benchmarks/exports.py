"""What exports of our recipes' networks and of escnn's models are: how large, how near, how symmetric, how fast."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from steergan import data
from steergan.benchmark.acceleration import built
from steergan.benchmark.report import Report
from steergan.errors import RunError
from steergan.exporting.exported import Wish, export_part
from steergan.exporting.network_parts import part_of_run
from steergan.exporting.parts import Part, model_part, part_of_subject
from steergan.exporting.sameness import INPUTS, first_tensor, in_evaluation
from steergan.exporting.targets import is_there, onnx_runner
from steergan.files import read_json, write_json
from steergan.progress import Progress, unheard
from steergan.randomness import seed_torch
from steergan.recipe import TranslationRecipe, read_any_recipe
from steergan.run import surroundings
from steergan.run.build import build_discriminator, build_generator, build_translation, kind_from
from steergan.run.exporting import translation_subject
from steergan.tables import Cell, Table, median_and_quartiles
from steergan.timing import counted, in_turns, ratio

RECIPES = (
    "quickstart", "rotmnist-small", "rotmnist", "histology-demo", "galaxies-demo", "groups/rotmnist-c8",
    "groups/rotmnist-so2", "groups/rotmnist-o2", "paper/rotmnist/ragan-c4-c4-100", "paper/cifar10/g-g",
    "paper/food101/g-g", "paper/lysto/g-g", "paper/anhir/g-g", "modern/quickstart", "modern/histology",
    "modern/galaxies", "relief-demo",
)  # fmt: skip
NETWORKS = ("generator", "discriminator")
DENSE = (
    "rotmnist-small", "groups/rotmnist-c8", "groups/rotmnist-so2", "groups/rotmnist-o2",
    "paper/rotmnist/ragan-c4-c4-100", "paper/cifar10/g-g", "paper/food101/g-g", "paper/lysto/g-g", "paper/anhir/g-g",
)  # fmt: skip
POSED = ("paper/cifar10/g-g", "paper/food101/g-g")
INNER = {name: ("synthesis", *(("trunk",) if name in POSED else ())) for name in DENSE}
"""Parts that are symmetric in networks that are not: behind dense latents, and before blocks that see the pose."""
STOCK = ("C4 small", "C8 classifier", "D4 ResNet", "C4 U-Net", "SO2 Fourier")
"""Models of escnn's own modules, as `steergan benchmark accelerate` has them."""
BROKEN = 1e-4
"""An error of symmetry above it is no rounding."""
EAGER, BAKED, RUNTIME = "eager", "baked", "ONNX Runtime"
LARGE = 32
"""Side in pixels above which little is done: one image is timed, few are compared, in fewer rounds."""
BATCH, COMPARED, ROUNDS = 8, 4, 3
"""Images that are timed at once; images that are compared, and timed rounds, of large ones."""


@dataclass(frozen=True)
class Subject:
    """What is exported.

    Attributes:
        name: of the recipe, or of the model.
        part: of it.
        make: gives it, and the side of its images in pixels.
    """

    name: str
    part: str
    make: Callable[[], tuple[Part, int]]

    @property
    def full_name(self) -> str:
        """With its part."""
        return f"{self.name}:{self.part}"

    @property
    def file(self) -> str:
        """Where its figures are kept."""
        return f"{self.name}-{self.part}.json".replace("/", "-").replace(" ", "-")


def subjects(names: Sequence[str] = ()) -> Iterator[Subject]:
    """All that is exported, or what is named, by its name alone or as NAME:PART."""
    every = [
        *(Subject(r, p, partial(of_recipe, r, p)) for r in RECIPES for p in (*NETWORKS, *INNER.get(r, ()))),
        *(Subject(name, "model", partial(of_escnn, name)) for name in STOCK),
    ]
    return (one for one in every if not names or one.name in names or one.full_name in names)


def of_recipe(name: str, part: str) -> tuple[Part, int]:
    """A network of a recipe, as it begins."""
    recipe = read_any_recipe(f"steergan:{name}")
    kind = kind_from(*data.pair_kind(recipe.data))
    size = kind.image_shape[1]
    if isinstance(recipe, TranslationRecipe):
        translator, judge = build_translation(recipe, kind)
        subject = translation_subject(recipe, translator.eval(), judge.eval(), part)
        return part_of_subject(subject, subject.sizes[0]), size
    shape, classes = kind.image_shape, kind.classes
    generator, discriminator = build_generator(recipe, shape, classes), build_discriminator(recipe, shape, classes)
    return part_of_run(part, generator.eval(), discriminator.eval()), size


def of_escnn(name: str) -> tuple[Part, int]:
    """A model of escnn's own modules."""
    seed_torch(0)
    model, size = built(*name.split(" ", 1))
    return model_part(model.eval(), size, {})[0], size


def measure(wanted: Sequence[Subject], kept: Path, rounds: int, progress: Progress = unheard) -> list[dict[str, Any]]:
    """Export each of them and time it; what is kept is taken from there.

    Args:
        wanted: to be exported.
        kept: a folder with the figures of those that are done.
        rounds: timed calls of each.
        progress: hears of exports.

    Raises:
        ExportError: something can't be exported.
    """
    found = []
    for done, subject in enumerate(wanted):
        path = kept / subject.file
        if not path.is_file():
            kept.mkdir(parents=True, exist_ok=True)
            write_json(path, measured(subject, rounds))
        try:
            found.append(dict(read_json(path)))
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read ({error}); remove it, and it is measured again") from None
        progress(done + 1, len(wanted))
    return found


def measured(subject: Subject, rounds: int) -> dict[str, Any]:
    """The figures of one export."""
    with torch.random.fork_rng(devices=[]), TemporaryDirectory() as folder:
        part, size = subject.make()
        inputs = COMPARED if size > LARGE else INPUTS
        made = export_part(part, Wish("onnx", out=Path(folder) / "out", inputs=inputs))
        run = onnx_runner((Path(folder) / "out" / f"{part.stem}.onnx").read_bytes())
    images = 1 if size > LARGE else BATCH
    given, original = part.examples(images, 0), in_evaluation(part, torch.float32)
    rivals: dict[str, Callable[[], object]] = {
        EAGER: lambda: first_tensor(part.call(original, *given)),
        BAKED: lambda: made.module(*given),
    }
    if run is not None:
        rivals[RUNTIME] = lambda: run(given)
    with torch.no_grad():
        seconds = in_turns(rivals, min(rounds, ROUNDS) if size > LARGE else rounds)
    report = made.report
    return {
        "name": subject.name, "part": subject.part, "size": size, "images": images, "compared": inputs,
        "seconds": report["seconds"],
        "nodes": report["graph"]["nodes"], "baked_nodes": report["graph"]["baked_nodes"], "bytes": report["bytes"],
        "bits": report["bits"], "measured": report["measured"], "times": seconds,
    }  # fmt: skip


def figure(row: dict[str, Any], kind: str, name: str) -> Cell:
    """What was measured of one way to run an export; None: not, or nothing is claimed."""
    value = row["measured"].get(kind, {}).get(name)
    return None if value is None else f"{value:.1e}"


def table(found: Sequence[dict[str, Any]]) -> Table:
    """A row for each export."""
    rows: list[list[Cell]] = []
    for row in found:
        times = row["times"]
        rows.append(
            [
                row["name"], row["part"], row["seconds"], row["baked_nodes"], row["nodes"],
                round(row["bytes"] / 1e6, 2), figure(row, "float32", "difference"),
                figure(row, "float64", "difference"), figure(row, "onnxruntime", "difference"),
                figure(row, "onnxruntime", "symmetry"), row["compared"], row["images"],
                median_and_quartiles([1000 * s / row["images"] for s in times[EAGER]]),
                ratio(times, BAKED, EAGER), ratio(times, RUNTIME, EAGER) if RUNTIME in times else None,
            ]
        )  # fmt: skip
    return Table(
        caption="Exports of networks as they begin. Seconds: of the whole export, with its comparisons. Nodes: of the "
        "plain torch graph, and of ONNX's. MB of the ONNX file. Differences from the original on as many seeded inputs "
        "as are said to be compared, of the largest output; symmetry: of what a moved input gives from the moved "
        "output, in ONNX Runtime. Times of a forward without gradients, in ms for an image, and as multiples of eager "
        "torch's in the same round: medians (quartiles).",
        columns=[
            "network", "part", "seconds", "torch nodes", "ONNX nodes", "MB", "float32", "float64", "ONNX Runtime",
            "symmetry", "compared", "timed at once", "eager, ms", "baked / eager", "ONNX Runtime / eager",
        ],
        rows=rows,
    )  # fmt: skip


def verdict(found: Sequence[dict[str, Any]]) -> str:
    """What the table amounts to."""

    def largest(kind: str, name: str) -> str:
        values = [v for row in found if (v := row["measured"].get(kind, {}).get(name)) is not None]
        return f"{max(values):.1e}" if values else "not measured"

    nodes = [row["baked_nodes"] for row in found]
    words = f"{len(found)} exports of {min(nodes)} to {max(nodes)} nodes. Largest difference: float32 "
    words += f"{largest('float32', 'difference')}, float64 {largest('float64', 'difference')}, ONNX Runtime "
    words += f"{largest('onnxruntime', 'difference')}.{symmetry_words(found)}"
    for name, rival in (("The plain graph", BAKED), ("ONNX Runtime", RUNTIME)):
        shares = [ratio(row["times"], rival, EAGER).centre for row in found if rival in row["times"]]
        if shares:
            words += f" {name} takes {min(shares):.2f} to {max(shares):.2f} of eager torch's time."
    entries, wrong = sum(row["bits"]["entries"] for row in found), [n for row in found for n in row["bits"]["wrong"]]
    same = "all are" if not wrong else f"not all are ({', '.join(wrong)})"
    return f"{words} Of {entries:,} numbers of banks that groups make equal {same} the same bits."


def symmetry_words(found: Sequence[dict[str, Any]]) -> str:
    """The largest error of symmetry in ONNX Runtime, and which networks have none to keep."""
    errors = {
        f"{row['name']}'s {row['part']}": value
        for row in found
        if (value := row["measured"].get("onnxruntime", {}).get("symmetry")) is not None
    }
    kept = [value for value in errors.values() if value <= BROKEN]
    words = f" Symmetry is kept in ONNX Runtime to {max(kept):.1e}." if kept else ""
    broken = ", ".join(f"{name} {value:.1e}" for name, value in errors.items() if value > BROKEN)
    return words + (f" Broken by the network itself, in torch alike: {broken}." if broken else "")


def report(found: Sequence[dict[str, Any]], rounds: int, chosen: bool = False) -> Report:
    """The comparison, ready to be told; `chosen`: of some networks only."""
    return Report(
        benchmark="exports",
        title="Exports: size, sameness, symmetry and time" + " (chosen networks)" * chosen,
        claim="Ours: what leaves is the same function, and keeps its symmetry.",
        protocol={
            "weights": "as networks begin, with seed 0",
            "rounds": f"{counted(rounds)}; {ROUNDS} where images have over {LARGE} pixels a side",
            "ONNX Runtime": "one session, as many threads as torch" if is_there("onnxruntime") else "not installed",
        },
        tables=[table(found)],
        verdict=verdict(found),
        figures={"exports": list(found)},
        surroundings=surroundings(torch.device("cpu")),
    )
