"""Curves as SVG that stands in a page: no script, no font of its own, colours that the page decides."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from steergan.pictures import label_factors

MOST_POINTS = 300
"""Of a line; of more, each stands for the mean of as many neighbours."""
INK, RULE, LEVEL = "#010101", "#020202", "#030303"
LINES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006", "#0a0007", "#0a0008")
"""Colours that matplotlib writes, and the page's style replaces: nobody sees them."""
COLOURS = {INK: "var(--soft)", RULE: "var(--rule)", LEVEL: "var(--soft)"}
COLOURS |= {colour: f"var(--line-{number})" for number, colour in enumerate(LINES)}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "steergan",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": RULE,
}

Points = Sequence[tuple[float, float]]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """Lines over steps.

    Attributes:
        title: above it.
        lines: (step, value) by the line's name.
        levels: values to compare with, by name.
        factors: whether the axis is logarithmic, where all values allow it.
        bands: (step, low, high) around the line of that name.
        marks: whether every point is marked.
    """

    title: str
    lines: Mapping[str, Points]
    levels: Mapping[str, float]
    factors: bool = False
    bands: Mapping[str, Sequence[tuple[float, float, float]]] | None = None
    marks: bool = False

    @property
    def drawn(self) -> dict[str, Points]:
        """Lines that have a point."""
        return {name: points for name, points in self.lines.items() if points}

    @property
    def words(self) -> str:
        """What a person who can't see it is told: where each line begins and ends, and the levels."""
        said = [
            f"{name} from {y0:.3g} at step {x0:.0f} to {y1:.3g} at step {x1:.0f}"
            for name, ((x0, y0), *_, (x1, y1)) in ((name, [*p, p[-1]]) for name, p in self.drawn.items())
        ]
        said += [f"{name} {value:.3g}" for name, value in self.levels.items()]
        return f"{self.title}: " + "; ".join(said)


def svg_of(chart: Chart, identity: str, xlabel: str = "generator step") -> str:
    """A chart as an `svg` element.

    Args:
        chart: with at least one line that has a point.
        identity: begins every id in it; another for each chart of a page.
        xlabel: below the axis.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 3.0), layout="constrained", facecolor="none")
        axes = figure.subplots()
        axes.set_facecolor("none")
        for number, (name, points) in enumerate(chart.drawn.items()):
            draw(axes, chart, name, points, LINES[number % len(LINES)])
        for number, (name, value) in enumerate(chart.levels.items()):
            axes.axhline(value, color=LEVEL, linestyle=("--", ":")[number % 2], linewidth=1.2, label=name)
        axes.set(xlabel=xlabel)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        axes.set_title(chart.title, fontsize=11, loc="left")
        if chart.factors and axes.dataLim.y0 > 0:
            axes.set_yscale("log")
            label_factors(axes)
        axes.grid(linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
        content = io.BytesIO()
        FigureCanvasSVG(figure).print_svg(
            content, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return as_part_of_page(content.getvalue().decode(), identity, chart.words)


def draw(axes: Axes, chart: Chart, name: str, points: Points, colour: str) -> None:
    """One line, with its band where it has one."""
    step, value = thinned(points)
    marker = "o" if chart.marks else ""
    axes.plot(step, value, color=colour, label=name, marker=marker, markersize=3.5, linewidth=1.6)
    band = (chart.bands or {}).get(name)
    if band:
        at, low, high = np.array(band, dtype=np.float64).T
        axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)


def thinned(points: Points) -> tuple[Values, Values]:
    """Steps and values; of many points the means of neighbours."""
    step, value = np.array(points, dtype=np.float64).T
    size = -(-len(step) // MOST_POINTS)
    starts = np.arange(0, len(step), size)
    counts = np.diff(np.append(starts, len(step)))
    return np.add.reduceat(step, starts) / counts, np.add.reduceat(value, starts) / counts


def as_part_of_page(text: str, identity: str, words: str) -> str:
    """What matplotlib wrote, without header and style of its own, in the page's colours, and with words beside it.

    Its ids, which are alike in every chart, begin with `identity`.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<defs>\s*</defs>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{identity}-', text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{identity}-", text)
    for colour, name in COLOURS.items():
        text = text.replace(colour, name)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r">\s+<", "><", text)
    text = re.sub("<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), text)  # not numbers that are read
    head = f'<svg class="chart" role="img" aria-label="{escape(words)}" '
    return re.sub(r' (width|height)="[\d.]+pt"', "", text.replace("<svg ", head, 1), count=2).strip()


def escape(text: str) -> str:
    """Text in an attribute."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
