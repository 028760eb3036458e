"""A recipe's data settings -> images: finds the originals, prepares them once, and loads what was prepared."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steergan.data.digits import plan_digits
from steergan.data.folder import find_folder, plan_folder
from steergan.data.images import SPLITS, ImageSet, Plan, Progress, Split, checksum
from steergan.data.mnist import CLASSES, SIDE
from steergan.data.npz import find_npz, plan_npz
from steergan.data.originals import Originals
from steergan.data.prepared import (
    Prepared,
    folder_for,
    keep_in_memory,
    prepared_manifests,
    read_prepared,
    write_prepared,
)
from steergan.data.rotmnist import find_rotmnist, plan_rotmnist, where_to_get
from steergan.data.subsets import nested_share
from steergan.errors import DataError
from steergan.files import file_sha256
from steergan.recipe import DataSettings


class Survey(NamedTuple):
    """What a recipe's data would be."""

    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    class_names: tuple[str, ...]
    train: int
    """Training images that `data.fraction` leaves."""
    held_out: int


LISTED_FILES = 16
"""So many original files are listed one by one in a manifest."""


class Source(NamedTuple):
    """How one kind of data set is found and made; `rule` counts up when it is made differently."""

    find: Callable[[DataSettings], Originals | None]
    plan: Callable[[Originals, DataSettings], Plan]
    rule: int


SOURCES = {
    "rotmnist": Source(find_rotmnist, plan_rotmnist, 1),
    "folder": Source(find_folder, plan_folder, 1),
    "npz": Source(find_npz, plan_npz, 1),
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
        return keep_in_memory(plan_digits(settings), {"name": "digits", **split_settings(settings)})
    source = SOURCES[settings.name]
    originals = source.find(settings)
    asked = {"name": settings.name, "rule_version": source.rule, **split_settings(settings)}
    if originals is None:
        return prepared_before(settings, asked)
    identity = {**asked, "kind": originals.kind, "originals_sha256": originals.checksum()}
    return read_prepared(folder_for(identity)) or write_prepared(
        source.plan(originals, settings), identity, describe(originals), progress
    )


def survey(settings: DataSettings) -> Survey:
    """Sizes and counts of the data that a recipe names; reads the originals, writes nothing.

    Raises:
        DataError: as `load`, but for the cache folder.
    """
    source = SOURCES.get(settings.name)
    originals = None if source is None else source.find(settings)
    if source is None:
        plan = plan_digits(settings)
    elif originals is not None:
        plan = source.plan(originals, settings)
    else:
        made = prepare(settings)  # without originals it finds what lies in the cache, or refuses
        train, held_out = made.splits["train"], made.splits["held_out"]
        counted = nested_share(train.labels[:: made.copies], settings.fraction, settings.seed)
        return Survey(train.image_shape, train.class_names, len(counted) * made.copies, len(held_out))
    counted = nested_share(plan.labels["train"][:: plan.copies], settings.fraction, settings.seed)
    return Survey(plan.image_shape, plan.class_names, len(counted) * plan.copies, len(plan.labels["held_out"]))


def image_kind(settings: DataSettings) -> tuple[tuple[int, int, int], int]:
    """(C, H, W) and the number of classes; of rotated MNIST known without its files.

    Raises:
        DataError: as `survey`.
    """
    if settings.name == "rotmnist":
        return (1, SIDE, SIDE), CLASSES
    found = survey(settings)
    return found.image_shape, len(found.class_names)


def split_settings(settings: DataSettings) -> dict[str, Any]:
    """The settings that decide about the whole set; rotmnist has its own split."""
    decided: dict[str, Any] = {"seed": settings.seed}
    return decided if settings.name == "rotmnist" else {**decided, "held_out": settings.held_out}


def prepared_before(settings: DataSettings, asked: Mapping[str, Any]) -> Prepared:
    """A set prepared earlier with these settings, when its originals are not at hand any more; official files first."""
    if not settings.path:
        fitting = [(made["kind"], folder) for folder, made in prepared_manifests() if asked.items() <= made.items()]
        for _, folder in sorted(fitting):
            found = read_prepared(folder)
            if found:
                return found
    raise DataError(where_to_get(settings))


def describe(originals: Originals) -> dict[str, Any]:
    """What a manifest says about the original files; where they lay is for the reader, it is not looked up again."""
    root, count = str(originals.root.resolve()), len(originals.files)
    described: dict[str, Any] = {"root": root, "files": count, "bytes": originals.size}
    if count <= LISTED_FILES:
        described["sha256"] = {file.name: file_sha256(file) for file in originals.files}
    return described
