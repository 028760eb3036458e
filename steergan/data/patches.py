"""Patches of large images, such as a user's own slides."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from steergan.data.collection import Collection, Member, collect, refuse_faults
from steergan.data.images import SPLITS, Labels, Split
from steergan.data.layout import Layout, Place
from steergan.data.looks import look
from steergan.data.originals import Originals
from steergan.data.picture_files import Reading
from steergan.data.plan import Piece, Plan
from steergan.data.slides import (
    PATCH,
    Columns,
    Cut,
    channels_of,
    cut_of,
    described,
    left_part,
    right_part,
    slide_piece,
    whole,
)
from steergan.data.sources import Source
from steergan.data.subsets import hold_out, hold_out_exactly
from steergan.data.tree import originals_below
from steergan.data.unpacking import resolve_images
from steergan.errors import DataError
from steergan.recipe.data import Anhir, Patches

ADVICE = "lower data.foreground, add images of it, or choose another data.split or seed"


def find_patches(settings: Patches) -> Originals:
    """All images below `data.path`, in that zip file, or the one image that it names.

    Raises:
        DataError: no path, nothing there, or no image in the folder.
    """
    if not settings.path:
        raise DataError('data.name = "patches" needs data.path (--data, --source): a folder of large images, or one')
    root = resolve_images(settings.path)
    if root.is_file():
        return Originals("patches", root, (root,))
    return Originals("slides", root, originals_below(root))  # prepared sets of older versions took splits for classes


def plan_patches(originals: Originals, settings: Patches) -> Plan:
    """Square patches on a grid from the upper left corner; what remains at the right and below is cut off.

    `data.fit` centres the grid, pads the images to whole patches or scales them. `steergan.data.layout` says what
    classes and splits are; a single image is one class. The patches are RGB unless all images are gray. An image that
    can't be read or is smaller than a patch is left out by name. While it is cut, one image is in memory, decoded
    (Pillow: 4 bytes a pixel).

    Splits: what folders say; or else `group` (and `auto`): whole images, so that no image is on both sides, at least
    one of every class on each. `right`: the right `held_out` part of every image's width; no patch straddles the
    border. `random`: a seeded, exact share of all patches, which must not overlap. `none`: both splits hold all.

    Raises:
        DataError: a layout that can be read in two ways; images beside class folders; a class with a single image and
            `group`; overlapping patches and `random`; `right` or `random` where folders say what is held out.
    """
    root = originals.root
    found = one_image(root) if root.is_file() else collect(root)
    refuse_faults(root, found.faults, len(found.members))
    names, files = found.layout.classes, [member.path for member in found.members]
    labels = np.array([member.label for member in found.members], dtype=np.int64)
    cut = cut_of(settings, channels_of(files))
    if settings.range == "minmax":
        cut = cut._replace(reading=replace(cut.reading, extent=extent_of_all(root, files, cut.reading)))
    base = root.parent if root.is_file() else root

    def pieces(chosen: Sequence[int], part: Columns = whole) -> list[Piece]:
        return [slide_piece(files[i], files[i].relative_to(base).as_posix(), int(labels[i]), cut, part) for i in chosen]

    everything = range(len(files))
    shape = (cut.channels, cut.size, cut.size)
    notes = (found.layout.words, *found.notes)
    make = partial(Plan, shape, names, advice=ADVICE, left_out=found.left_out, notes=notes)
    rule = described(cut)
    if found.layout.split and settings.split != "none":
        if settings.split != "auto":
            came = f"data.split = {settings.split!r}, and folders that say what is held out ({found.layout.words})"
            raise DataError(f"{root}: {came}; leave data.split out, or give a folder without splits")
        by_folder: dict[Split, list[Piece]] = {
            split: pieces([i for i, member in enumerate(found.members) if member.split == split]) for split in SPLITS
        }
        return make(by_folder, f"{rule}; {found.layout.words}")
    if settings.split == "right":
        parts = (partial(left_part, settings.held_out), partial(right_part, settings.held_out))
        by_side = {split: pieces(everything, part) for split, part in zip(SPLITS, parts, strict=True)}
        return make(by_side, f"{rule}; the right {settings.held_out:g} of every image held out")
    if settings.split in ("random", "none"):
        return undivided(make, pieces(everything), cut, rule, settings)
    try:
        members = hold_out(labels, settings.held_out, settings.seed, names)
    except DataError as error:
        hint = 'or hold out parts of images: data.split = "right", or "random" (single patches)'
        raise DataError(f"{root}: {error}, {hint}") from None
    by_image = {split: pieces(chosen.tolist()) for split, chosen in zip(SPLITS, members, strict=True)}
    return make(by_image, f"{rule}; {settings.held_out:g} of the images of every class held out, seed {settings.seed}")


def one_image(path: Path) -> Collection:
    """A single image: one class, named like it."""
    layout = Layout((path.stem,), (Place(path, None, path.stem),), "one image, one class")
    return Collection(path.parent, layout, (Member(path, 0, None),), (), (), ())


def extent_of_all(root: Path, files: Sequence[Path], reading: Reading) -> tuple[float, float]:
    """The least and the largest value of all images that can be read.

    Raises:
        DataError: values of several types, or no image that can be read.
    """
    looks = []
    for file in files:
        with suppress(DataError):  # it will be left out by name
            looks.append(look(file, reading, extremes=True))
    types = sorted({one.dtype for one in looks})
    if len(types) != 1:
        came = f"{root}: images of {' and '.join(types)}" if types else f"{root}: no image that can be read"
        raise DataError(f'{came}; data.range = "minmax" needs one type of values: say "dtype", or [low, high]')
    return min(one.extremes[0] for one in looks), max(one.extremes[1] for one in looks)


def undivided(
    make: Callable[..., Plan], pieces: Sequence[Piece], cut: Cut, rule: str, settings: Anhir | Patches
) -> Plan:
    """A plan whose split doesn't ask where a patch comes from: `random` or `none`.

    Raises:
        DataError: overlapping patches would share pixels across a random split.
    """
    if settings.split == "none":
        return make(dict.fromkeys(SPLITS, pieces), f"{rule}; nothing held out, both splits hold all patches")
    if cut.stride < cut.size:
        came = f'data.split = "random" with data.stride = {cut.stride} < data.size = {cut.size}'
        raise DataError(f"{came}: held-out patches would overlap training ones; raise data.stride, or split otherwise")

    def divide(labels: Labels) -> tuple[Labels, Labels]:
        return hold_out_exactly(len(labels), settings.held_out, settings.seed)

    share = f"{settings.held_out:g} of all patches held out, drawn at random, seed {settings.seed}"
    return make({"train": pieces, "held_out": ()}, f"{rule}; {share}", divide=divide)


SOURCE = Source(
    find=find_patches,
    plan=plan_patches,
    decided_by=("size", "stride", "foreground", "split", "seed", "held_out"),
    decided_where_set=("fit", "range", "background"),
    size=PATCH,
    wanted="a folder of large images, with a sub-folder a class, or one image",
)
