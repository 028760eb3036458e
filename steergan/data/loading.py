"""A recipe's data settings -> images: finds the originals, prepares them once, and loads what was prepared."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from steergan.data.account import Account
from steergan.data.disk import in_disk
from steergan.data.images import SPLITS, ImageSet, Labels, Split, checksum
from steergan.data.originals import Originals
from steergan.data.plan import Plan
from steergan.data.prepared import CacheError, Prepared, folder_for, prepared_manifests, read_prepared
from steergan.data.shares import share_on_disk
from steergan.data.sources import Source, source_of
from steergan.data.subsets import nested_share
from steergan.data.unturned import refuse_turned, unturned_of
from steergan.data.writing import keep_in_memory, remove_journals, write_elsewhere, write_prepared
from steergan.errors import MissingDataError
from steergan.progress import Progress, unheard
from steergan.recipe import DataSettings

IN_MEMORY = 256_000_000
"""Bytes: a larger share of a set is kept on disk."""

LISTED_FILES = 16
"""So many original files are listed one by one in a manifest."""


class Survey(NamedTuple):
    """What a recipe's data would be."""

    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    class_names: tuple[str, ...]
    train: int
    """Training images that `data.fraction` leaves."""
    held_out: int
    account: Account
    """Class by class, and what was understood of the files."""
    at_most: bool = False
    """Whether the counts are bounds, because patches without foreground and damaged files are left out later."""
    example: str = ""
    """The name of a file whose image has this shape as it is, where one is known."""
    inputs: int = 0
    """Of pairs, how many of the channels are the input's."""


def load(settings: DataSettings, split: Split) -> ImageSet:
    """One split of the data that a recipe names, prepared on disk first where it has not been.

    Args:
        settings: the recipe's `[data]` section; `fraction` applies to the training split only.
        split: "train" or "held_out".

    Raises:
        DataError: missing or damaged originals, a cache folder that can't be written, a fraction that empties a class.
        ValueError: another split.
    """
    return take(prepare(settings), settings, split)


def take(prepared: Prepared, settings: DataSettings, split: Split) -> ImageSet:
    """One split of a prepared set; of the training split, the share that the settings ask for.

    Raises:
        DataError: a share that empties a class, or for which the cache folder has no room.
        ValueError: another split.
    """
    if split not in SPLITS:
        raise ValueError(f'split {split!r}; "train" or "held_out" was wanted')
    whole = prepared.splits[split]
    if split == "held_out" or settings.fraction == 1:
        return whole
    chosen = share_of(whole.labels, prepared.copies, settings)
    if prepared.folder and len(chosen) * math.prod(whole.image_shape) > IN_MEMORY:
        return share_on_disk(prepared.folder, whole, chosen)
    images, labels = whole.images[chosen], whole.labels[chosen]
    for array in (images, labels):
        array.setflags(write=False)
    unturned = None if whole.unturned is None else whole.unturned.share(chosen)
    return ImageSet(images, labels, whole.class_names, checksum(images, labels), unturned)


def share_of(labels: Labels, copies: int, settings: DataSettings) -> Labels:
    """Which training images `data.fraction` leaves, int64, sorted; copies of an original stay together."""
    originals = nested_share(labels[::copies], settings.fraction, settings.seed)
    return (originals[:, None] * copies + np.arange(copies)).ravel()


def prepare(settings: DataSettings, progress: Progress = unheard, *, keep: bool = False) -> Prepared:
    """Both splits, whole: from the cache if they were prepared from the same files in the same way, else made now.

    Without originals, a set that was prepared with the same settings serves. Where the cache can't be written, the set
    is made for this process alone.

    Args:
        settings: the recipe's `[data]` section.
        progress: hears of images.
        keep: whether a cache that can't be written is refused.

    Raises:
        DataError: as `load`.
    """
    source = source_of(settings.name)
    originals = source.find(settings)
    unturned = unturned_of(source, originals, settings)
    prepared = prepared_set(source, originals, settings, progress, keep)
    if unturned is None:
        return prepared
    train = replace(prepared.splits["train"], unturned=unturned)
    return replace(prepared, splits={**prepared.splits, "train": train})


def prepared_set(
    source: Source[Any], originals: Originals | None, settings: DataSettings, progress: Progress, keep: bool
) -> Prepared:
    """Both splits, as `prepare`, from these originals."""
    asked = {"name": settings.name, "rule_version": source.version, **deciding(settings)}
    if originals is None:
        return prepared_before(settings, asked)
    if not source.kept:
        return keep_in_memory(planned(source, originals, settings), asked)
    identity = {**asked, "kind": originals.kind, "originals_sha256": originals.checksum()}
    made = read_prepared(folder_for(identity))
    if made is not None:
        remove_journals(folder_for(identity))  # of a process that was killed when it had just finished
        return made
    looking, writing = halves(progress) if source.reads_all else (unheard, progress)
    plan, about = planned(source, originals, settings, looking), describe(originals)
    try:
        return write_prepared(plan, identity, about, writing)
    except CacheError as fault:
        if keep:
            raise
        return write_elsewhere(plan, identity, about, writing, fault)


def halves(progress: Progress) -> tuple[Progress, Progress]:
    """Who hears of two passes over the same files as of one."""
    return lambda done, total: progress(done, 2 * total), lambda done, total: progress(total + done, 2 * total)


def planned(source: Source[Any], originals: Originals, settings: DataSettings, progress: Progress = unheard) -> Plan:
    """What a source is going to give, in a disk if that is asked for."""
    plan = source.plan(originals, settings, *[progress] * source.reads_all)
    return in_disk(plan) if settings.disk else plan


def survey(settings: DataSettings) -> Survey:
    """Sizes and counts of the data that a recipe names; reads the originals, writes nothing.

    Raises:
        DataError: as `load`, but for the cache folder.
    """
    source = source_of(settings.name)
    originals = source.find(settings)
    if originals is None:
        made = prepare(settings)  # without originals it finds what lies in the cache, or refuses
        account = account_of(made, settings)
        shape, inputs = made.splits["train"].image_shape, made.manifest.get("inputs", 0)
        return surveyed(shape, account, inputs=inputs)
    refuse_turned(source, originals, settings)
    plan = planned(source, originals, settings)
    told = partial(Account, plan.class_names, left_out=list(plan.left_out), notes=list(plan.notes or (plan.rule,)))
    if plan.advice:
        account = told(*most_of_classes(plan, settings.fraction), at_most=True)
        counts = most(plan, settings.fraction)
        return Survey(plan.image_shape, plan.class_names, *counts, account, at_most=True, inputs=plan.inputs)
    train, held_out = (np.concatenate([piece.load()[1] for piece in plan.pieces[split]]) for split in SPLITS)
    train = train[share_of(train, plan.copies, settings)]
    account = told(counts_of(train, plan.class_names), counts_of(held_out, plan.class_names))
    return surveyed(plan.image_shape, account, plan.example, plan.inputs)


def surveyed(image_shape: tuple[int, int, int], account: Account, example: str = "", inputs: int = 0) -> Survey:
    """A survey whose counts are known."""
    train, held_out = (sum(of or ()) for of in (account.train, account.held_out))
    return Survey(image_shape, tuple(account.class_names), train, held_out, account, example=example, inputs=inputs)


def account_of(prepared: Prepared, settings: DataSettings) -> Account:
    """What a prepared set holds, class by class, and what is not in it."""
    train, held_out = (prepared.splits[split] for split in SPLITS)
    labels = train.labels[share_of(train.labels, prepared.copies, settings)] if settings.fraction < 1 else train.labels
    counts = [counts_of(of, train.class_names) for of in (labels, held_out.labels)]
    notes = prepared.manifest.get("notes") or [prepared.manifest["rule"]]
    return Account(train.class_names, counts[0], counts[1], prepared.left_out, notes)


def counts_of(labels: Labels, class_names: Sequence[str]) -> list[int]:
    """Images of every class."""
    counts: list[int] = np.bincount(labels, minlength=len(class_names)).tolist()
    return counts


def most_of_classes(plan: Plan, fraction: float) -> tuple[list[int] | None, list[int] | None]:
    """Training and held-out images of every class if no piece is left out; None where the pieces don't tell."""
    counts: list[list[int] | None] = []
    for split in SPLITS:
        of_split = [0] * len(plan.class_names)
        for piece in plan.pieces[split]:
            if piece.label is not None:
                of_split[piece.label] += piece.count
        counts.append(None if plan.divide or any(p.label is None for p in plan.pieces[split]) else of_split)
    return counts[0] if fraction == 1 else None, counts[1]


def most(plan: Plan, fraction: float) -> tuple[int, int]:
    """Training and held-out images if no piece is left out and every patch is foreground."""
    train, held_out = (sum(piece.count for piece in plan.pieces[split]) for split in SPLITS)
    if plan.divide and train > 1:
        train, held_out = map(len, plan.divide(np.zeros(train, dtype=np.int64)))
    return int(np.floor(fraction * train + 0.5)), held_out


def deciding(settings: DataSettings) -> dict[str, Any]:
    """The settings that decide about the whole set, spelled out."""
    source = source_of(settings.name)
    size = settings.size or source.size
    split = settings.division
    spelled_out = {**settings.model_dump(mode="json"), "size": size, "stride": settings.stride or size, "split": split}
    unused = {"none": ("seed", "held_out"), "right": ("seed",)}.get(split, ())
    decided = {key: spelled_out[key] for key in source.decided_by if key not in unused}
    defaults = DataSettings()
    set_here = [key for key in source.decided_where_set if spelled_out[key] != getattr(defaults, key)]
    decided |= {key: spelled_out[key] for key in set_here}
    return {**decided, "disk": True} if settings.disk else decided


def prepared_before(settings: DataSettings, asked: Mapping[str, Any]) -> Prepared:
    """A set prepared earlier with these settings, when its originals are not at hand any more; official files first.

    Raises:
        MissingDataError: there is none; with what to do.
    """
    if not settings.path:
        found_before = [(folder, {"disk": False, **made}) for folder, made in prepared_manifests()]
        asked = {"disk": False, **asked}
        fitting = [(made["kind"], folder) for folder, made in found_before if asked.items() <= made.items()]
        for _, folder in sorted(fitting):
            found = read_prepared(folder)
            if found:
                return found
    source = source_of(settings.name)
    raise MissingDataError(source.missing(settings) if source.missing else missing(source, settings))


def missing(source: Source[Any], settings: DataSettings) -> str:
    """What to do when there are no originals."""
    where = settings.path or f"STEERGAN_DATA ({os.environ.get('STEERGAN_DATA') or 'not set'})"
    what = "name a folder that holds them with data.path, --data or --source, or set STEERGAN_DATA to one"
    fetch = f", or run `steergan data prepare {settings.name} --download`" if source.download else ""
    return f"{settings.name}: no originals in {where}; wanted: {source.wanted}; {what}{fetch}"


def describe(originals: Originals) -> dict[str, Any]:
    """What a manifest says about the original files; where they lay is for the reader, it is not looked up again."""
    root, count = str(originals.root.resolve()), len(originals.files)
    described: dict[str, Any] = {"root": root, "files": count, "bytes": originals.size}
    if count <= LISTED_FILES:
        names = [file.name for file in originals.files]
        described["sha256"] = dict(zip(names, originals.hashes(), strict=True))
    return described
