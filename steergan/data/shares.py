"""A share of a large set: copied once, to disk, so that it needs no more memory than the whole."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from steergan.data.arrays import copy_rows, read_arrays
from steergan.data.images import ImageSet, Labels, checksum
from steergan.data.prepared import CacheError, cache_faults, elsewhere, one_at_a_time, read_written, temporary_folder
from steergan.data.stamps import is_verified, mark_verified, read_json
from steergan.files import cache_unwritable

FILES = ("share.json", "train-images.npy", "train-labels.npy")


def share_on_disk(folder: Path, whole: ImageSet, rows: Labels) -> ImageSet:
    """Some images of a prepared set, memory-mapped, from a folder beside the set's own files.

    Args:
        folder: of the prepared set.
        whole: its training split.
        rows: which images, in order, (n,).

    Raises:
        CacheError: neither the cache folder nor the system's folder for temporary files has room.
    """
    name = f"share-{hashlib.sha256(rows.astype('<i8').tobytes()).hexdigest()[:16]}"
    try:
        with cache_faults():
            if found := read_share(folder / name, whole.class_names):
                return found
            with one_at_a_time(f"{folder.name}-{name}"):
                return read_share(folder / name, whole.class_names) or written(folder / name, whole, rows)
    except CacheError as fault:
        try:
            share = elsewhere() / f"{folder.name}-{name}"
            found = read_share(share, whole.class_names) or written(share, whole, rows)
        except OSError:
            raise fault from None
        cache_unwritable(fault, "shares of images are copied in every run")
        return found


def written(share: Path, whole: ImageSet, rows: Labels) -> ImageSet:
    """Some images of a prepared set, copied to a folder of their own; nobody else writes that meanwhile."""
    with temporary_folder(share) as temporary:
        copy_rows(whole.images, temporary / "train-images.npy", rows)
        np.save(temporary / "train-labels.npy", whole.labels[rows])
        about = {"sha256": checksum(*read_written(temporary, "train"))}
        (temporary / "share.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        mark_verified(temporary, FILES)
        shutil.rmtree(share, ignore_errors=True)  # a damaged one
        os.rename(temporary, share)
    found = read_share(share, whole.class_names)
    if found is None:
        raise CacheError(f"{share}: can't be read back; check the disk, or set STEERGAN_CACHE to another folder")
    return found


def read_share(share: Path, class_names: tuple[str, ...]) -> ImageSet | None:
    """The share in a folder, its pixels checked as those of a prepared set; None if it isn't there or is damaged."""
    about = read_json(share / "share.json")
    try:
        images, labels = read_arrays(share, "train")
        if about is None or not (is_verified(share, FILES) or checksum(images, labels) == about["sha256"]):
            return None
        return ImageSet(images, labels, class_names, about["sha256"])
    except Exception:  # whatever numpy raises at odd bytes: it is made anew
        return None
