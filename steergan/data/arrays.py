"""Arrays of images on disk, in .npy files that are never in memory as a whole."""

import io
import math
import os
import shutil
from pathlib import Path

import numpy as np

from steergan.data.images import Labels, Pixels, Split

HELD = 12_600_000
"""Bytes of images that are in memory at once while they are written."""
MOST = 2000
"""Images at once, however small: turning one takes much more memory than its pixels."""


def read_arrays(folder: Path, split: Split) -> tuple[Pixels, Labels]:
    """Images, memory-mapped, and labels of a split; both read-only."""
    images = np.asarray(np.load(folder / f"{split}-images.npy", mmap_mode="r", allow_pickle=False))
    labels = np.load(folder / f"{split}-labels.npy", allow_pickle=False)
    labels.setflags(write=False)
    return images, labels


def npy_header(shape: tuple[int, ...]) -> bytes:
    """What stands before the pixels in an .npy file; as long for any number of images."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def images_at_once(image_shape: tuple[int, ...]) -> int:
    """How many images of a shape (C, H, W) are in memory at once."""
    return min(MOST, max(1, HELD // math.prod(image_shape)))


def copy_rows(images: Pixels, path: Path, rows: Labels) -> None:
    """Write chosen images to an array file."""
    with path.open("wb") as file:
        file.write(npy_header((len(rows), *images.shape[1:])))
        step = images_at_once(images.shape[1:])
        for start in range(0, len(rows), step):
            file.write(np.ascontiguousarray(images[rows[start : start + step]]).data)


def link(source: Path, path: Path) -> None:
    """A second name of a file, or a copy where the file system has no such thing."""
    path.unlink(missing_ok=True)
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
