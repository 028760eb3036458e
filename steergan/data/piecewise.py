"""Large sets go to disk piece by piece: damaged pieces are left out, and what was killed goes on where it stopped."""

import io
import json
import math
import os
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from filelock import FileLock

from steergan.data.images import SPLITS, Labels, Piece, PiecewisePlan, PixelRows, Progress, Split, checksum
from steergan.data.prepared import (
    FILES,
    Prepared,
    cache_faults,
    folder_for,
    read_arrays,
    read_back,
    read_prepared,
    replace_folder,
    write_manifest,
)
from steergan.data.stamps import STAMP, mark_verified
from steergan.errors import DataError
from steergan.files import flush_folder

NAMED = 3
"""So many of the pieces that were left out are named in a message."""
ROWS = 64
"""Images that are in memory at once while they are written."""
BLOCK = 1 << 20

POOL = "pool"
"""The stream of all images of a set that is divided when they are all there."""


class Entry(NamedTuple):
    """A line of the journal: what became of a piece."""

    piece: str
    labels: list[int]
    crc: int
    """Of its labels and pixels: after a power cut the journal may be longer than the images."""
    refused: str
    """Why it was left out; empty if it wasn't."""


def write_piecewise(
    plan: PiecewisePlan, identity: Mapping[str, Any], originals: Mapping[str, Any], progress: Progress | None
) -> Prepared:
    """Carry out a plan into the cache folder, or what is left of it.

    Images go into a hidden folder as they come, and a journal beside them says which pieces are whole. Another call
    goes on behind the last whole one. The folder gets its name when all pieces are done. One process writes at a time;
    others wait, and find the set ready.

    Raises:
        DataError: the cache folder can't be written, or is full; a class without an image in a split.
    """
    final = folder_for(identity)
    partial = final.with_name(f".{final.name}.partial")
    with cache_faults("; what is prepared so far is kept"):
        partial.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(final.with_name(f".{final.name}.lock")):
            ready = read_prepared(final)
            if ready is not None:
                return ready
            partial.mkdir(exist_ok=True)
            entries = write_streams(plan, partial, progress)
            refused = refused_in(entries)
            splits = write_splits(plan, partial, entries, refused)
            more = {"originals": originals, "copies": 1, "splits": splits, "refused": refused}
            write_manifest(partial, plan, identity, more)
            settle(partial)
            replace_folder(partial, final)
            remove_journals(final)
    return read_back(final)


def refused_in(entries: Mapping[str, Sequence[Entry]]) -> list[dict[str, str]]:
    """What was left out, each once: an image may be a piece of both splits."""
    lines = [(entry.piece, entry.refused) for stream in entries.values() for entry in stream if entry.refused]
    return [{"name": name, "reason": reason} for name, reason in dict.fromkeys(lines)]


def streams_of(plan: PiecewisePlan) -> dict[str, Sequence[Piece]]:
    """Sequences of pieces that are written one after the other, by the name of their files."""
    train, held_out = (plan.pieces.get(split, ()) for split in SPLITS)
    if plan.divide:
        return {POOL: train}
    return {"train": train} if train is held_out else {"train": train, "held_out": held_out}


def write_streams(plan: PiecewisePlan, folder: Path, progress: Progress | None) -> dict[str, list[Entry]]:
    """Write all pieces that are not yet there."""
    streams = streams_of(plan)
    total = sum(piece.count for pieces in streams.values() for piece in pieces)
    entries, done = {}, 0
    for name, pieces in streams.items():
        entries[name] = whole = whole_entries(folder, name, pieces, plan.image_shape)
        done += sum(piece.count for piece in pieces[: len(whole)])
        with (folder / f"{name}-images.npy").open("ab") as images, journal(folder, name).open("ab") as lines:
            for piece in pieces[len(whole) :]:
                report = None if progress is None else counter(progress, done, total)
                whole.append(write_piece(piece, plan, images, report))
                images.flush()  # the pixels first: what the journal says must be there
                lines.write(json.dumps(whole[-1]._asdict()).encode() + b"\n")
                lines.flush()
                done += piece.count
                if progress:
                    progress(done, total)
    return entries


def counter(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    """Progress inside a piece."""
    return lambda more: progress(done + more, total)


def write_piece(
    piece: Piece, plan: PiecewisePlan, images: BinaryIO, report: Callable[[int], None] | None = None
) -> Entry:
    """Append a piece's pixels to a file, or find out why it must be left out."""
    try:
        rows, labels = piece.load()
        check_piece(rows, labels, plan)
    except (DataError, OSError) as error:
        _, _, reason = f"{piece.name}: {error}".rpartition(f"{piece.name}: ")
        return Entry(piece.name, [], 0, " ".join(reason.split()) or "cannot be read")
    crc = zlib.crc32(labels.astype("<i8").tobytes())
    for start in range(0, len(labels), ROWS):
        pixels = np.ascontiguousarray(rows[start : start + ROWS]).data
        images.write(pixels)
        crc = zlib.crc32(pixels, crc)
        if report:
            report(min(start + ROWS, len(labels)))
    return Entry(piece.name, labels.tolist(), crc, "")


def check_piece(rows: PixelRows, labels: Labels, plan: PiecewisePlan) -> None:
    """Refuse a piece that is not what the plan says."""
    if tuple(rows.shape) != (len(labels), *plan.image_shape):
        raise DataError(f"{len(labels)} images of {rows.shape[1:]} came; {plan.image_shape} was wanted")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(plan.class_names):
        raise DataError(f"labels from {labels.min()} to {labels.max()}; there are {len(plan.class_names)} classes")


def journal(folder: Path, name: str) -> Path:
    """The file with a line for every piece of a stream that is done."""
    return folder / f"{name}-journal.jsonl"


def whole_entries(folder: Path, name: str, pieces: Sequence[Piece], shape: tuple[int, ...]) -> list[Entry]:
    """Pieces of a stream that are whole on disk; what comes behind them is cut off.

    A journal that tells of other pieces, or pixels that differ from what it says, are not gone on from.
    """
    header = npy_header((0, *shape))
    path, whole, end, lines_end = folder / f"{name}-images.npy", list[Entry](), len(header), 0
    with path.open("r+b" if path.exists() else "w+b") as images, journal(folder, name).open("a+b") as lines:
        images.write(header)
        lines.seek(0)
        for piece, line in zip(pieces, lines, strict=False):
            entry = read_entry(line)
            if entry is None or entry.piece != piece.name:
                break
            size = len(entry.labels) * math.prod(shape)
            if not entry.refused and crc_of(images, size, entry.labels) != entry.crc:
                break
            whole.append(entry)
            end += size
            lines_end += len(line)
        images.truncate(end)
        lines.truncate(lines_end)
    return whole


def read_entry(line: bytes) -> Entry | None:
    """A whole line of a journal."""
    try:
        return Entry(**json.loads(line)) if line.endswith(b"\n") else None
    except (ValueError, TypeError):
        return None


def crc_of(file: BinaryIO, size: int, labels: Sequence[int]) -> int | None:
    """Checksum of labels and of the next bytes of a file; None if there are fewer."""
    crc = zlib.crc32(np.array(labels, "<i8").tobytes())
    while size:
        block = file.read(min(BLOCK, size))
        if not block:
            return None
        crc = zlib.crc32(block, crc)
        size -= len(block)
    return crc


def write_splits(
    plan: PiecewisePlan, folder: Path, entries: Mapping[str, Sequence[Entry]], refused: Sequence[Mapping[str, str]]
) -> dict[Split, dict[str, Any]]:
    """Finish the arrays of both splits, and say about each what the manifest says."""
    came = {name: np.array([y for entry in of for y in entry.labels], np.int64) for name, of in entries.items()}
    for name, labels in came.items():
        with (folder / f"{name}-images.npy").open("r+b") as file:
            file.write(npy_header((len(labels), *plan.image_shape)))
    placed = placement(plan, came)
    labels_of = {split: came[name] if rows is None else came[name][rows] for split, (name, rows) in placed.items()}
    for split in SPLITS:
        refuse_empty_classes(plan, labels_of[split], split, refused)
    about = {}
    for split, (name, rows) in placed.items():
        source, path, labels = folder / f"{name}-images.npy", folder / f"{split}-images.npy", labels_of[split]
        if rows is not None:
            copy_rows(source, path, rows)
        elif source != path:
            link(source, path)
        np.save(folder / f"{split}-labels.npy", labels)
        images, _ = read_arrays(folder, split)
        per_class = np.bincount(labels, minlength=len(plan.class_names)).tolist()
        digest = checksum(images, labels)
        about[split] = {"count": len(images), "per_class": per_class, "bytes": images.nbytes, "sha256": digest}
    return about


def placement(plan: PiecewisePlan, came: Mapping[str, Labels]) -> dict[Split, tuple[str, Labels | None]]:
    """For each split the stream that holds its images, and which rows of it; None: all."""
    if plan.divide:
        return {split: (POOL, rows) for split, rows in zip(SPLITS, plan.divide(came[POOL]), strict=True)}
    return {split: (split if split in came else "train", None) for split in SPLITS}


def refuse_empty_classes(
    plan: PiecewisePlan, labels: Labels, split: Split, refused: Sequence[Mapping[str, str]]
) -> None:
    """Every class needs an image in each split."""
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


def copy_rows(source: Path, path: Path, rows: Labels) -> None:
    """Write chosen images of one array file to another."""
    images = np.load(source, mmap_mode="r", allow_pickle=False)
    with path.open("wb") as file:
        file.write(npy_header((len(rows), *images.shape[1:])))
        for start in range(0, len(rows), ROWS):
            file.write(np.ascontiguousarray(images[rows[start : start + ROWS]]).data)


def link(source: Path, path: Path) -> None:
    """A second name of a file, or a copy where the file system has no such thing."""
    path.unlink(missing_ok=True)
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)


def npy_header(shape: tuple[int, ...]) -> bytes:
    """What stands before the pixels in an .npy file; as long for any number of images."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def settle(folder: Path) -> None:
    """Have a finished set on disk, before it gets its name; it was hashed as it was written, from disk."""
    for name in FILES:
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
    mark_verified(folder, FILES)
    flush_folder(folder)


def remove_journals(folder: Path) -> None:
    """Remove what only an unfinished set needs."""
    for path in folder.iterdir():
        if path.name not in (*FILES, STAMP):
            path.unlink()
