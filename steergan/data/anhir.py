"""ANHIR's lung lesions: neighbouring sections of a few lesions, each in another stain, at several scales."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np

from steergan.data.images import SPLITS, Labels
from steergan.data.originals import Originals, data_folders, folders_below, resolve_path, visible_folders
from steergan.data.patches import ADVICE, undivided
from steergan.data.plan import Piece, Plan
from steergan.data.slides import PATCH, Cut, cut_of, described, slide_piece
from steergan.data.sources import Published, Source
from steergan.data.subsets import hold_out
from steergan.data.tree import images_below
from steergan.errors import DataError
from steergan.recipe.data import Anhir

STAINS = ("Cc10", "CD31", "He", "Ki67", "proSPC")
"""The classes, in order; file names may go on behind them, as in `Cc10-5` and `Ki67-7`."""
LESION = re.compile(r"lung-lesion[_-]?\d+", re.IGNORECASE)
LAYOUT = "ANHIR's folders lung-lesion_1/scale-*/, lung-lesion_2/scale-*/, ... with images named by stain"


def find_anhir(settings: Anhir) -> Originals | None:
    """The images of all folders `lung-lesion_N` in the first place that has any: all scales; None if there are none."""
    for root in [resolve_path(settings.path)] if settings.path else data_folders():
        for folder in folders_below(root):
            lesions = [inside for inside in visible_folders(folder) if LESION.fullmatch(inside.name)]
            files = tuple(file for lesion in lesions for file in images_below(lesion))
            if files:
                return Originals("anhir", folder, files)
    return None


def plan_anhir(originals: Originals, settings: Anhir) -> Plan:
    """RGB patches without overlap, of all scales; the stain is the class.

    Cropped to multiples of the patch size from the upper left corner. A patch with less than `data.foreground` of
    foreground is left out (`find_foreground`), and so are, by name, slides without a known stain in their name, damaged
    ones and those smaller than a patch.

    Splits: `group` (and `auto`): whole lesions with all scales, because sections of a lesion show the same tissue.
    `random`: an exact, seeded share of the patches, as in the paper. `none`: both splits hold all patches.

    Source: Dey et al., C.1.2 and Table 1 (28,407 and 9,469 patches of 128 x 128: held_out = 0.25).
    Differs: the paper doesn't say how its split was drawn; the counts are three quarters of the patches.

    Raises:
        DataError: a stain that no slide has; a single lesion and `group`.
    """
    found = {stain for file in originals.files for stain in stains_in(file.stem)}
    lacking = [stain for k, stain in enumerate(STAINS) if k not in found]
    if lacking:
        raise DataError(
            f"{originals.root}: no slide has {' or '.join(lacking)} in its name; at least one of each of "
            f"{', '.join(STAINS)} is wanted; check the names, or use data.name = 'patches' for other stains"
        )
    cut = cut_of(settings, channels=3)
    rule = f"{described(cut)}, of all scales; class by stain"
    make = partial(Plan, (cut.channels, cut.size, cut.size), STAINS, advice=ADVICE)
    if settings.split in ("random", "none"):
        return undivided(make, pieces_of(originals.files, originals.root, cut), cut, rule, settings)
    lesions = [file.relative_to(originals.root).parts[0] for file in originals.files]
    names, lesion_of_file = np.unique(lesions, return_inverse=True)
    if len(names) < 2:
        hint = 'add another one, or hold out single patches: data.split = "random"'
        raise DataError(f"{originals.root}: one lesion, {names[0]}; two are needed to hold one out; {hint}")
    parts = hold_out(np.zeros(len(names), np.int64), settings.held_out, settings.seed, ("lesion",))
    by_lesion = {
        split: pieces_of([originals.files[i] for i in files_of(lesion_of_file, part)], originals.root, cut)
        for split, part in zip(SPLITS, parts, strict=True)
    }
    return make(by_lesion, f"{rule}; held out by lesion: {', '.join(names[parts[1]])}; seed {settings.seed}")


def files_of(lesion_of_file: Labels, lesions: Labels) -> list[int]:
    """Places of the files of some lesions."""
    chosen: list[int] = np.flatnonzero(np.isin(lesion_of_file, lesions)).tolist()
    return chosen


def pieces_of(files: Sequence[Path], root: Path, cut: Cut) -> list[Piece]:
    """A piece for every slide."""
    return [piece_of(file, file.relative_to(root).as_posix(), cut) for file in files]


def piece_of(file: Path, name: str, cut: Cut) -> Piece:
    """The patches of a slide; refused when they are asked for, if its name doesn't tell the stain."""
    stains = stains_in(file.stem)
    if len(stains) == 1:
        return slide_piece(file, name, stains[0], cut)

    def refuse() -> NoReturn:
        came = f"more than one stain ({', '.join(STAINS[k] for k in stains)})" if stains else "no known stain"
        raise DataError(f"{came} in its name; one of {', '.join(STAINS)} is wanted")

    return Piece(name, 0, refuse)


def stains_in(stem: str) -> list[int]:
    """Classes whose stain begins a word of a file name, in any case; `he` must be the whole word."""
    words = re.split(r"[^a-z0-9]+", stem.lower().replace("h&e", "he"))
    return [k for k, stain in enumerate(map(str.lower, STAINS)) if any(is_stain(word, stain) for word in words)]


def is_stain(word: str, stain: str) -> bool:
    """Whether a word is a stain's name; short names begin many words."""
    return word == stain or (len(stain) > 2 and word.startswith(stain))


SOURCE = Source(
    find=find_anhir,
    plan=plan_anhir,
    decided_by=("size", "foreground", "split", "seed", "held_out"),
    size=PATCH,
    kind=(3, len(STAINS)),
    published=Published(3, len(STAINS), 37_876),
    wanted=LAYOUT,
)
