"""A user's own images: one .npz file with the arrays `images` and `labels`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from steergan.data.decoded import ends_of, stretched
from steergan.data.fitting import fitted
from steergan.data.images import ROWS, SPLITS, Labels, Pixels
from steergan.data.originals import Originals, resolve_path
from steergan.data.picture_files import BACKGROUNDS
from steergan.data.plan import ChosenRows, PixelRows, Plan, whole_piece
from steergan.data.sources import Source
from steergan.data.subsets import hold_out
from steergan.errors import DataError, reason
from steergan.recipe.data import Extent, Npz


def find_npz(settings: Npz) -> Originals:
    """The file that `data.path` names.

    Raises:
        DataError: no path, or no such file.
    """
    if not settings.path:
        raise DataError('data.name = "npz" needs data.path (--data, --source): a .npz file with images and labels')
    path = resolve_path(settings.path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no plain file"
        raise DataError(f'{path}: {what}; data.name = "npz" needs a .npz file with the arrays images and labels')
    return Originals("npz", path, (path,))


def plan_npz(originals: Originals, settings: Npz) -> Plan:
    """Images of any size and channel count; `data.held_out` of every class is held out.

    `data.size` and `data.fit` bring them to squares, each channel by itself; `data.range` makes bytes of other values.

    Raises:
        DataError: see `read_npz`; a class with one image; rectangles, a size and no fit.
    """
    arrays, labels = read_npz(originals.root)
    images = in_bytes(originals.root, arrays, settings.range)
    names = tuple(str(label) for label in range(int(labels.max()) + 1))
    parts = hold_out(labels, settings.held_out, settings.seed, names)
    pieces = {
        split: [whole_piece(split, fitted_rows(originals.root, ChosenRows(images, chosen), settings), labels[chosen])]
        for split, chosen in zip(SPLITS, parts, strict=True)
    }
    rule = f"arrays of a .npz file, {settings.held_out:g} of every class held out, seed {settings.seed}"
    channels, height, width = images.shape[1:]
    side = settings.size
    return Plan((channels, side or height, side or width), names, pieces, rule)


def in_bytes(path: Path, images: NDArray[Any], extent: Extent) -> Pixels:
    """The images as uint8, with an extent of values stretched to 0 ... 255.

    Raises:
        DataError: other values than bytes, and nothing said about them; or values that are no finite numbers.
    """
    if extent == "auto" or (extent == "dtype" and images.dtype == np.uint8):
        if images.dtype != np.uint8:
            came = f"images are {images.dtype}, {images.min():g} to {images.max():g}; uint8 from 0 to 255 is wanted"
            ways = 'data.range = "dtype" (all that they could be; floats 0 to 1), "minmax" or [low, high]'
            raise DataError(f"{path}: {came}, or say which values become black and white: {ways}")
        return images
    low, high = ends_of(images.dtype) if extent == "dtype" else extent_of(images) if extent == "minmax" else extent
    if not np.isfinite(low + high) or (images.dtype.kind == "f" and not np.isfinite(images).all()):
        raise DataError(f"{path}: images hold values that are no finite numbers; mend them")
    return np.concatenate([stretched(images[k : k + ROWS], low, high) for k in range(0, len(images), ROWS)])


def extent_of(images: NDArray[Any]) -> tuple[float, float]:
    """Least and largest value."""
    return float(images.min()), float(images.max())


def fitted_rows(path: Path, rows: ChosenRows, settings: Npz) -> PixelRows:
    """Images of the wanted size.

    Raises:
        DataError: rectangles, and nothing said about how they become squares.
    """
    _, _, height, width = rows.shape
    if not settings.size or (height, width) == (settings.size, settings.size):
        return rows
    if height != width and settings.fit == "auto":
        came = f"images of {width} x {height} pixels, and data.size = {settings.size}"
        raise DataError(f'{path}: {came}; say how they become squares: data.fit = "crop", "resize" or "pad"')
    return FittedRows(rows, settings.size, settings.fit, BACKGROUNDS[settings.background])


@dataclass(frozen=True, eq=False)
class FittedRows:
    """Images that are brought to a size when they are sliced."""

    rows: ChosenRows
    side: int
    fit: str
    background: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""
        return *self.rows.shape[:2], self.side, self.side

    def __getitem__(self, chosen: slice, /) -> Pixels:
        return np.stack([[self.fitted(channel) for channel in image] for image in self.rows[chosen]])

    def fitted(self, channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """One channel, (H, W)."""
        picture = Image.fromarray(np.ascontiguousarray(channel))
        return np.asarray(fitted(picture, (self.side, self.side), self.fit, self.background), dtype=np.uint8)


def read_npz(path: Path) -> tuple[NDArray[Any], Labels]:
    """`images` as (N, C, H, W) and `labels` as int64 (N,); without labels all images are of one class, 0.

    Raises:
        DataError: damaged, pickled objects, no `images`, other values than numbers, another shape; labels that are not
            0 to K - 1, or not one an image.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            refuse_too_large(path, sum(member.file_size for member in arrays.zip.infolist()))
            found = {name: arrays[name] for name in ("images", "labels") if name in arrays}
            present = ", ".join(arrays.files)
        if not all(isinstance(array, np.ndarray) for array in found.values()):  # whatever is no .npy file is bytes
            raise ValueError("no arrays in it")
    except DataError:
        raise
    except Exception as error:  # whatever numpy and zipfile raise at odd bytes
        hint = "write it with numpy.savez(path, images=..., labels=...)"
        raise DataError(f"{path}: not a whole .npz file of plain arrays ({reason(error)}); {hint}") from None
    if "images" not in found:
        raise DataError(f"{path}: no array named images (but {present or 'none'}); uint8 (N, H, W, C) is wanted")
    images = channels_first(path, found["images"])
    return images, checked_labels(path, found.get("labels"), len(images))


def refuse_too_large(path: Path, size: int) -> None:
    """Refuse arrays that don't fit into this machine's memory, however small the file is that they are packed into.

    Raises:
        DataError: so they are.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else size
    if size > memory:
        came = f"{path}: arrays of {size / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.1f} GB of memory"
        raise DataError(f'{came}; save the images as files, for data.name = "folder"')


def channels_first(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    """The images as (N, C, H, W), a view."""
    if images.dtype.kind not in "uif":
        raise DataError(f"{path}: images are {images.dtype}; uint8 from 0 to 255 is wanted, or other real numbers")
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


SOURCE = Source(
    find=find_npz,
    plan=plan_npz,
    decided_where_set=("size", "fit", "range", "background"),
    wanted="a .npz file with the arrays images and labels",
)
