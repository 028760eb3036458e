"""Relative stability by block, as a picture."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steergan.metrics.deformations import Stability
from steergan.pictures import finish, scale_by_factors

PANELS = {
    "relative": "Deformation over noise, R",
    "deformation": "Response to deformations, D",
    "noise": "Response to noise of the same norm, G",
}


def stability_figure(networks: Mapping[str, Sequence[Stability]], said: str = "") -> Figure:
    """Curves over blocks, one for each network, of R and of what it is made of.

    Args:
        networks: blocks in order, by the name of the network.
        said: how it was measured, as a title.
    """
    figure = Figure(figsize=(13, 4), dpi=120, layout="constrained")
    figure.suptitle(said, fontsize=11)
    for axes, (key, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for name, blocks in networks.items():
            draw(axes, blocks, key, name)
        if key == "relative":
            axes.axhline(1, color="0.35", linestyle="--", linewidth=1.2, label="an isometry")
        axes.set(title=title)
        axes.tick_params(axis="x", labelrotation=45)
        scale_by_factors(axes)
        finish(axes)
    return figure


def draw(axes: Axes, blocks: Sequence[Stability], key: str, name: str) -> None:
    """One network's curve; of R with its spread."""
    values = [getattr(block, key) for block in blocks]
    spread = [block.spread for block in blocks] if key == "relative" else None
    axes.errorbar(
        [block.block for block in blocks], values, yerr=spread, label=name, marker="o", markersize=3.5, capsize=2
    )
