"""Any two folders of images, measured against each other."""

from functools import partial
from typing import Any, cast

import torch

from steergan.data import FolderImages, pair_of_folders
from steergan.errors import RunError, escaped
from steergan.metrics import Protocol, choose_extractor, measure, prepare_reference
from steergan.metrics.distances import subset
from steergan.metrics.images import Chosen, LabelledImages
from steergan.recipe import EvaluationSettings
from steergan.recipe.data import Folder
from steergan.run.figures_in_words import notices
from steergan.run.reporting import Reporter, Silence

LAW = "images of a folder"


def compare_folders(
    first: Folder,
    second: Folder,
    settings: EvaluationSettings,
    *,
    device: str = "cpu",
    report: Reporter | None = None,
) -> dict[str, Any]:
    """Every metric of a folder of images in a generator's place against another one, with its protocol and floor.

    The floor is that of the second folder against itself: of two disjoint samples of it, or of its halves.

    Args:
        first: where its images are, and how they are read.
        second: likewise; nothing but the path may differ.
        settings: `features`, `resize` and `samples`, the images of each that are measured at most.
        device: where features are computed.
        report: is told what takes a while; None: nobody is.

    Raises:
        SteerganError: folders that can't be read or compared, too few images, or features that don't take them.
    """
    report = report or Silence()
    if settings.features == "none":
        raise RunError('features = "none": nothing to measure with; name some, such as scattering')
    ours, theirs = pair_of_folders(first, second, partial(report.stage, "looking at images"))
    for one in (ours, theirs):
        tell_of(one, report)
    extractor = choose_extractor(settings.features, theirs.chosen.image_shape, device=device, resize=settings.resize)
    reals = cast(LabelledImages, theirs)
    reference = prepare_reference(
        extractor,
        reals,
        reals,
        Protocol(count=settings.samples, label_law=LAW),
        progress=partial(report.stage, "features of the second folder"),
    )
    rows = subset(len(ours), settings.samples, 0, "folder")
    for notice in notices(reference, len(rows), settings.features):
        report.message(notice)
    images = Chosen(cast(LabelledImages, ours).images, rows)
    found = measure(
        reference, images, ours.labels[rows], progress=partial(report.stage, "features of the first folder")
    )
    checksums = {"first_checksum": ours.checksum, "image_shape": list(theirs.chosen.image_shape)}
    return {**found.record(), **checksums, "device": str(torch.device(device))}


def tell_of(images: FolderImages, report: Reporter) -> None:
    """What was done to the images, and what is not among them."""
    report.message("; ".join([f"{escaped(str(images.root))}: {len(images):,} images", *images.notes]))
    for one in images.left_out:
        report.message(f"left out: {escaped(one.name)}: {escaped(one.reason)}")
