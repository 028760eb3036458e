"""Plans are carried out: into a folder of the cache, whole or not at all, or in memory."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from steergan.data.arrays import copy_rows, link, npy_header
from steergan.data.images import SPLITS, ImageSet, Labels, Split, checksum
from steergan.data.plan import Plan
from steergan.data.prepared import (
    FILES,
    CacheError,
    Prepared,
    cache_faults,
    elsewhere,
    folder_for,
    one_at_a_time,
    read_back,
    read_prepared,
    read_written,
    replace_folder,
    write_manifest,
)
from steergan.data.stamps import mark_verified
from steergan.data.streams import POOL, Entry, write_streams
from steergan.errors import DataError
from steergan.files import cache_unwritable, flush_folder
from steergan.progress import Progress, unheard

NAMED = 3
"""So many of the pieces that were left out are named in a message."""


def write_prepared(
    plan: Plan, identity: Mapping[str, Any], originals: Mapping[str, Any], progress: Progress = unheard
) -> Prepared:
    """Carry out a plan into the cache folder, or what is left of it, and read it back.

    Images go into a hidden folder as they come, and a journal beside them says which pieces are whole. Another call
    goes on behind the last whole one. The folder gets its name when all pieces are done. One process writes at a time;
    others wait, and find the set ready.

    Args:
        plan: what is to be written.
        identity: what the set is made from, and its settings; it decides about the folder.
        originals: what the manifest says about the original files.
        progress: hears of images.

    Raises:
        CacheError: the cache folder can't be written, or is full.
        DataError: a piece that can't be read, or a class without an image in a split.
    """
    final = folder_for(identity)
    with cache_faults("; what is prepared so far is kept" if plan.advice else ""):
        final.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(final.name), unfinished_folder(final, kept=bool(plan.advice)) as folder:
            return read_prepared(final) or carried_out(plan, folder, final, identity, originals, progress)


def write_elsewhere(
    plan: Plan, identity: Mapping[str, Any], originals: Mapping[str, Any], progress: Progress, fault: CacheError
) -> Prepared:
    """Carry out a plan for this process alone, because the cache folder has no place for it.

    Raises:
        CacheError: there is no other place either.
        DataError: as `write_prepared`.
    """
    try:
        final = elsewhere() / folder_for(identity).name
        made = read_prepared(final) or carried_out(
            plan, final.with_name(f".{final.name}"), final, identity, originals, progress
        )
    except OSError:
        raise fault from None
    cache_unwritable(fault, "images are prepared anew in every run")
    return made


def carried_out(
    plan: Plan,
    folder: Path,
    final: Path,
    identity: Mapping[str, Any],
    originals: Mapping[str, Any],
    progress: Progress,
) -> Prepared:
    """The set, written into one folder, or what is left of it, and moved to another, its final one."""
    folder.mkdir(exist_ok=True)
    entries = write_streams(plan, folder, progress)
    refused = refused_in(entries)
    splits = write_splits(plan, folder, entries, refused)
    more: dict[str, Any] = {"originals": originals, "copies": plan.copies, "splits": splits}
    write_manifest(folder, plan, identity, {**more, "refused": refused} if plan.advice else more)
    settle(folder)
    replace_folder(folder, final)
    remove_journals(final)
    return read_back(final)


def keep_in_memory(plan: Plan, identity: Mapping[str, Any]) -> Prepared:
    """Carry out a plan that is too quick to be worth a place on disk, and is not divided."""
    splits: dict[Split, ImageSet] = {}
    for split in SPLITS:
        loaded = [piece.load() for piece in plan.pieces[split]]
        images = np.concatenate([rows[:] for rows, _ in loaded])
        labels = np.concatenate([labels for _, labels in loaded])
        for array in (images, labels):
            array.setflags(write=False)
        splits[split] = ImageSet(images, labels, plan.class_names, checksum(images, labels))
    return Prepared(None, splits, plan.copies, {**identity, "rule": plan.rule})


@contextmanager
def unfinished_folder(final: Path, *, kept: bool) -> Iterator[Path]:
    """Where a set is written before it gets its name; what a fault leaves there is kept for another call, or not."""
    folder = final.with_name(f".{final.name}.partial")
    try:
        yield folder
    except BaseException:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def refused_in(entries: Mapping[str, Sequence[Entry]]) -> list[dict[str, str]]:
    """What was left out, each once: an image may be a piece of both splits."""
    lines = [(entry.piece, entry.refused) for stream in entries.values() for entry in stream if entry.refused]
    return [{"name": name, "reason": reason} for name, reason in dict.fromkeys(lines)]


def write_splits(
    plan: Plan, folder: Path, entries: Mapping[str, Sequence[Entry]], refused: Sequence[Mapping[str, str]]
) -> dict[Split, dict[str, Any]]:
    """Finish the arrays of both splits, and say about each what the manifest says."""
    came = {name: np.array([y for entry in of for y in entry.labels], np.int64) for name, of in entries.items()}
    for name, labels in came.items():
        with (folder / f"{name}-images.npy").open("r+b") as file:
            file.write(npy_header((len(labels), *plan.image_shape)))
    placed = placement(plan, came)
    labels_of = {split: came[name] if rows is None else came[name][rows] for split, (name, rows) in placed.items()}
    if plan.advice:
        for split in SPLITS:
            refuse_empty_classes(plan, labels_of[split], split, refused)
    about = {}
    for split, (name, rows) in placed.items():
        source, path, labels = folder / f"{name}-images.npy", folder / f"{split}-images.npy", labels_of[split]
        if rows is not None:
            copy_rows(np.load(source, mmap_mode="r", allow_pickle=False), path, rows)
        elif source != path:
            link(source, path)
        np.save(folder / f"{split}-labels.npy", labels)
        images, _ = read_written(folder, split)
        per_class = np.bincount(labels, minlength=len(plan.class_names)).tolist()
        digest = checksum(images, labels)
        about[split] = {"count": len(images), "per_class": per_class, "bytes": images.nbytes, "sha256": digest}
    return about


def placement(plan: Plan, came: Mapping[str, Labels]) -> dict[Split, tuple[str, Labels | None]]:
    """For each split the stream that holds its images, and which rows of it; None: all."""
    if plan.divide:
        return {split: (POOL, rows) for split, rows in zip(SPLITS, plan.divide(came[POOL]), strict=True)}
    return {split: (split if split in came else "train", None) for split in SPLITS}


def refuse_empty_classes(
    plan: Plan, labels: Labels, split: Split, refused: Sequence[Mapping[str, str]]
) -> None:
    """Every class needs an image in each split.

    Raises:
        DataError: one has none; with the first pieces that were left out.
    """
    empty = np.flatnonzero(np.bincount(labels, minlength=len(plan.class_names)) == 0)
    if len(empty):
        where = "to train on" if split == "train" else "to hold out"
        what = f"class {plan.class_names[empty[0]]} has no image {where}"
        if refused:
            named = "; ".join(f"{piece['name']}: {piece['reason']}" for piece in refused[:NAMED])
            more = f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
            raise DataError(
                f"{what}; left out: {named}{more}; mend or remove these and prepare again, or {plan.advice}"
            )
        raise DataError(f"{what}; {plan.advice}")


def settle(folder: Path) -> None:
    """Have a finished set on disk, before it gets its name; it was hashed as it was written, from disk."""
    for name in FILES:
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
    mark_verified(folder, FILES)
    flush_folder(folder)


def remove_journals(folder: Path) -> None:
    """Remove what only an unfinished set needs, where that can be removed."""
    with suppress(OSError):
        for path in (*folder.glob("*-journal.jsonl"), *folder.glob(f"{POOL}-images.npy")):
            path.unlink(missing_ok=True)
