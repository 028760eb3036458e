"""Two folders of images as two sets of one shape, whatever sub-folders they lie in."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from steergan.data.collection import collect
from steergan.data.images import Labels, Pixels
from steergan.data.layout import Layout, Place
from steergan.data.looks import FITS, Chosen, choose
from steergan.data.plan import LeftOut
from steergan.data.unpacking import resolve_images
from steergan.errors import DataError
from steergan.files import file_sha256
from steergan.progress import Progress, portion, unheard
from steergan.recipe.data import Folder

SHARES = 100
"""Of what is to do in a folder."""


@dataclass(frozen=True, eq=False)
class FolderImages:
    """All images below a folder, as a set of a single class; they are read when they are asked for.

    Args:
        root: the folder.
        chosen: its files, and what is made of them.

    Examples:
        >>> from steergan.data import pair_of_folders
        >>> from steergan.recipe.data import Folder
        >>> pair_of_folders(Folder(path="mine"), Folder(path="theirs"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        steergan.errors.MissingDataError: data.path = 'mine': no such file or folder here or in STEERGAN_DATA; ...
    """

    root: Path
    chosen: Chosen

    dtype = np.dtype(np.uint8)
    ndim = 4
    class_names = ("images",)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""
        return len(self), *self.chosen.image_shape

    @property
    def images(self) -> "FolderImages":
        """The images of the folder themselves."""
        return self

    @property
    def labels(self) -> Labels:
        """All of the one class."""
        return np.zeros(len(self), dtype=np.int64)

    @property
    def checksum(self) -> str:
        """Of the files' content, in their order, and of what is made of it."""
        chosen, digest = self.chosen, hashlib.sha256()
        digest.update(f"{chosen.image_shape} {chosen.fit} {chosen.reading}".encode())
        for member in chosen.members:
            digest.update(bytes.fromhex(file_sha256(member.path)))
        return digest.hexdigest()

    @property
    def notes(self) -> Sequence[str]:
        """What was done to them, in words."""
        return self.chosen.notes

    @property
    def left_out(self) -> Sequence[LeftOut]:
        """Files that are not among them."""
        return self.chosen.left_out

    def __len__(self) -> int:
        return len(self.chosen.members)

    def __getitem__(self, rows: slice | Labels, /) -> Pixels:
        numbers = np.arange(len(self))[rows]
        return np.stack([self.chosen.read(self.chosen.members[k].path) for k in numbers])


def pair_of_folders(first: Folder, second: Folder, progress: Progress = unheard) -> tuple[FolderImages, FolderImages]:
    """Two folders that can be compared: RGB unless all of both is gray, one size, one range of values.

    Without `data.size`, images of the first folder take the size of the second one's where `data.fit` says how.

    Args:
        first: where its images are, and how they are read.
        second: likewise; nothing but the path may differ.
        progress: hears of files, as a share of a hundred for each folder.

    Raises:
        DataError: no such folder; all that is in the way in one of them, in one line; sizes that differ.
    """
    ours = folder_images(first, portion(progress, 0, 2 * SHARES))
    return alike(ours, folder_images(second, portion(progress, SHARES, 2 * SHARES)))


def folder_images(settings: Folder, progress: Progress) -> FolderImages:
    """All images below a folder.

    Args:
        settings: where it is, and how its images are read.
        progress: hears of hundredths.

    Raises:
        DataError: no such folder, no image in it; all that is in the way, in one line.
    """
    root = resolve_images(settings.path)
    if not root.is_dir():
        raise DataError(f"{root}: is a file; two folders of images were wanted")
    name = root.resolve().name
    found = collect(root, Layout((name,), (Place(root, None, name),), "all images below it"))
    if not found.members:
        raise DataError(f"{root}: no images in it; two folders of images were wanted")
    return FolderImages(root, choose(found, settings, lambda done, total: progress(SHARES * done // total, SHARES)))


def alike(first: FolderImages, second: FolderImages) -> tuple[FolderImages, FolderImages]:
    """Both sets in one shape and one range of values.

    Raises:
        DataError: sizes differ, and nobody said how to get to one.
    """
    fit = first.chosen.fit
    (channels, *size), (others, *wanted) = first.chosen.image_shape, second.chosen.image_shape
    if size != wanted and fit == "auto":
        came = f"{first.root}: images of {size[1]} x {size[0]}, {second.root}: of {wanted[1]} x {wanted[0]}"
        raise DataError(f"{came}; {FITS}")
    shape = (max(channels, others), wanted[0], wanted[1])
    readings = [one.chosen.reading for one in (first, second)]
    extents = [reading.extent for reading in readings]
    if all(isinstance(extent, tuple) for extent in extents):  # minmax: of all files
        lows, highs = zip(*extents, strict=True)
        readings = [replace(reading, extent=(min(lows), max(highs))) for reading in readings]
    made = [
        FolderImages(one.root, replace(one.chosen, image_shape=shape, reading=reading))
        for one, reading in zip((first, second), readings, strict=True)
    ]
    return made[0], made[1]
