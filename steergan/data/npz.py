"""A user's own images: one .npz file with the arrays `images` and `labels`."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steergan.data.images import SPLITS, Labels, Pixels
from steergan.data.originals import Originals, resolve_path
from steergan.data.plan import ChosenRows, Plan, whole_piece
from steergan.data.sources import Source
from steergan.data.subsets import hold_out
from steergan.errors import DataError
from steergan.recipe.data import Npz


def find_npz(settings: Npz) -> Originals:
    """The file that `data.path` names.

    Raises:
        DataError: no path, or no such file.
    """
    if not settings.path:
        raise DataError('data.name = "npz" needs data.path (--data, --source): a .npz file with images and labels')
    path = resolve_path(settings.path)
    if not path.is_file():
        raise DataError(f'{path}: is a folder; data.name = "npz" needs a .npz file with the arrays images and labels')
    return Originals("npz", path, (path,))


def plan_npz(originals: Originals, settings: Npz) -> Plan:
    """Images of any size and channel count; `data.held_out` of every class is held out.

    Raises:
        DataError: see `read_npz`; or a class with one image.
    """
    images, labels = read_npz(originals.root)
    names = tuple(str(label) for label in range(int(labels.max()) + 1))
    parts = hold_out(labels, settings.held_out, settings.seed, names)
    pieces = {
        split: [whole_piece(split, ChosenRows(images, chosen), labels[chosen])]
        for split, chosen in zip(SPLITS, parts, strict=True)
    }
    rule = f"arrays of a .npz file, {settings.held_out:g} of every class held out, seed {settings.seed}"
    channels, height, width = images.shape[1:]
    return Plan((channels, height, width), names, pieces, rule)


def read_npz(path: Path) -> tuple[Pixels, Labels]:
    """`images` as uint8 (N, C, H, W) and `labels` as int64 (N,); without labels all images are of one class, 0.

    Raises:
        DataError: damaged, pickled objects, no `images`, another dtype or shape; labels that are not 0 to K - 1, or not
            one an image.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in ("images", "labels") if name in arrays}
            present = ", ".join(arrays.files)
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error):
        hint = "write it with numpy.savez(path, images=..., labels=...)"
        raise DataError(f"{path}: not a whole .npz file of plain arrays; {hint}") from None
    if "images" not in found:
        raise DataError(f"{path}: no array named images (but {present or 'none'}); uint8 (N, H, W, C) is wanted")
    images = channels_first(path, found["images"])
    return images, checked_labels(path, found.get("labels"), len(images))


def channels_first(path: Path, images: NDArray[Any]) -> Pixels:
    """The images as (N, C, H, W), a view."""
    if images.dtype != np.uint8:
        hint = "; if they run from 0 to 1, save (255 * images).round().astype(numpy.uint8)"
        raise DataError(f"{path}: images are {images.dtype}; uint8 from 0 to 255 is wanted{hint}")
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(f"{path}: images are {images.shape}; (N, H, W), (N, H, W, C) or (N, C, H, W) is wanted")
    if images.ndim == 3:
        return images[:, None]
    _, second, _, last = images.shape
    if second == last:
        raise DataError(f"{path}: {images.shape}: are channels first or last? leave a single channel's axis out")
    return images if second < last else images.transpose(0, 3, 1, 2)


def checked_labels(path: Path, labels: NDArray[Any] | None, count: int) -> Labels:
    """The labels as int64, every class from 0 up present."""
    if labels is None:
        return np.zeros(count, dtype=np.int64)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise DataError(f"{path}: labels are {labels.dtype} {labels.shape}; {count} whole numbers are wanted")
    present = np.unique(labels)
    if not np.array_equal(present, np.arange(len(present))):
        came = f"{len(present)} different labels from {present[0]} to {present[-1]}"
        raise DataError(f"{path}: {came}; 0 to K - 1 without a gap is wanted")
    return labels.astype(np.int64)


SOURCE = Source(find=find_npz, plan=plan_npz, wanted="a .npz file with the arrays images and labels")
