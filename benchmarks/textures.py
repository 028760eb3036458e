"""Whether the distances of scattering features rise with what is done to images: at five strengths of four kinds."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from steergan.benchmark.report import Report
from steergan.data import load
from steergan.metrics import (
    FeatureExtractor,
    Features,
    ScatteringExtractor,
    extract,
    frechet_distance,
    kernel_distance,
    moments,
)
from steergan.metrics.frechet import Array
from steergan.pictures import finish
from steergan.progress import Progress, portion, unheard
from steergan.randomness import numpy_stream
from steergan.recipe.data import Patches
from steergan.run import surroundings
from steergan.tables import Cell, Table

TISSUE = "ihc.png"
PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", TISSUE, "moon.png",
)  # fmt: skip
"""In scikit-image."""

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Sets:
    """Two disjoint samples of the patches of some photographs, RGB."""

    name: str
    reference: Pixels
    others: Pixels
    modes: Labels
    """The photograph of each of the others."""


def blurred(sets: Sets, deviation: float) -> Pixels:
    """Gaussian blur, deviation in pixels."""
    return as_bytes(gaussian_filter(sets.others.astype(np.float64), (0, 0, deviation, deviation)))


def noisy(sets: Sets, deviation: float) -> Pixels:
    """White noise, the same at every strength, deviation in gray levels."""
    noise = numpy_stream(0, "textures/noise").normal(size=sets.others.shape)
    return as_bytes(sets.others + deviation * noise)


def compressed(sets: Sets, quality: float) -> Pixels:
    """JPEG."""
    return np.stack([through_jpeg(image, int(quality)) for image in sets.others])


def through_jpeg(image: Pixels, quality: int) -> Pixels:
    """An image (3, H, W) behind JPEG."""
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(content, "JPEG", quality=quality)
    with Image.open(content) as picture:
        return np.asarray(picture).transpose(2, 0, 1)


def dropped(sets: Sets, modes: float) -> Pixels:
    """The first modes are missing; others stand in for them."""
    kept, there = np.flatnonzero(sets.modes >= modes), sets.modes >= modes
    stand_in = numpy_stream(0, "textures/dropped", int(modes)).choice(kept, len(sets.modes))
    return sets.others[np.where(there, np.arange(len(there)), stand_in)]


def as_bytes(values: NDArray[np.float64]) -> Pixels:
    """Rounded and clipped."""
    return values.round().clip(0, 255).astype(np.uint8)


KINDS: Mapping[str, tuple[Callable[[Sets, float], Pixels], tuple[float, ...]]] = {
    "blur, deviation in pixels": (blurred, (0.5, 1, 1.5, 2, 3)),
    "noise, deviation in gray levels": (noisy, (4, 8, 16, 32, 64)),
    "JPEG, quality": (compressed, (90, 70, 50, 30, 10)),
    "modes dropped, of ten": (dropped, (2, 4, 6, 8, 9)),
}
"""What is done, at which strengths, the weakest first."""


@dataclass(frozen=True)
class Rise:
    """Distances of one kind, at its strengths."""

    images: str
    kind: str
    strengths: tuple[float, ...]
    distances: dict[str, tuple[float, ...]]
    """By metric: that of the untouched images, then of the strengths."""

    def rises(self, metric: str) -> bool:
        """Whether each is above the one before it."""
        return all(after > before for before, after in pairwise(self.distances[metric]))


@dataclass(frozen=True)
class TextureBenchmark:
    """All kinds on all sets."""

    rises: tuple[Rise, ...]
    count: int
    side: int
    extractor: str
    extractor_sha256: str

    @property
    def monotone(self) -> bool:
        """Whether all rise, by every metric."""
        return all(rise.rises(metric) for rise in self.rises for metric in rise.distances)


def tissue(count: int, side: int) -> Sets:
    """Patches of one photograph of tissue; its modes are ten strips from the left to the right."""
    images = patches(TISSUE, side)
    across = int(len(images) ** 0.5)
    return divided("tissue", images, np.arange(len(images)) % across * 10 // across, count)


def photographs(count: int, side: int) -> Sets:
    """Patches of ten photographs, as many of each."""
    parts = [patches(name, side) for name in PHOTOGRAPHS]
    modes = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return divided("ten photographs", np.concatenate(parts), modes, count)


def patches(name: str, side: int) -> Pixels:
    """Patches of a photograph, RGB, row after row, a quarter of their side apart."""
    settings = Patches(path=f"scikit-image:{name}", size=side, stride=side // 4, foreground=0.0, split="none")
    images = load(settings, "train").images
    return np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images


def divided(name: str, images: Pixels, modes: Labels, count: int) -> Sets:
    """Two samples without a common patch, `count` in each or as many as there are, with all modes in equal parts."""
    halves: tuple[list[Labels], list[Labels]] = ([], [])
    for mode in range(10):
        rows = numpy_stream(0, f"textures/{name}", mode).permutation(np.flatnonzero(modes == mode))
        size = min(count // 10, len(rows) // 2)
        halves[0].append(rows[:size])
        halves[1].append(rows[size : 2 * size])
    first, second = map(np.concatenate, halves)
    return Sets(name, images[first], images[second], modes[second])


def measure(
    sets: Sequence[Sets], extractor: FeatureExtractor | None = None, progress: Progress = unheard
) -> TextureBenchmark:
    """Both Frechet distances and the kernel distance of everything that is done to the sets.

    Args:
        sets: of images of one size.
        extractor: None: scattering features.
        progress: hears of images.
    """
    extractor = extractor or ScatteringExtractor()
    total = sum(len(one.others) * (2 + sum(len(strengths) for _, strengths in KINDS.values())) for one in sets)
    rises, done = [], 0

    def seen(images: Pixels) -> Features[Array]:
        nonlocal done
        found = extract(extractor, images, batch_size=32, progress=portion(progress, done, total))
        done += len(images)
        return found

    for one in sets:
        reference, untouched = seen(one.reference), seen(one.others)
        for kind, (make, strengths) in KINDS.items():
            found = [untouched, *(seen(make(one, strength)) for strength in strengths)]
            rows = [distances(reference, features) for features in found]
            by_metric = {metric: tuple(row[metric] for row in rows) for metric in rows[0]}
            rises.append(Rise(one.name, kind, strengths, by_metric))
    return TextureBenchmark(
        tuple(rises), len(sets[0].others), sets[0].others.shape[-1], extractor.name, extractor.sha256
    )


def distances(reference: Features[Array], found: Features[Array]) -> dict[str, float]:
    """Of one set from another, by metric."""
    both = {"Frechet distance, invariant": (reference.invariant, found.invariant)}
    if reference.equivariant is not None and found.equivariant is not None:
        both["Frechet distance, oriented"] = reference.equivariant, found.equivariant
    frechet = {name: frechet_distance(moments(a), moments(b)) for name, (a, b) in both.items()}
    return {**frechet, "KID, invariant": kernel_distance(reference.invariant, found.invariant)}


def tables(found: TextureBenchmark) -> list[Table]:
    """One a metric."""
    made = []
    for metric in found.rises[0].distances:
        rows: list[list[Cell]] = [
            [f"{rise.images}: {rise.kind} {', '.join(f'{s:g}' for s in rise.strengths)}", *rise.distances[metric]]
            for rise in found.rises
        ]
        made.append(
            Table(
                caption=f"Texture metric ({found.extractor} features), {metric}: of untouched images, then at five "
                "strengths, the weakest first.",
                columns=["what is done", "untouched", "1", "2", "3", "4", "5"],
                rows=rows,
            )
        )
    return made


def verdict(found: TextureBenchmark) -> str:
    """How many rise, in a sentence."""
    pairs = [(rise, metric) for rise in found.rises for metric in rise.distances]
    falling = [f"{metric} under {rise.kind} of {rise.images}" for rise, metric in pairs if not rise.rises(metric)]
    said = f"{len(pairs) - len(falling)} of {len(pairs)} rows rise at every strength, the first one included."
    return said + (f" Not: {'; '.join(falling)}." if falling else "")


def report(found: TextureBenchmark) -> Report:
    """The study, ready to be told."""
    return Report(
        benchmark="textures",
        title="A texture metric under blur, noise, compression and dropped modes",
        claim="Distances of scattering features, a texture metric, rise monotonically with what is done to images.",
        protocol={
            "images": f"{found.count} against {found.count} patches of {found.side} pixels, none in both; tissue: of "
            f"scikit-image's {TISSUE}; ten photographs: of {', '.join(PHOTOGRAPHS)}",
            "extractor": found.extractor,
            "extractor_sha256": found.extractor_sha256,
            "seed": 0,
        },
        tables=tables(found),
        verdict=verdict(found),
        figures={"rises": [vars(rise) for rise in found.rises]},
        surroundings=surroundings(torch.device("cpu")),
    )


def figure(found: TextureBenchmark) -> Figure:
    """Distances with invariant features over the untouched images' own, against strength."""
    drawn = Figure(figsize=(11, 3.4), dpi=120, layout="constrained")
    FigureCanvasAgg(drawn)
    panels: Any = drawn.subplots(1, len(KINDS), sharey=True)
    for axes, kind in zip(panels, KINDS, strict=True):
        for rise in (rise for rise in found.rises if rise.kind == kind):
            values = np.array(rise.distances["Frechet distance, invariant"])
            axes.plot(range(len(values)), values / values[0], marker="o", markersize=3.5, label=rise.images)
        axes.set(title=kind, xlabel="strength", yscale="log")
        axes.set_xticks(range(6), ["none", *(f"{s:g}" for s in KINDS[kind][1])])
        finish(axes)
    panels[0].set_ylabel("texture metric, over untouched images'")
    return drawn
