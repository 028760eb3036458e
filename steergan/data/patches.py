"""Patches of large images, such as a user's own slides."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from steergan.data.folder import ENDINGS, images_below, labelled_files
from steergan.data.images import SPLITS, Labels
from steergan.data.originals import Originals, resolve_path
from steergan.data.plan import Piece, Plan
from steergan.data.slides import (
    PATCH,
    Columns,
    Cut,
    cut_of,
    described,
    is_gray,
    left_part,
    right_part,
    slide_piece,
    whole,
)
from steergan.data.sources import Source
from steergan.data.subsets import hold_out, hold_out_exactly
from steergan.errors import DataError
from steergan.recipe.data import Anhir, Patches

ADVICE = "lower data.foreground, add images of it, or choose another data.split or seed"


def find_patches(settings: Patches) -> Originals:
    """All images below `data.path`, or the one image that it names.

    Raises:
        DataError: no path, nothing there, or no image in the folder.
    """
    if not settings.path:
        raise DataError('data.name = "patches" needs data.path (--data, --source): a folder of large images, or one')
    root = resolve_path(settings.path)
    files = (root,) if root.is_file() else tuple(images_below(root))
    if not files:
        raise DataError(f"{root}: no images in it; {', '.join(sorted(ENDINGS))} files were wanted")
    return Originals("patches", root, files)


def plan_patches(originals: Originals, settings: Patches) -> Plan:
    """Square patches on a grid from the upper left corner; what remains at the right and below is cut off.

    Classes are the sub-folders, in sorted order; a folder without any, or a single image, is one class. The patches
    are RGB unless all images are gray. An image that can't be read or is smaller than a patch is left out by name.
    While it is cut, one image is in memory, decoded (Pillow: 4 bytes a pixel).

    Splits: `group` (and `auto`): whole images, so that no image is on both sides, at least one of every class on each.
    `right`: the right `held_out` part of every image's width; no patch straddles the border. `random`: a seeded, exact
    share of all patches, which must not overlap. `none`: both splits hold all patches.

    Raises:
        DataError: see `labelled_files`; a class with a single image and `group`; overlapping patches and `random`.
    """
    root = originals.root
    names, files, labels = one_image(root) if root.is_file() else labelled_files(root)
    cut = cut_of(settings, 1 if all(is_gray(file) for file in files) else 3)
    base = root.parent if root.is_file() else root

    def pieces(chosen: Sequence[int], part: Columns = whole) -> list[Piece]:
        return [slide_piece(files[i], files[i].relative_to(base).as_posix(), int(labels[i]), cut, part) for i in chosen]

    everything = range(len(files))
    shape = (cut.channels, cut.size, cut.size)
    make = partial(Plan, shape, names, advice=ADVICE)
    rule = described(cut)
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


def one_image(path: Path) -> tuple[tuple[str, ...], list[Path], Labels]:
    """Class names, files and classes, as of `labelled_files`, of a single image: one class, named like it."""
    return (path.stem,), [path], np.zeros(1, np.int64)


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
    size=PATCH,
    wanted="a folder of large images, with a sub-folder a class, or one image",
)
