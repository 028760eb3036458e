"""A share of a large set: copied once, to disk, so that it needs no more memory than the whole."""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np

from steergan.data.arrays import copy_rows, read_arrays
from steergan.data.images import ImageSet, Labels, checksum
from steergan.data.prepared import cache_faults, temporary_folder
from steergan.data.stamps import is_verified, mark_verified, read_json
from steergan.errors import DataError
from steergan.files import write_json

FILES = ("share.json", "train-images.npy", "train-labels.npy")


def share_on_disk(folder: Path, whole: ImageSet, rows: Labels) -> ImageSet:
    """Some images of a prepared set, memory-mapped, from a folder beside the set's own files.

    Args:
        folder: of the prepared set.
        whole: its training split.
        rows: which images, in order, (n,).

    Raises:
        DataError: the cache folder can't be written, or is full.
    """
    share = folder / f"share-{hashlib.sha256(rows.astype('<i8').tobytes()).hexdigest()[:16]}"
    found = read_share(share, whole.class_names)
    if found is not None:
        return found
    with cache_faults(), temporary_folder(share) as temporary:
        copy_rows(folder / "train-images.npy", temporary / "train-images.npy", rows)
        np.save(temporary / "train-labels.npy", whole.labels[rows])
        write_json(temporary / "share.json", {"sha256": checksum(*read_arrays(temporary, "train"))})
        mark_verified(temporary, FILES)
        shutil.rmtree(share, ignore_errors=True)  # a damaged one
        with suppress(FileExistsError):  # another process was first
            os.rename(temporary, share)
    found = read_share(share, whole.class_names)
    if found is None:
        raise DataError(f"{share}: can't be read back; check the disk, or set STEERGAN_CACHE to another folder")
    return found


def read_share(share: Path, class_names: tuple[str, ...]) -> ImageSet | None:
    """The share in a folder, its pixels checked as those of a prepared set; None if it isn't there or is damaged."""
    about = read_json(share / "share.json")
    try:
        images, labels = read_arrays(share, "train")
        if about is None or not (is_verified(share, FILES) or checksum(images, labels) == about["sha256"]):
            return None
        return ImageSet(images, labels, class_names, about["sha256"])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
