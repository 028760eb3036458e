"""LYSTO: patches of three organs, stained for lymphocytes, in one HDF5 file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from steergan.data.images import SPLITS, Labels, Pixels
from steergan.data.originals import Originals, data_folders, folders_below, resolve_path
from steergan.data.plan import Piece, Plan
from steergan.data.sources import Published, Source
from steergan.data.subsets import hold_out
from steergan.errors import DataError, reason
from steergan.extras import needed_by
from steergan.recipe.data import Lysto

if TYPE_CHECKING:
    import h5py

ORGANS = ("colon", "breast", "prostate")
"""The classes, in the paper's order (C.1.1); in the file a name goes on behind them, as in `colon_1`."""
SIDE = 299
CROP = 256
"""Pixels per side, where `data.size` doesn't say."""
FILE = "training.h5"
ROWS = 200
"""Images of a piece: 54 MB while they are read."""
SHOWN = 5
"""So many rows of an unknown organ are named."""
WANTED = f"LYSTO's {FILE} with x (N, {SIDE}, {SIDE}, 3) uint8 and organ (N,)"
HINT = f"wanted: {WANTED}; fetch the file again, or give data.path the right one"
UNKNOWN = -1
USER = "data.name = 'lysto'"
ADVICE = "add images of it, or choose another data.split or seed"


def find_lysto(settings: Lysto) -> Originals | None:
    """The file that `data.path` names, or the first HDF5 file with LYSTO's keys in a folder; None if there is none.

    A `training.h5` comes first, and is taken without these keys where no other file has them, so that it is named when
    it turns out to be damaged.
    """
    roots = [resolve_path(settings.path)] if settings.path else data_folders()
    if roots[0].is_file():
        return Originals("lysto", roots[0], (roots[0],))
    files = [path for root in roots for folder in folders_below(root) for path in sorted(folder.glob("*.h5"))]
    files.sort(key=lambda path: path.name != FILE)
    official = (path for path in files if path.name == FILE)
    chosen = next((path for path in files if has_keys(path)), next(official, None))
    return None if chosen is None else Originals("lysto", chosen, (chosen,))


def plan_lysto(originals: Originals, settings: Lysto) -> Plan:
    """RGB images of `data.size` pixels a side, at most 299, cut from the middle; the organ is the class.

    Of an odd rest the smaller half is above and on the left: 256 pixels begin at row and column 21 of 299. Cropping
    keeps the pixels as the scanner gave them. Rows whose organ is none of the three are left out, by name.

    Splits: `auto` and `random`: a seeded share of every organ. `none`: both splits hold all images, as the paper
    evaluates against the training set, because the labels of LYSTO's own test set are not public.

    Source: Dey et al., Table 1, C.1.1 and C.2.3.
    Differs: the paper doesn't say how 299 pixels became 256.

    Raises:
        DataError: a truncated file, wrong or missing keys, types or shapes; a size above 299; a single image of an
            organ.
    """
    path, size = originals.root, settings.size or CROP
    if size > SIDE:
        raise DataError(f"data.size = {size}: LYSTO's images have {SIDE} pixels a side; choose at most that")
    labels, unknown = read_organs(path)
    pieces = [
        Piece(f"{path.name}, rows {start} to {start + len(part) - 1}", int((part >= 0).sum()), load)
        for start in range(0, len(labels), ROWS)
        for part in [labels[start : start + ROWS]]
        for load in [partial(read_rows, path, start, part, size)]
    ]
    pieces += [Piece(f"{path.name}, {name}", 0, partial(refuse, reason)) for name, reason in unknown]
    rule = f"the middle {size} x {size} pixels; class by organ"
    make = partial(Plan, (3, size, size), ORGANS, advice=ADVICE)
    if settings.split == "none":
        return make(dict.fromkeys(SPLITS, pieces), f"{rule}; nothing held out, both splits hold all images")
    share = partial(hold_out_of_every_organ, settings)
    share(labels[labels >= 0])  # now, not after gigabytes
    rule = f"{rule}; {settings.held_out:g} of every organ held out, seed {settings.seed}"
    return make({"train": pieces, "held_out": ()}, rule, divide=share)


def hold_out_of_every_organ(settings: Lysto, labels: Labels) -> tuple[Labels, Labels]:
    """Rows of the training and of the held-out images."""
    present, labels = np.unique(labels, return_inverse=True)
    return hold_out(labels, settings.held_out, settings.seed, [ORGANS[k] for k in present])


def refuse(reason: str) -> NoReturn:
    """What loading a piece that is known to be mislabelled does."""
    raise DataError(reason)


def has_keys(path: Path) -> bool:
    """Whether a file is HDF5 and has LYSTO's keys."""
    with needed_by(USER):
        import h5py

    try:
        with h5py.File(path, "r") as file:
            return "x" in file and "organ" in file
    except Exception:  # whatever h5py raises at odd bytes
        return False


@contextmanager
def opened(path: Path) -> Iterator["h5py.File"]:
    """An HDF5 file, for reading."""
    with needed_by(USER):
        import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # whatever h5py raises at odd bytes
        raise DataError(f"{path}: truncated or damaged ({reason(error)}); {HINT}") from None


def read_organs(path: Path) -> tuple[Labels, list[tuple[str, str]]]:
    """Classes (N,), -1 where the organ is unknown, and for each unknown one its rows and what is wrong with them.

    Raises:
        DataError: the file can't be read, or doesn't hold LYSTO's arrays.
    """
    with opened(path) as file:
        names = names_of(path, file)
    organs = [name.partition("_")[0].strip().lower() for name in names]
    labels = np.array([ORGANS.index(organ) if organ in ORGANS else UNKNOWN for organ in organs], dtype=np.int64)
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(labels == UNKNOWN).tolist():
        rows_of.setdefault(names[row], []).append(row)
    return labels, [(rows_in_words(rows), unknown_organ(name)) for name, rows in rows_of.items()]


def unknown_organ(name: str) -> str:
    """What is wrong with a row."""
    return f"organ {name!r}; one of {', '.join(ORGANS)} is wanted"


def rows_in_words(rows: list[int]) -> str:
    """The first of some rows, and how many more there are."""
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows[:SHOWN]))}{more}"


def names_of(path: Path, file: "h5py.File") -> list[str]:
    """The organ of every row, as the file spells it, after a look at shapes and types."""
    import h5py

    keys = listed(file)
    if "x" in file and "organ" not in file:
        raise DataError(f"{path}: has {keys} but no organ (LYSTO's test file has none); {HINT}")
    if "x" not in file:
        raise DataError(f"{path}: holds {keys}; {HINT}")
    for key in ("x", "organ"):
        if not isinstance(file.get(key, getlink=True), h5py.HardLink):
            raise DataError(f"{path}: {key} is a link, which may lead out of the file; {HINT}")
    images, organs = file["x"], file["organ"]
    for key, array in (("x", images), ("organ", organs)):
        if not isinstance(array, h5py.Dataset):
            raise DataError(f"{path}: {key} is a group, not an array; {HINT}")
        if array.external or array.is_virtual:
            raise DataError(f"{path}: {key} lies in other files; {HINT}")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (SIDE, SIDE, 3) or not len(images):
        raise DataError(f"{path}: x is {images.dtype} {images.shape}; {HINT}")
    if organs.shape != images.shape[:1]:
        raise DataError(f"{path}: organ has shape {organs.shape} for {len(images)} images; {HINT}")
    if organs.dtype.kind not in "SO":
        raise DataError(f"{path}: organ is {organs.dtype}, not text; {HINT}")
    values: NDArray[Any] = organs[:]
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]


def listed(file: "h5py.File") -> str:
    """The first keys of a file, in words."""
    keys = sorted(file)
    return ", ".join(keys[:SHOWN]) + f" and {len(keys) - SHOWN} more" * (len(keys) > SHOWN) or "nothing"


def read_rows(path: Path, start: int, labels: Labels, size: int) -> tuple[Pixels, Labels]:
    """Images of consecutive rows, cut from the middle, without those of an unknown organ."""
    corner = (SIDE - size) // 2
    middle = slice(corner, corner + size)
    with opened(path) as file:
        images: NDArray[np.uint8] = file["x"][start : start + len(labels), middle, middle]
    known = labels >= 0
    return images[known].transpose(0, 3, 1, 2), labels[known]


SOURCE = Source(
    find=find_lysto,
    plan=plan_lysto,
    decided_by=("size", "split", "seed", "held_out"),
    size=CROP,
    kind=(3, len(ORGANS)),
    published=Published(3, len(ORGANS), 20_000),
    wanted=WANTED,
)
