"""A recipe's data settings -> images: finds the originals, prepares them once, and loads what was prepared."""

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steergan.data.anhir import LAYOUT, STAINS, find_anhir, plan_anhir
from steergan.data.cifar10 import LAYOUT as CIFAR10_LAYOUT
from steergan.data.cifar10 import find_cifar10, plan_cifar10
from steergan.data.digits import plan_digits
from steergan.data.disk import in_disk, pieces_in_disk
from steergan.data.folder import find_folder, plan_folder
from steergan.data.food101 import CLASSES as FOOD101_CLASSES
from steergan.data.food101 import LAYOUT as FOOD101_LAYOUT
from steergan.data.food101 import find_food101, plan_food101
from steergan.data.galaxies import SIZE as CUT_OUT
from steergan.data.galaxies import find_galaxies, plan_galaxies
from steergan.data.images import SPLITS, ImageSet, PiecewisePlan, Plan, Progress, Split, checksum
from steergan.data.lysto import WANTED as LYSTO_FILE
from steergan.data.lysto import find_lysto, plan_lysto
from steergan.data.mnist import CLASSES, SIDE
from steergan.data.npz import find_npz, plan_npz
from steergan.data.originals import Originals
from steergan.data.patches import find_patches, plan_patches
from steergan.data.piecewise import write_piecewise
from steergan.data.prepared import (
    Prepared,
    folder_for,
    keep_in_memory,
    prepared_manifests,
    read_prepared,
    write_prepared,
)
from steergan.data.rotmnist import find_rotmnist, plan_rotmnist, where_to_get
from steergan.data.shares import share_on_disk
from steergan.data.slides import PATCH
from steergan.data.subsets import nested_share
from steergan.errors import DataError
from steergan.recipe import DataSettings


class Survey(NamedTuple):
    """What a recipe's data would be."""

    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    class_names: tuple[str, ...]
    train: int
    """Training images that `data.fraction` leaves."""
    held_out: int
    at_most: bool = False
    """Whether the counts are bounds, because patches without foreground and damaged files are left out later."""


IN_MEMORY = 256_000_000
"""Bytes: a larger share of a set is kept on disk."""

LISTED_FILES = 16
"""So many original files are listed one by one in a manifest."""


class Source(NamedTuple):
    """How one kind of data set is found and made."""

    find: Callable[[DataSettings], Originals | None]
    plan: Callable[[Originals, DataSettings], Plan | PiecewisePlan]
    rule: int
    """Counts up when the set is made differently."""
    decided_by: tuple[str, ...] = ("seed", "held_out")
    """Settings that decide about the whole set; `path` and `fraction` never do."""
    size: int = 0
    """Pixels per side where `data.size` is 0."""
    kind: tuple[int, int] | None = None
    """Channels and classes, where they are known without the files."""
    wanted: str = ""
    """The original files, in words, for who lacks them."""


SOURCES = {
    "rotmnist": Source(find_rotmnist, plan_rotmnist, 1, ("seed",), SIDE, (1, CLASSES)),
    "folder": Source(find_folder, plan_folder, 1),
    "npz": Source(find_npz, plan_npz, 1),
    "patches": Source(
        find_patches, plan_patches, 1, ("size", "stride", "foreground", "split", "seed", "held_out"), PATCH
    ),
    "anhir": Source(
        find_anhir, plan_anhir, 1, ("size", "foreground", "split", "seed", "held_out"), PATCH, (3, len(STAINS)), LAYOUT
    ),
    "lysto": Source(find_lysto, plan_lysto, 1, ("size", "split", "seed", "held_out"), 256, (3, 3), LYSTO_FILE),
    "cifar10": Source(find_cifar10, plan_cifar10, 1, (), 32, (3, 10), CIFAR10_LAYOUT),
    "galaxies": Source(find_galaxies, plan_galaxies, 1, ("size", "split", "seed", "held_out"), CUT_OUT),
    "food101": Source(find_food101, plan_food101, 1, ("size",), 64, (3, FOOD101_CLASSES), FOOD101_LAYOUT),
}


def load(settings: DataSettings, split: Split) -> ImageSet:
    """One split of the data that a recipe names, prepared on disk first where it has not been.

    Args:
        settings: the recipe's `[data]` section; `fraction` applies to the training split only.
        split: "train" or "held_out".

    Raises:
        DataError: missing or damaged originals, a cache folder that can't be written, a fraction that empties a class.
    """
    return take(prepare(settings), settings, split)


def take(prepared: Prepared, settings: DataSettings, split: Split) -> ImageSet:
    """One split of a prepared set; of the training split, the share that the settings ask for."""
    if split not in SPLITS:
        raise ValueError(f"split {split!r}; \"train\" or \"held_out\" was wanted")
    whole = prepared.splits[split]
    if split == "held_out" or settings.fraction == 1:
        return whole
    originals = nested_share(whole.labels[:: prepared.copies], settings.fraction, settings.seed)
    chosen = (originals[:, None] * prepared.copies + np.arange(prepared.copies)).ravel()
    if prepared.folder and len(chosen) * math.prod(whole.image_shape) > IN_MEMORY:
        return share_on_disk(prepared.folder, whole, chosen)
    images, labels = whole.images[chosen], whole.labels[chosen]
    for array in (images, labels):
        array.setflags(write=False)
    return ImageSet(images, labels, whole.class_names, checksum(images, labels))


def prepare(settings: DataSettings, progress: Progress | None = None) -> Prepared:
    """Both splits, whole: from the cache if they were prepared from the same files in the same way, else made now.

    Without originals, a set that was prepared with the same settings serves.

    Raises:
        DataError: as `load`.
    """
    if settings.name == "digits":
        identity: dict[str, Any] = {"name": "digits", "seed": settings.seed, "held_out": settings.held_out}
        digits = plan_digits(settings)
        if settings.disk:
            digits, identity["disk"] = in_disk(digits), True
        return keep_in_memory(digits, identity)
    source = SOURCES[settings.name]
    originals = source.find(settings)
    asked = {"name": settings.name, "rule_version": source.rule, **deciding(settings)}
    if originals is None:
        return prepared_before(settings, asked)
    identity = {**asked, "kind": originals.kind, "originals_sha256": originals.checksum()}
    made = read_prepared(folder_for(identity))
    if made is not None:
        return made
    plan = planned(source, originals, settings)
    if isinstance(plan, PiecewisePlan):
        return write_piecewise(plan, identity, describe(originals), progress)
    return write_prepared(plan, identity, describe(originals), progress)


def planned(source: Source, originals: Originals, settings: DataSettings) -> Plan | PiecewisePlan:
    """What a source is going to give, in a disk if that is asked for."""
    plan = source.plan(originals, settings)
    if not settings.disk:
        return plan
    return in_disk(plan) if isinstance(plan, Plan) else pieces_in_disk(plan)


def survey(settings: DataSettings) -> Survey:
    """Sizes and counts of the data that a recipe names; reads the originals, writes nothing.

    Raises:
        DataError: as `load`, but for the cache folder.
    """
    source = SOURCES.get(settings.name)
    originals = None if source is None else source.find(settings)
    plan: Plan | PiecewisePlan
    if source is None:
        plan = in_disk(plan_digits(settings)) if settings.disk else plan_digits(settings)
    elif originals is not None:
        plan = planned(source, originals, settings)
    else:
        made = prepare(settings)  # without originals it finds what lies in the cache, or refuses
        train, held_out = made.splits["train"], made.splits["held_out"]
        counted = nested_share(train.labels[:: made.copies], settings.fraction, settings.seed)
        return Survey(train.image_shape, train.class_names, len(counted) * made.copies, len(held_out))
    if isinstance(plan, PiecewisePlan):
        return survey_of_pieces(plan, settings)
    counted = nested_share(plan.labels["train"][:: plan.copies], settings.fraction, settings.seed)
    return Survey(plan.image_shape, plan.class_names, len(counted) * plan.copies, len(plan.labels["held_out"]))


def survey_of_pieces(plan: PiecewisePlan, settings: DataSettings) -> Survey:
    """What a piecewise plan gives if no piece is refused and every patch is foreground."""
    train, held_out = (sum(piece.count for piece in plan.pieces[split]) for split in SPLITS)
    if plan.divide and train > 1:
        train, held_out = map(len, plan.divide(np.zeros(train, dtype=np.int64)))
    counted = int(np.floor(settings.fraction * train + 0.5))
    return Survey(plan.image_shape, plan.class_names, counted, held_out, at_most=True)


def image_kind(settings: DataSettings) -> tuple[tuple[int, int, int], int]:
    """(C, H, W) and the number of classes; of the paper's sets known without their files.

    Raises:
        DataError: as `survey`.
    """
    source = SOURCES.get(settings.name)
    if source is not None and source.kind is not None:
        channels, classes = source.kind
        side = settings.size or source.size
        return (channels, side, side), classes
    found = survey(settings)
    return found.image_shape, len(found.class_names)


def deciding(settings: DataSettings) -> dict[str, Any]:
    """The settings that decide about the whole set, spelled out."""
    source = SOURCES[settings.name]
    size = settings.size or source.size
    split = settings.division
    spelled_out = {**settings.model_dump(), "size": size, "stride": settings.stride or size, "split": split}
    unused = {"none": ("seed", "held_out"), "right": ("seed",)}.get(split, ())
    decided = {key: spelled_out[key] for key in source.decided_by if key not in unused}
    return {**decided, "disk": True} if settings.disk else decided


def prepared_before(settings: DataSettings, asked: Mapping[str, Any]) -> Prepared:
    """A set prepared earlier with these settings, when its originals are not at hand any more; official files first."""
    if not settings.path:
        found_before = [(folder, {"disk": False, **made}) for folder, made in prepared_manifests()]
        asked = {"disk": False, **asked}
        fitting = [(made["kind"], folder) for folder, made in found_before if asked.items() <= made.items()]
        for _, folder in sorted(fitting):
            found = read_prepared(folder)
            if found:
                return found
    raise DataError(where_to_get(settings) if settings.name == "rotmnist" else missing(settings))


def missing(settings: DataSettings) -> str:
    """What to do when there are no originals."""
    where = settings.path or f"STEERGAN_DATA ({os.environ.get('STEERGAN_DATA') or 'not set'})"
    wanted = SOURCES[settings.name].wanted
    what = "name a folder that holds them with data.path, --data or --source, or set STEERGAN_DATA to one"
    fetch = ", or run `steergan data prepare cifar10 --download`" if settings.name == "cifar10" else ""
    return f"{settings.name}: no originals in {where}; wanted: {wanted}; {what}{fetch}"


def describe(originals: Originals) -> dict[str, Any]:
    """What a manifest says about the original files; where they lay is for the reader, it is not looked up again."""
    root, count = str(originals.root.resolve()), len(originals.files)
    described: dict[str, Any] = {"root": root, "files": count, "bytes": originals.size}
    if count <= LISTED_FILES:
        names = [file.name for file in originals.files]
        described["sha256"] = dict(zip(names, originals.hashes(), strict=True))
    return described
