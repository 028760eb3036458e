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
from steergan.data import resolve_path
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


def without(modes: Labels, count: int, order: int) -> Labels:
    """Row numbers with the first modes of an order missing; rows of the others stand in for theirs."""
    missing = numpy_stream(0, "textures/order", order).permutation(10)[:count]
    there = ~np.isin(modes, missing)
    stand_in = numpy_stream(0, f"textures/dropped {count}", order).choice(np.flatnonzero(there), len(modes))
    return np.where(there, np.arange(len(modes)), stand_in)


def as_bytes(values: NDArray[np.float64]) -> Pixels:
    """Rounded and clipped."""
    return values.round().clip(0, 255).astype(np.uint8)


KINDS: Mapping[str, tuple[Callable[[Sets, float], Pixels], tuple[float, ...]]] = {
    "blur, deviation in pixels": (blurred, (0.5, 1, 1.5, 2, 3)),
    "noise, deviation in gray levels": (noisy, (4, 8, 16, 32, 64)),
    "JPEG, quality": (compressed, (90, 70, 50, 30, 10)),
}
"""What is done to images, at which strengths, the weakest first."""
DROPPED, MISSING = "modes dropped, of ten", (2, 4, 6, 8, 9)
ORDERS = 10
"""In which modes are dropped; distances are means over them, since one pair may well be missed more than two."""


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
    picture = photograph(TISSUE)
    corners = corners_of(picture, side)
    strips = corners[:, 1] * 10 // (corners[:, 1].max() + 1)
    return divided("tissue", [picture], [corners[strips == strip] for strip in range(10)], count, side)


def photographs(count: int, side: int) -> Sets:
    """Patches of ten photographs, as many of each."""
    pictures = [photograph(name) for name in PHOTOGRAPHS]
    return divided("ten photographs", pictures, [corners_of(picture, side) for picture in pictures], count, side)


def photograph(name: str) -> Pixels:
    """A photograph that scikit-image bundles, uint8 (3, H, W)."""
    with Image.open(resolve_path(f"scikit-image:{name}")) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def corners_of(picture: Pixels, side: int) -> Labels:
    """Upper left corners of patches, a quarter of their side apart, row after row: (N, 2)."""
    rows, columns = (np.arange(0, length - side + 1, max(1, side // 4)) for length in picture.shape[1:])
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)


def divided(name: str, pictures: Sequence[Pixels], corners: Sequence[Labels], count: int, side: int) -> Sets:
    """Two samples without a common patch, `count` in each or as many as there are, with all modes in equal parts.

    Args:
        name: of the set.
        pictures: one for all modes, or one for each.
        corners: of the patches of each mode.
        count: patches in a sample.
        side: of a patch, in pixels.
    """
    size = min(count // len(corners), *(len(places) // 2 for places in corners))
    samples: list[list[Pixels]] = [[], []]
    for mode, places in enumerate(corners):
        picture = pictures[mode % len(pictures)]
        chosen = numpy_stream(0, f"textures/{name}", mode).permutation(places)[: 2 * size]
        patches = [picture[:, y : y + side, x : x + side] for y, x in chosen]
        samples[0] += patches[:size]
        samples[1] += patches[size:]
    return Sets(name, np.stack(samples[0]), np.stack(samples[1]), np.repeat(np.arange(len(corners)), size))


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
        rises.append(Rise(one.name, DROPPED, MISSING, under_dropping(reference, untouched, one.modes)))
    return TextureBenchmark(
        tuple(rises), len(sets[0].others), sets[0].others.shape[-1], extractor.name, extractor.sha256
    )


def under_dropping(
    reference: Features[Array], untouched: Features[Array], modes: Labels
) -> dict[str, tuple[float, ...]]:
    """Distances with some modes missing, by metric: of all images, then means over the orders for each number."""
    rows = [distances(reference, untouched)]
    for count in MISSING:
        found = [distances(reference, untouched.rows(without(modes, count, order))) for order in range(ORDERS)]
        rows.append({metric: float(np.mean([one[metric] for one in found])) for metric in found[0]})
    return {metric: tuple(row[metric] for row in rows) for metric in rows[0]}


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
            "orders_of_dropped_modes": ORDERS,
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
    kinds = {kind: strengths for kind, (_, strengths) in KINDS.items()} | {DROPPED: MISSING}
    panels: Any = drawn.subplots(1, len(kinds), sharey=True)
    for axes, kind in zip(panels, kinds, strict=True):
        for rise in (rise for rise in found.rises if rise.kind == kind):
            values = np.array(rise.distances["Frechet distance, invariant"])
            axes.plot(range(len(values)), values / values[0], marker="o", markersize=3.5, label=rise.images)
        axes.set(title=kind, xlabel="strength", yscale="log")
        axes.set_xticks(range(6), ["none", *(f"{s:g}" for s in kinds[kind])])
        finish(axes)
    panels[0].set_ylabel("texture metric, over untouched images'")
    return drawn
