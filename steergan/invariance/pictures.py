"""A picture of a symmetry test: examples of every class beside their transformed copies, with what was found."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from steergan.data import ImageSet
from steergan.invariance.data import WHOLE, DataSymmetry
from steergan.invariance.element_laws import LEVEL, transformed
from steergan.invariance.verdict import SubjectSymmetry, elements_tested
from steergan.pictures import grid
from steergan.symmetry import gspace

ROWS = 12
"""So many subjects are drawn, those where most was found."""
SIDE = 2
"""Examples a side of a cell."""
FOUND, NOTHING, AS_IS = "#b2182b", "#1b7837", "0.35"


def symmetry_figure(images: ImageSet, found: DataSymmetry) -> Figure:
    """A row a subject: four examples as they are, then what each element makes of them, above it its p-value.

    Args:
        images: the set that was tested.
        found: what came out.
    """
    subjects = sorted(found.subjects, key=lambda subject: min(e.adjusted_p_value for e in subject.elements))[:ROWS]
    subjects = [subject for subject in found.subjects if subject in subjects]
    names = elements_tested()
    figure = Figure(figsize=(1.25 * (len(names) + 1) + 1.2, 1.5 * len(subjects) + 0.9), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    cells = figure.subplots(len(subjects), len(names) + 1, squeeze=False)
    group = "no group" if found.group == "trivial" else found.group
    omitted = f"; {len(subjects)} of {len(found.subjects)} rows" if len(subjects) < len(found.subjects) else ""
    key = "red: changes the images; green: no change found, which is no proof"
    figure.suptitle(f"recommended: {group}; {key}{omitted}", fontsize=10)
    for row, subject in zip(cells, subjects, strict=True):
        examples = examples_of(images, subject)
        draw_cell(row[0], examples, as_is(subject), AS_IS)
        row[0].set_ylabel(subject.name, fontsize=9)
        copies = dict(transformed(torch.from_numpy(examples), gspace("D4")))
        for axes, element in zip(row[1:], subject.elements, strict=True):
            p_value = element.adjusted_p_value
            draw_cell(
                axes, copies[element.element].numpy(), f"p = {p_value:.2g}", FOUND if p_value <= LEVEL else NOTHING
            )
    for axes, name in zip(cells[0], ("as they are", *names), strict=True):
        heading = (
            name.removeprefix("the ")
            .replace("reflection ", "reflection\n")
            .replace("rotation ", "rotation\n")
            .replace("about the", "about")
        )
        axes.set_title(f"{heading}\n{axes.get_title()}", fontsize=8, color=axes.title.get_color())
    return figure


def as_is(subject: SubjectSymmetry) -> str:
    """What stands above the examples."""
    return f"p = {subject.control.p_value:.2g}"


def examples_of(images: ImageSet, subject: SubjectSymmetry) -> NDArray[np.uint8]:
    """Some images of a subject, spread evenly over the set: (4, C, H, W)."""
    members = np.arange(len(images))
    if subject.name in images.class_names and subject.name != WHOLE:
        members = np.flatnonzero(images.labels == images.class_names.index(subject.name))
    return np.array(images.images[members[np.arange(SIDE * SIDE) * len(members) // (SIDE * SIDE)]])


def draw_cell(axes: Axes, examples: NDArray[np.uint8], title: str, colour: str) -> None:
    """Examples in a square with a coloured frame."""
    axes.imshow(np.asarray(grid(examples, SIDE, scale=1, pad=1)), cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8, color=colour)
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=2)
