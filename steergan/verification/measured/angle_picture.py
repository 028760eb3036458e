"""How well a network turns, as a picture: its error against the angle, and the harmonics of that."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steergan.verification.measured.off_grid import OffGrid

SMALLEST = 1e-7
"""Errors below are drawn there: the axis is logarithmic, and rounding is no more."""


def angle_figure(networks: Mapping[str, OffGrid]) -> Figure:
    """One row for each network: median, 95 % quantile and the interpolation's own error; beside them the spectrum."""
    figure = Figure(figsize=(11, 3.2 * len(networks)), layout="constrained")
    panels = figure.subplots(len(networks), 2, squeeze=False, width_ratios=(2, 1))
    for (name, found), (left, right) in zip(networks.items(), panels, strict=True):
        draw_angles(left, found, name)
        draw_harmonics(right, found)
    return figure


def draw_angles(axes: Axes, found: OffGrid, name: str) -> None:
    """Errors around the circle."""
    floored = [[max(value, SMALLEST) for value in values] for values in (found.median, found.upper, found.floor)]
    axes.fill_between(found.angles, floored[0], floored[1], alpha=0.25, lw=0)
    axes.plot(found.angles, floored[0], marker=".", label="median, 95 % below the band")
    if any(found.floor):
        axes.plot(found.angles, floored[2], color="0.5", ls="--", label="interpolation alone")
    axes.set(yscale="log", xlabel="degrees", ylabel="relative error", title=name, xlim=(0, 360))
    axes.set_xticks(range(0, 361, 45))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def draw_harmonics(axes: Axes, found: OffGrid) -> None:
    """Power of each harmonic but the mean."""
    axes.bar(range(1, len(found.harmonics)), found.harmonics[1:])
    axes.set(xlabel="harmonic of the angle", ylabel="power of the error", title="spectrum over SO(2)")
