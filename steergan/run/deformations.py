"""Relative stability of runs' discriminators: rows in their folders, and a picture of all."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.layers import shared_filters
from steergan.metrics.deformation_picture import stability_figure
from steergan.metrics.deformations import Deformation, Responses, Stability, recorded, relative_stability
from steergan.networks import Discriminator
from steergan.networks.trunk import Trunk
from steergan.pictures import save_png
from steergan.pixels import to_unit
from steergan.run.load import LoadedRun, load_run
from steergan.run.players import subset
from steergan.run.reporting import Reporter, Silence
from steergan.run.tasks import data_of
from steergan.tables import Cell, Mean, Table
from steergan.training import JsonLines

IMAGES = 500
"""Held-out images that are deformed, at most."""


class Deformed(NamedTuple):
    """A run's discriminator under deformations."""

    run: LoadedRun
    blocks: tuple[Stability, ...]
    """From the image on: each stage or block, the features phi, the score."""
    protocol: dict[str, Any]
    """How it was measured."""

    @property
    def group(self) -> str:
        """The discriminator's, or all of them in their order."""
        return " to ".join(dict.fromkeys(self.run.recipe.discriminator.groups))

    @property
    def name(self) -> str:
        """The discriminator's group, and the run's folder."""
        return f"{self.group}, {self.run.folder.path.name}"

    def row(self) -> dict[str, Any]:
        """The row of metric-deformations.jsonl."""
        blocks = [asdict(block) for block in self.blocks]
        return {"step": self.run.step, "deformation_blocks": blocks, **self.protocol}


def measure_deformations(
    path: AnyPath | LoadedRun,
    *,
    device: str = "cpu",
    data_path: str | None = None,
    at: str | int = "last",
    law: Deformation = Deformation(),  # noqa: B008
    report: Reporter | None = None,
) -> Deformed:
    """Measure how stable a run's discriminator is on held-out images, and keep it in metric-deformations.jsonl.

    Args:
        path: of the run folder, or what `load_run` gave; its discriminator is moved to the device.
        device: where it is computed.
        data_path: where the originals are now; None: where they were.
        at: which of the run's networks, see `load_run`.
        law: of displacement fields.
        report: is told what takes a while; None: nobody is.

    Raises:
        SteerganError: no run, nothing trained in it, no discriminator with blocks, its data can't be found or is other
            data, or displacements that would fold its images.
    """
    run, report = load_run(path, at), report or Silence()
    discriminator = run.discriminator
    if not isinstance(discriminator, Discriminator):
        raise RunError(
            f"{run.folder.path}: deformations are measured in the blocks of a discriminator of single images, and this "
            f"run's is a {type(discriminator).__name__}"
        )
    images, labels = subset(data_of(run, data_path, report).held_out, IMAGES)
    discriminator.to(device)
    with shared_filters(discriminator):
        blocks = relative_stability(
            responses_of_discriminator(discriminator),
            to_unit(images.to(device)),
            labels.to(device),
            law=law,
            progress=lambda done, total: report.stage("deformed images", done, total),
        )
    size = (images.shape[2], images.shape[3])
    protocol = {"deformation_pixels": law.amplitude(size), "deformation_cutoff": law.cutoff,
                "deformed_images": len(images)}  # fmt: skip
    found = Deformed(run, tuple(blocks), protocol)
    keep(found)
    return found


def responses_of_discriminator(discriminator: Discriminator) -> Responses:
    """What each block of a discriminator puts out, then its features, pooled over group and space, and its score."""
    paths = block_paths(discriminator)
    last = f"tail.{len(discriminator.tail) - 1}" if len(discriminator.tail) else "group_pool"

    def respond(image: Tensor, labels: Tensor) -> dict[str, Tensor]:
        with recorded(discriminator, {**paths, "features": last}) as found:
            score_B = discriminator(image, labels)
        return {**found, "features": discriminator.over_space(found["features"]), "score": score_B}

    return respond


def block_paths(discriminator: Discriminator) -> dict[str, str]:
    """The last layer of each stage or block, as `block 1`, ..., those behind the group pooling among them."""
    paths = [f"trunk.stages.{end}" for end in discriminator.trunk.ends]
    for number, layer in enumerate(discriminator.tail):
        if isinstance(layer, Trunk):
            paths += [f"tail.{number}.stages.{end}" for end in layer.ends]
    return {f"block {number}": path for number, path in enumerate(paths, start=1)}


def keep(found: Deformed) -> None:
    """Write a row, in the place of an older one of the same step."""
    file = JsonLines(found.run.folder.metric("deformations"))
    others = [row for row in file.rows() if row["step"] != found.run.step]
    file.truncate_after(-1)
    for row in sorted([*others, found.row()], key=lambda row: row["step"]):
        file.append(row)


def deformation_table(measured: Sequence[Deformed]) -> Table:
    """All figures of one run's blocks, or the relative stabilities of several side by side.

    Args:
        measured: at least one run.
    """
    protocol = measured[0].protocol
    caption = (
        "Relative stability R = D / G of each block, with its spread over repetitions: "
        f"{protocol['deformed_images']} held-out images, displacements of {protocol['deformation_pixels']:.2g} px."
    )
    if len(measured) == 1:
        rows: list[list[Cell]] = [
            [block.block, block.deformation, block.noise, with_spread(block)] for block in measured[0].blocks
        ]
        return Table(caption=caption, columns=["block", "deformation D", "noise G", "R"], rows=rows)
    found = [{block.block: block for block in one.blocks} for one in measured]
    names = list(dict.fromkeys(name for blocks in sorted(found, key=len, reverse=True) for name in blocks))
    rows = [[name, *(with_spread(blocks[name]) if name in blocks else None for blocks in found)] for name in names]
    return Table(caption=caption, columns=["block", *(one.name for one in measured)], rows=rows)


def with_spread(block: Stability) -> Mean:
    """R and its standard deviation, as a cell."""
    return Mean(mean=block.relative, sd=block.spread, values=[block.relative])


def save_deformations(measured: Sequence[Deformed], path: Path) -> None:
    """The curves of some runs as PNG.

    Args:
        measured: at least one run.
        path: of the picture.
    """
    protocol = measured[0].protocol
    said = (
        f"{protocol['deformed_images']} held-out images, displacements of {protocol['deformation_pixels']:.2g} px"
        " (root mean square)"
    )
    save_png(stability_figure({one.name: one.blocks for one in measured}, said), path)


def same_protocol(measured: Sequence[Deformed]) -> None:
    """Refuse runs whose figures can't stand in one picture.

    Raises:
        RunError: other images, or another law of displacements.
    """
    first = measured[0]
    for one in measured[1:]:
        same = one.run.about.data.held_out.checksum == first.run.about.data.held_out.checksum
        if not same or one.protocol != first.protocol:
            raise RunError(
                f"{one.run.folder.path} and {first.run.folder.path} hold out different images; "
                "measure runs on one data set together, and others in a picture of their own"
            )
