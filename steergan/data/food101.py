"""Food-101: photographs in class folders, with the official lists of training and test images."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import Image, ImageOps

from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.originals import Originals, data_folders, folders_below, in_spelling, resolve_path
from steergan.data.picture_files import read_picture
from steergan.data.plan import Piece, Plan
from steergan.data.sources import Published, Source
from steergan.errors import DataError
from steergan.files import parsed_json
from steergan.recipe.data import Food101

SIDE = 64
"""Pixels per side, where `data.size` doesn't say."""
CLASSES = 101
LISTS = (("train.txt", "train.json"), ("test.txt", "test.json"))
"""The official lists of the training and of the held-out images, in two spellings."""
ARCHIVES = ("food-101.tar.gz", "food-101.tgz", "food-101.tar")
LAYOUT = "the folder food-101 with images/CLASS/*.jpg, meta/train.txt and meta/test.txt"
ENTRY = re.compile(r"[\w-]+/[\w-]+")


def find_food101(settings: Food101) -> Originals | None:
    """The official lists and all images on them that are there; None if there is no such folder.

    Raises:
        DataError: an archive that is still packed; a list that can't be read.
    """
    roots = [resolve_path(settings.path)] if settings.path else data_folders()
    if roots[0].is_file():
        raise packed(roots[0])
    folders = [folder for root in roots for folder in folders_below(root)]
    for folder in folders:
        lists = [in_spelling(folder / "meta", names) for names in LISTS]
        if (folder / "images").is_dir() and all(lists):
            files = [path for path in lists if path]
            return Originals("food101", folder, (*files, *images_present(folder, files)))
    archive = next((found for folder in folders if (found := in_spelling(folder, ARCHIVES))), None)
    if archive:
        raise packed(archive)
    return None


def packed(path: Path) -> DataError:
    """What to do with an archive: 101,000 files are read often, and out of order, which archives are not made for."""
    return DataError(f"{path}: is a file; unpack it (tar -xzf {path.name}) and give data.path {LAYOUT}")


def plan_food101(originals: Originals, settings: Food101) -> Plan:
    """RGB images of `data.size` pixels a side: the official split, classes in alphabetical order.

    The largest square in the middle of a photograph is resized, antialiased (Pillow, Lanczos), so that a plate stays
    round: squeezing a whole photograph into a square would stretch all of them along one axis, and no set of such
    images is symmetric under quarter turns. Gray images become RGB. Damaged images, and those that are listed but not
    there, are left out by name.

    Source: Bossard et al. 2014; Dey et al., Table 1 and section 3.2 ("We resize the training set to 64 x 64").
    Differs: the paper says neither whether it crops or squeezes, nor by which filter; and it counts 75,747 training
        images, three fewer than the list.

    Raises:
        DataError: a list that can't be read, or one with other lines than CLASS/IMAGE.
    """
    root, size = originals.root, settings.size or SIDE
    lists = [read_list(path) for path in originals.files[:2]]
    names = tuple(sorted({entry.partition("/")[0] for entries in lists for entry in entries}))
    label_of = {name: label for label, name in enumerate(names)}
    present = set(originals.files[2:])
    pieces: dict[Split, Sequence[Piece]] = {}
    for split, entries in zip(SPLITS, lists, strict=True):
        pieces[split] = [piece_of(root, entry, label_of[entry.partition("/")[0]], size, present) for entry in entries]
    return Plan(
        (3, size, size),
        names,
        pieces,
        f"Food-101, official split; the middle square of every photograph, resized to {size} x {size} (Lanczos)",
        advice="put the missing photographs into the folder images",
    )


def image_path(root: Path, entry: str) -> Path:
    """The photograph that a line of a list means."""
    return root / "images" / f"{entry}.jpg"


def images_present(root: Path, lists: Sequence[Path]) -> list[Path]:
    """Listed photographs that are there, in the order of the lists; each folder is looked into once."""
    entries = [entry for path in lists for entry in read_list(path)]
    there = set()
    for name in {entry.partition("/")[0] for entry in entries}:
        try:
            there |= {f"{name}/{file}" for file in os.listdir(root / "images" / name)}
        except OSError:  # each of its photographs is refused by name
            continue
    return [image_path(root, entry) for entry in entries if f"{entry}.jpg" in there]


def read_list(path: Path) -> list[str]:
    """The entries CLASS/IMAGE of an official list, in order.

    Raises:
        DataError: not readable, empty, an entry of another form, or one that stands there twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        entries = from_json(text) if path.suffix == ".json" else text.split()
    except (OSError, ValueError, AttributeError, TypeError):
        raise DataError(f"{path}: can't be read as a list of images; fetch Food-101's meta folder again") from None
    odd = next((entry for entry in entries if not ENTRY.fullmatch(entry)), None)
    if odd is not None or not entries:
        came = f"holds {odd[:60]!r}" if odd else "is empty"
        raise DataError(f"{path}: {came}; lines such as apple_pie/1005649 were wanted: fetch the meta folder again")
    if len(set(entries)) < len(entries):
        twice = Counter(entries).most_common(1)[0][0]
        raise DataError(f"{path}: {twice} stands there twice; fetch Food-101's meta folder again")
    return entries


def from_json(text: str) -> list[str]:
    """The entries CLASS/IMAGE of a list that is an object of classes, in JSON."""
    return [str(entry) for entries in parsed_json(text).values() for entry in entries]


def piece_of(root: Path, entry: str, label: int, size: int, present: set[Path]) -> Piece:
    """One photograph."""
    path = image_path(root, entry)
    name = path.relative_to(root).as_posix()
    if path not in present:
        return Piece(name, 0, absent)
    return Piece(name, 1, partial(read_square, path, label, size))


def absent() -> NoReturn:
    """What loading a photograph that isn't there does."""
    raise DataError("is listed, but there is no such file")


def read_square(path: Path, label: int, size: int) -> tuple[Pixels, Labels]:
    """The middle square of a photograph, RGB, resized: uint8 (1, 3, size, size) and its class."""
    square = ImageOps.fit(read_picture(path).convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8).transpose(2, 0, 1)[None], np.array([label], dtype=np.int64)


SOURCE = Source(
    find=find_food101,
    plan=plan_food101,
    decided_by=("size",),
    size=SIDE,
    kind=(3, CLASSES),
    published=Published(3, CLASSES, (75_750, 25_250)),
    wanted=LAYOUT,
)
