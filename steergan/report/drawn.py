"""The pictures of a page: what a run drew while it was trained, and what its generator draws now."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from PIL import Image

from steergan.errors import RunError, reason
from steergan.networks import Generator
from steergan.report.images import encoded, images_of_grid, sheet, single
from steergan.run.folder import RunFolder
from steergan.run.grids import COLUMNS, row_labels, rows_of_class
from steergan.run.load import LoadedRun
from steergan.run.sampling import Pose, interpolate, orbit, sample
from steergan.symmetry import is_continuous

SEEDS = range(8)
MOST_CLASSES = 12
"""Of which samples are shown; of paths, truncations and angles half as many."""
FACTORS = (0.25, 0.5, 0.75, 1.0, 1.25)
"""On the latent."""
ANGLES = 24
AT_ONCE = 16
"""Images at other angles that are computed together: the same to rounding."""
MOST_STEPS = 24
"""Of the slider over training."""
TILE = 56
"""Pixels of the page that an image takes, about, where it is smaller."""
KILOBYTES = 1000
BUDGETS = {
    "samples": 400 * KILOBYTES,
    "training": 420 * KILOBYTES,
    "reals": 60 * KILOBYTES,
    "paths": 180 * KILOBYTES,
    "truncation": 60 * KILOBYTES,
    "angles": 160 * KILOBYTES,
    "neighbours": 100 * KILOBYTES,
}
"""Characters that pictures may take."""


@dataclass(frozen=True)
class Picture:
    """A sheet of images on the page.

    Attributes:
        uri: the picture itself.
        alt: what is seen.
        size: pixels of the sheet in its own size.
        tile: pixels per side of one image.
        labels: beside the rows.
        heads: above the columns.
    """

    uri: str
    alt: str
    size: tuple[int, int]
    tile: int
    labels: Sequence[str] = ()
    heads: Sequence[str] = ()

    @property
    def width(self) -> int:
        """How wide it is shown, in pixels of the page."""
        return self.size[0] * max(1, round(TILE / self.tile))

    @property
    def small(self) -> bool:
        """Whether its pixels are to be seen as such."""
        return self.tile < TILE


def picture(images: ArrayLike, columns: int, budget: int, alt: str, **more: Sequence[str]) -> Picture:
    """Images (N, C, H, W) uint8 as a sheet of so many columns."""
    whole = sheet(images, columns)
    side = (whole.width + 1) // columns - 1
    return Picture(encoded([whole], budget).uris[0], alt, whole.size, side, **more)


def chosen(generator: Generator, most: int) -> range:
    """The first classes."""
    return range(min(generator.classes, most))


def samples(run: LoadedRun) -> dict[str, Any]:
    """Samples of every class, one by one, so that the page can turn them."""
    names = run.about.data.class_names
    labels = chosen(run.generator, MOST_CLASSES)
    images = sample(run, SEEDS, labels)
    found = encoded([single(image) for image in images.flatten(0, 1).numpy()], BUDGETS["samples"])
    width = len(SEEDS)
    return {
        "rows": [(names[k], found.uris[row * width : (row + 1) * width]) for row, k in enumerate(labels)],
        "seeds": list(SEEDS),
        "lossless": found.lossless,
        "more": run.generator.classes - len(labels),
        "tile": max(1, round(TILE / images.shape[-1])) * images.shape[-1],
        "small": images.shape[-1] < TILE,
        "step": run.step,
    }


def truncation(run: LoadedRun) -> Picture:
    """One latent of some classes, at several factors."""
    labels = chosen(run.generator, MOST_CLASSES // 2)
    columns = [sample(run, [0], labels, factor) for factor in FACTORS]
    rows = [column[row, 0].numpy() for row in range(len(labels)) for column in columns]
    names = [run.about.data.class_names[k] for k in labels]
    heads = [f"{factor:g}" for factor in FACTORS]
    alt = f"A row for each of {', '.join(names)}: seed 0, its latent times {', '.join(heads)}."
    return picture(rows, len(FACTORS), BUDGETS["truncation"], alt, labels=names, heads=heads)


def angles(run: LoadedRun) -> dict[str, Any] | None:
    """Steerable latents around the circle, a sheet an angle; None where the latent does not turn."""
    generator = run.generator
    if generator.latent_type is None:
        return None
    degrees = sorted(set(orbit(generator, ANGLES)))
    labels = chosen(generator, MOST_CLASSES // 2)
    poses = [Pose(angle) for angle in degrees]
    images = sample(run, [0, 1], labels, poses=poses, batch=AT_ONCE)
    names = [run.about.data.class_names[k] for k in labels]
    columns = len(labels)
    sheets = [sheet(images[:, :, pose].transpose(0, 1).flatten(0, 1), columns) for pose in range(len(poses))]
    found = encoded(sheets, BUDGETS["angles"])
    rows = ["seed 0", "seed 1"]
    frames = [
        (
            f"{angle:g}°",
            Picture(
                uri,
                f"Latents of {', '.join(names)}, turned by {angle:g} degrees.",
                one.size,
                images.shape[-1],
                rows,
                names,
            ),
        )
        for angle, uri, one in zip(degrees, found.uris, sheets, strict=True)
    ]
    return {"frames": frames, "continuous": is_continuous(generator.synthesis.in_type.gspace)}


def paths(run: LoadedRun, images: int = 9) -> list[tuple[str, Picture]]:
    """Rows between two latents, between classes, and around the circle where the latent turns; a sheet of each kind."""
    labels = chosen(run.generator, MOST_CLASSES // 2)
    names, count = run.about.data.class_names, len(labels)
    ends = [(k, (k + 1) % len(labels)) for k in labels]
    rows = interpolate(run, (0, 1), images, pairs=ends)
    kinds = [
        ("Between two latents", [names[k] for k in labels], "along a great circle from seed 0 to seed 1"),
        ("Between classes", [f"{names[k]} to {names[other]}" for k, other in ends], "at seed 0"),
        ("The latent turned", [names[k] for k in labels], "seed 0 all the way around"),
    ]
    budget = BUDGETS["paths"] * count // len(rows)
    alone = "Between classes" if count == 1 else ""  # there is nothing to go to
    return [
        (
            title,
            picture(rows[k * count : (k + 1) * count].flatten(0, 1), images, budget, f"{title}, {how}.", labels=beside),
        )
        for k, (title, beside, how) in enumerate(kinds)
        if k * count < len(rows) and title != alone
    ]


def training(folder: RunFolder, image_shape: tuple[int, int, int], names: Sequence[str]) -> list[tuple[str, Picture]]:
    """The grids that a run drew at its evaluations, as (step in words, picture); of many, some."""
    files = spread(sorted(folder.path.glob("fakes-*.png"), key=step_of), MOST_STEPS)
    grids = [as_sheet(path, image_shape, names) for path in files]
    if not grids:
        return []
    found = encoded([grid for grid, *_ in grids], BUDGETS["training"])
    steps = [f"step {step:,}" if (step := step_of(path)) else "before training" for path in files]
    alt = (
        f"Samples of {', '.join(names[:MOST_CLASSES])}" if names else "Held-out inputs, what they become, and the truth"
    )
    return [
        (step, Picture(uri, f"{alt}, {step}.", grid.size, tile, labels))
        for step, uri, (grid, labels, tile) in zip(steps, found.uris, grids, strict=True)
    ]


def step_of(file: Path) -> int:
    """After which step a grid was drawn; 0 is before the first, or a file that is no grid of a run's."""
    number = file.stem.removeprefix("fakes-")
    return int(number) if number.isascii() and number.isdecimal() else 0


def reals(folder: RunFolder, image_shape: tuple[int, int, int], names: Sequence[str]) -> Picture | None:
    """Real images of every class; None where the run has drawn none."""
    if not folder.reals.is_file():
        return None
    grid, labels, tile = as_sheet(folder.reals, image_shape, names)
    alt = f"Real images of {', '.join(names[:MOST_CLASSES])}." if names else "Training pairs: inputs and truth."
    return Picture(encoded([grid], BUDGETS["reals"]).uris[0], alt, grid.size, tile, labels)


def as_sheet(file: Path, image_shape: tuple[int, int, int], names: Sequence[str]) -> tuple[Image.Image, list[str], int]:
    """A grid of a run in its images' own size, without classes beyond the first; labels of its rows; pixels of a tile.

    A picture that is no such grid stays as it is.

    Raises:
        RunError: it is no picture, or not one of such images.
    """
    try:
        with Image.open(file) as grid:
            grid.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RunError(f"{file}: cannot be read ({reason(error)}); delete it, and the page does without") from None
    if not names:  # pairs, whose inputs may have other channels
        return grid, [], TILE
    images = images_of_grid(grid, image_shape, COLUMNS)
    rows = rows_of_class(len(names))
    if images is None or len(images) != len(names) * rows * COLUMNS:
        return grid, [], TILE
    kept = min(len(names), 2 * MOST_CLASSES) * rows
    return sheet(images[: kept * COLUMNS], COLUMNS), row_labels(names, rows)[:kept], image_shape[2]


def spread(files: list[Path], most: int) -> list[Path]:
    """So many of them at most, evenly, the first and the last among them."""
    if len(files) <= most:
        return files
    return [files[round(k * (len(files) - 1) / (most - 1))] for k in range(most)]
