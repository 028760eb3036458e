"""Pictures of a run: grids of images, and curves of what was measured."""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steergan.errors import escaped
from steergan.extras import needed_by
from steergan.files import write_error, write_whole

with needed_by("steergan.pictures"):
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter
    from PIL import Image, ImageDraw, ImageFont

Rows = Sequence[Mapping[str, Any]]

TILE = 64
"""Images smaller than this are enlarged, by a whole factor, so that a person sees something."""
BACKGROUND = 255
LABEL_LENGTH = 22


def grid(
    images: ArrayLike, columns: int, *, scale: int | None = None, pad: int = 2, labels: Sequence[str] = ()
) -> Image.Image:
    """Images side by side on white, row after row.

    Args:
        images: uint8 (N, C, H, W). One channel gives a grey picture, three a coloured one; two are averaged, and of
            four or more the first three are shown.
        columns: images in a row.
        scale: whole factor of enlargement, nearest neighbour; None: so that a side comes close to 64 pixels from below.
        pad: pixels between two images, and around all.
        labels: what stands on the left of each row, such as class names.

    Raises:
        ValueError: not uint8 (N, C, H, W), no image, no column, or another number of labels than rows.
    """
    pixels = np.asarray(images)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[0] < 1:
        raise ValueError(f"images of {pixels.dtype} {pixels.shape} came; uint8 (N, C, H, W) with N > 0 was wanted")
    if columns < 1:
        raise ValueError(f"columns = {columns}; at least one was wanted")
    count, _, height, width = pixels.shape
    rows = -(-count // columns)
    if labels and len(labels) != rows:
        raise ValueError(f"{len(labels)} labels came for {rows} rows; one a row was wanted")
    scale = scale or max(1, TILE // max(height, width))
    tiles = as_pictures(pixels).repeat(scale, axis=1).repeat(scale, axis=2)
    height, width = height * scale, width * scale
    sheet = np.full((rows * (height + pad) + pad, columns * (width + pad) + pad, tiles.shape[3]), BACKGROUND, np.uint8)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        top, left = pad + row * (height + pad), pad + column * (width + pad)
        sheet[top : top + height, left : left + width] = tile
    picture = Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet)
    return with_labels(picture, labels, height + pad, pad) if labels else picture


def stacked(*rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images of one size, some gray and some coloured, one after another, all in colour.

    Args:
        rows: uint8 (N, C, H, W) each; one channel is repeated, and of four or more the first three are kept.

    Returns:
        uint8 (sum of N, 3, H, W).
    """
    return np.concatenate([part.repeat(3, axis=1) if part.shape[1] == 1 else part[:, :3] for part in rows])


def as_pictures(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (N, C, H, W) of any C -> (N, H, W, 1 or 3)."""
    if pixels.shape[1] == 2:
        pixels = pixels.mean(axis=1, keepdims=True).round().astype(np.uint8)
    return np.moveaxis(pixels[:, :3], 1, 3)


def with_labels(picture: Image.Image, labels: Sequence[str], pitch: int, pad: int) -> Image.Image:
    """The picture with a strip on its left; the k-th label beside the k-th row, rows being `pitch` pixels apart."""
    shown = [text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…" for text in map(escaped, labels)]
    font = ImageFont.load_default(size=max(9, min(16, pitch // 2)))
    strip = int(max(font.getlength(text) for text in shown)) + 12
    sheet = Image.new(picture.mode, (strip + picture.width, picture.height), "white")
    sheet.paste(picture, (strip, 0))
    draw = ImageDraw.Draw(sheet)
    for row, text in enumerate(shown):
        middle = pad + row * pitch + (pitch - pad) // 2
        draw.text((strip - 6, middle), text, fill="black", font=font, anchor="rm")
    return sheet


def png_bytes(picture: Image.Image | Figure) -> bytes:
    """A grid or a figure as the content of a PNG file."""
    content = io.BytesIO()
    if isinstance(picture, Figure):
        FigureCanvasAgg(picture).print_png(content)
    else:
        picture.save(content, format="png")
    return content.getvalue()


def save_png(picture: Image.Image | Figure, path: str | os.PathLike[str]) -> None:
    """Write a grid or a figure as PNG, whole or not at all; its folder is made if need be.

    Raises:
        RunError: the disk is full, or the folder cannot be written; what stood there before still stands.
    """
    content, target = png_bytes(picture), Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(target, error) from None
    write_whole(target, content)


def curves(
    stats: Rows,
    metrics: Rows,
    *,
    floor: float | None = None,
    real_agreement: float | None = None,
    players: Rows = (),
    features: str = "",
) -> Figure:
    """What happened in a run, against generator steps: losses, scores, Frechet distance, label agreement, the players.

    Args:
        stats: rows of stats.jsonl; `step` and whichever of `discriminator_loss`, `generator_loss`, `real_score`,
            `fake_score` and `augmentation_probability` (drawn beside the label agreement) are there.
        metrics: rows of the evaluations; `step` and whichever of `frechet_distance`, `kid` and `label_agreement` are
            there. KID is drawn where there is no Frechet distance.
        floor: the distance between real images and real images, drawn as a line.
        real_agreement: how often the classifier is right on held-out real images, drawn as a line.
        players: rows about them; `step` and whichever of `gradient_norm`, `auc_train`, `auc_held_out` and
            `penalty_share` are there.
        features: what has to be said of the distance's features; empty: nothing.
    """
    figure = Figure(figsize=(14, 6.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    (losses, scores, gradient), (distance, agreement, lead) = figure.subplots(2, 3, sharex=True)
    draw_lines(losses, stats, {"discriminator_loss": "discriminator", "generator_loss": "generator"})
    losses.set(title="Loss")
    draw_lines(scores, stats, {"real_score": "real images", "fake_score": "generated images"})
    scores.set(title="Discriminator's score, batch mean")
    refused = bool(metrics) and all(row.get("frechet_distance") is None for row in metrics)
    name, key = ("KID", "kid") if refused else ("Frechet distance", "frechet_distance")
    draw_lines(distance, metrics, {key: "generated"}, marker="o")
    draw_level(distance, floor, "real against real")
    draw_lines(agreement, metrics, {"label_agreement": "generated"}, marker="o")
    draw_level(agreement, real_agreement, "held-out real images")
    draw_lines(agreement, stats, {"augmentation_probability": "probability of augmentation"}, first=2)
    distance.set(title=name + f", {features}" * bool(features), xlabel="generator step")
    scale_by_factors(distance)
    adaptive = any(row.get("augmentation_probability") is not None for row in stats)
    title = "Label agreement" + ", and probability of augmentation" * adaptive
    agreement.set(title=title, xlabel="generator step", ylim=(0, 1.02))
    draw_lines(gradient, players, {"gradient_norm": "at training images"}, marker="o")
    gradient.set(title="Norm of the discriminator's gradient")
    scale_by_factors(gradient)
    shares = {"auc_train": "training images", "auc_held_out": "held-out images", "penalty_share": "penalty to gain"}
    draw_lines(lead, players, shares, marker="o")
    lead.set(title="Probability that real scores above generated", xlabel="generator step", ylim=(0, 1.02))
    for axes in figure.axes:
        finish(axes)
    return figure


def draw_lines(axes: Axes, rows: Rows, names: Mapping[str, str], marker: str = "", first: int = 0) -> None:
    """One line per key of `names` that the rows have; many points are shown faintly below their running mean.

    The lines take the figure's colours from number `first` on.
    """
    for number, (key, label) in enumerate(names.items(), start=first):
        points = [(row["step"], row[key]) for row in rows if isinstance(row.get(key), int | float)]
        if not points:
            continue
        step, value = np.array(points, dtype=np.float64).T
        colour, window = f"C{number}", len(value) // 40
        if window < 2:
            axes.plot(step, value, color=colour, label=label, marker=marker, markersize=3.5, linewidth=1.5)
            continue
        axes.plot(step, value, color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(step, running_mean(value, window), color=colour, label=label, linewidth=1.6)


def scale_by_factors(axes: Axes) -> None:
    """A logarithmic axis, where something is drawn and all of it is above zero."""
    if axes.get_lines() and axes.dataLim.y0 > 0:
        axes.set_yscale("log")
        label_factors(axes)


class FactorTicks(LogFormatter):
    """Numbers beside a logarithmic axis, as people write them: 0.3, not 3e-01."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number, where matplotlib would show one."""
        shown = super().__call__(x, pos)
        return f"{x:.4g}" if shown and 1e-3 <= abs(x) < 1e5 else shown


def label_factors(axes: Axes) -> None:
    """Numbers beside a logarithmic axis, between powers of ten too where it has few."""
    axes.yaxis.set_major_formatter(FactorTicks())
    axes.yaxis.set_minor_formatter(FactorTicks(minor_thresholds=(1.5, 0.7)))


def draw_level(axes: Axes, value: float | None, label: str) -> None:
    """A dashed line at a value to compare with."""
    if value is not None:
        axes.axhline(value, color="0.35", linestyle="--", linewidth=1.2, label=label)


def running_mean(value: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean over `window` points on either side, fewer at the ends."""
    total = np.concatenate([[0.0], value.cumsum()])
    place = np.arange(len(value))
    first, last = np.maximum(place - window, 0), np.minimum(place + window + 1, len(value))
    return np.asarray((total[last] - total[first]) / (last - first), dtype=np.float64)


def finish(axes: Axes) -> None:
    """A light grid, no box, a legend where something is named, and a word where nothing is drawn yet."""
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.title.set_fontsize(11)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
    else:
        axes.tick_params(left=False, labelleft=False)
        axes.text(0.5, 0.5, "not measured yet", transform=axes.transAxes, ha="center", va="center", color="0.5")


def neighbours(
    images: ArrayLike, labels: Sequence[str], distances: Mapping[str, ArrayLike], columns: int, said: str
) -> Figure:
    """Samples with their nearest training images, above the distances of several sets to theirs.

    Args:
        images: uint8 (N, C, H, W): in each row of the grid a sample, then what is nearest to it.
        labels: one a row.
        distances: by the name of the set.
        columns: images in a row.
        said: what was found, as a title.
    """
    sheet = grid(images, columns, labels=labels)
    width = 8.0
    figure = Figure(figsize=(width, width * sheet.height / sheet.width + 3.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    shown, below = figure.subplots(2, 1, height_ratios=[width * sheet.height / sheet.width, 2.8])
    shown.imshow(np.asarray(sheet.convert("RGB")), interpolation="nearest")
    shown.set_axis_off()
    shown.set_title("a sample, then the nearest training images; the closest samples first", fontsize=10)
    sets = {name: np.asarray(found, dtype=np.float64) for name, found in distances.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(sets.values())), bins=30)
    for number, (name, values) in enumerate(sets.items()):
        weights = np.full(len(values), 1 / len(values))
        below.hist(values, edges, weights=weights, label=name, color=f"C{number}", alpha=0.6)
    below.set(title=said, xlabel="distance to the nearest training image", ylabel="share")
    finish(below)
    return figure
