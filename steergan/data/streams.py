"""Pieces become streams of images in files, each with a journal that says which pieces are whole."""

import json
import math
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from steergan.data.arrays import images_at_once, npy_header
from steergan.data.images import SPLITS, Labels
from steergan.data.plan import Piece, PixelRows, Plan
from steergan.errors import DataError, reason
from steergan.files import parsed_json
from steergan.progress import Progress

BLOCK = 1 << 20
"""Bytes that are read at once while a checksum is computed."""
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


def write_streams(plan: Plan, folder: Path, progress: Progress) -> dict[str, list[Entry]]:
    """Write all pieces that are not yet there."""
    streams = streams_of(plan)
    total = sum(piece.count for pieces in streams.values() for piece in pieces)
    entries, done = {}, 0
    for name, pieces in streams.items():
        entries[name] = whole = whole_entries(folder, name, pieces, plan.image_shape)
        done += sum(piece.count for piece in pieces[: len(whole)])
        with (folder / f"{name}-images.npy").open("ab") as images, journal(folder, name).open("ab") as lines:
            for piece in pieces[len(whole) :]:
                whole.append(write_piece(piece, plan, images, partial(hear_more, progress, done, total)))
                images.flush()  # the pixels first: what the journal says must be there
                lines.write(json.dumps(whole[-1]._asdict()).encode() + b"\n")
                lines.flush()
                done += piece.count
                if len(whole[-1].labels) < piece.count:  # the others won't come
                    progress(done, total)
    return entries


def streams_of(plan: Plan) -> dict[str, Sequence[Piece]]:
    """Sequences of pieces that are written one after the other, by the name of their files."""
    train, held_out = (plan.pieces.get(split, ()) for split in SPLITS)
    if plan.divide:
        return {POOL: train}
    return {"train": train} if train is held_out else {"train": train, "held_out": held_out}


def hear_more(progress: Progress, done: int, total: int, more: int) -> None:
    """Progress inside a piece: `more` images behind the `done` ones of the pieces before it."""
    progress(done + more, total)


def write_piece(piece: Piece, plan: Plan, images: BinaryIO, report: Callable[[int], None]) -> Entry:
    """Append a piece's pixels to a file, or find out why it must be left out.

    Raises:
        DataError: it can't be read or isn't what the plan says, and the plan leaves nothing out.
    """
    try:
        rows, labels = piece.load()
        check_piece(rows, labels, plan)
    except (DataError, OSError) as error:
        if not plan.advice:
            raise error if isinstance(error, DataError) else unreadable(piece, error) from None
        _, _, why = f"{piece.name}: {error}".rpartition(f"{piece.name}: ")
        return Entry(piece.name, [], 0, " ".join(why.split()) or "cannot be read")
    crc = zlib.crc32(labels.astype("<i8").tobytes())
    step = images_at_once(plan.image_shape)
    for start in range(0, len(labels), step):
        try:
            pixels = np.ascontiguousarray(rows[start : start + step]).data
        except OSError as error:
            raise unreadable(piece, error) from None
        images.write(pixels)
        crc = zlib.crc32(pixels, crc)
        report(min(start + step, len(labels)))
    return Entry(piece.name, labels.tolist(), crc, "")


def unreadable(piece: Piece, error: OSError) -> DataError:
    """The user's line about an original, which is no fault of the cache."""
    return DataError(f"{error.filename or piece.name}: cannot be read ({reason(error)}); replace it")


def check_piece(rows: PixelRows, labels: Labels, plan: Plan) -> None:
    """Refuse a piece that is not what the plan says.

    Raises:
        DataError: images of another shape, another number of labels, or labels beyond the classes.
    """
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
        entry = Entry(**parsed_json(line)) if line.endswith(b"\n") else None
        if entry is None or type(entry.crc) is not int or not isinstance(entry.refused, str):
            return None
        labels = np.array(entry.labels, np.int64, ndmin=1)
        return entry._replace(labels=labels.tolist()) if labels.shape == (len(entry.labels),) else None
    except (ValueError, TypeError, OverflowError):
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
