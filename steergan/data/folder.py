"""A user's own images: a folder, with a sub-folder for each class or a table of labels, or a zip file of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steergan.data.collection import collect
from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.looks import choose
from steergan.data.originals import Originals
from steergan.data.pair_layout import like_pairs
from steergan.data.picture_files import PLAIN, Reading, as_pixels, read_picture
from steergan.data.plan import Piece, Plan, whole_piece
from steergan.data.sources import Source
from steergan.data.subsets import hold_out
from steergan.data.tree import originals_below
from steergan.data.unpacking import resolve_images
from steergan.errors import DataError
from steergan.progress import Progress, unheard
from steergan.recipe.data import Folder

MAY_BE_PAIRS = 'these may be pairs, an image and what is to become of it: data.name = "pairs" trains a translator'


def find_folder(settings: Folder) -> Originals:
    """All images below `data.path`, or in that zip file, in sorted order, and the table of their labels.

    Hidden files and other kinds of file are not looked at.

    Raises:
        DataError: no path, no such folder, no image in it, or a damaged zip file.
    """
    if not settings.path:
        came = 'data.name = "folder" needs data.path (--data, --source)'
        raise DataError(f"{came}: a folder, with a sub-folder a class or a dataset.json, or a zip file of one")
    root = resolve_images(settings.path)
    if not root.is_dir():
        raise DataError(f'{root}: is a file; data.name = "folder" needs a folder of images, or a zip file of one')
    return Originals("folder", root, originals_below(root))


def plan_folder(originals: Originals, settings: Folder, progress: Progress = unheard) -> Plan:
    """Images of one size, gray if all are, else RGB; `steergan.data.layout` says what classes and splits are.

    `data.size`, `data.fit` and `data.range` make alike what is not. Without splits `data.held_out` of every class is
    held out.

    Raises:
        DataError: a layout that can be read in two ways; whatever is in the way of the images, in one line; a class
            that has no image in one of the splits.
    """
    found = collect(originals.root)
    chosen = choose(found, settings, progress)
    classes = found.layout.classes
    labels = np.array([member.label for member in chosen.members], dtype=np.int64)
    if found.layout.split:
        by_split = [np.flatnonzero([m.split == split for m in chosen.members]) for split in SPLITS]
        refuse_empty(originals.root, classes, labels, by_split)
        rule = f"images in class folders, {found.layout.words}"
    else:
        train, held_out = hold_out(labels, settings.held_out, settings.seed, classes)
        by_split = [train, held_out]
        kind = f"images labelled by {found.layout.table}" if found.layout.table else "images in class folders"
        rule = f"{kind}, {settings.held_out:g} of every class held out, seed {settings.seed}"
    pieces: dict[Split, Sequence[Piece]] = {}
    for split, rows in zip(SPLITS, by_split, strict=True):
        files = ImageFiles([chosen.members[i].path for i in rows], chosen.image_shape, chosen.read)
        pieces[split] = [whole_piece(split, files, labels[rows])]
    names = [{m.path.stem for m in chosen.members if m.label == k} for k in range(len(classes))]
    notes = [found.layout.words, *chosen.notes]
    notes += [MAY_BE_PAIRS] if like_pairs(classes, names, chosen.image_shape) else []
    return Plan(
        chosen.image_shape, classes, pieces, rule, left_out=chosen.left_out, notes=notes, example=chosen.example
    )


def refuse_empty(root: Path, classes: Sequence[str], labels: Labels, by_split: Sequence[Labels]) -> None:
    """Every class needs an image in each split.

    Raises:
        DataError: one has none.
    """
    for split, rows in zip(SPLITS, by_split, strict=True):
        empty = np.flatnonzero(np.bincount(labels[rows], minlength=len(classes)) == 0)
        if len(empty):
            where = "to train on" if split == "train" else "to hold out"
            raise DataError(f"{root}: class {classes[empty[0]]} has no image {where}; add some, or remove the class")


@dataclass(frozen=True)
class ImageFiles:
    """Images that are read from their files when they are asked for.

    Args:
        files: one an image.
        image_shape: (C, H, W).
        read: makes such an image of a file.
    """

    files: Sequence[Path]
    image_shape: tuple[int, int, int]
    read: Callable[[Path], Pixels]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""
        return len(self.files), *self.image_shape

    def __getitem__(self, rows: slice, /) -> Pixels:
        return np.stack([self.read(path) for path in self.files[rows]])


def read_image(path: Path, reading: Reading = PLAIN) -> Pixels:
    """An image file as uint8 (C, H, W), upright as its EXIF note says; palettes, CMYK and the like become RGB.

    Raises:
        DataError: as `steergan.data.picture_files.read_picture`.
    """
    return as_pixels(read_picture(path, reading))


SOURCE = Source(
    find=find_folder,
    plan=plan_folder,
    decided_where_set=("size", "fit", "range", "background", "skip_damaged"),
    reads_all=True,
    version=2,
    wanted="a folder of images, with a sub-folder a class or a dataset.json, or a zip file of one",
)
