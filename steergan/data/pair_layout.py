"""Which files of a folder make pairs: side by side in one file, or of one name in two folders."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from steergan.data.collection import Fault, notes_on
from steergan.data.images import Split
from steergan.data.layout import Layout, listed, split_of, taken_apart
from steergan.data.originals import visible_folders
from steergan.data.tree import tree_below
from steergan.errors import DataError, escaped

HALVES = ("left", "right")
INPUTS = {"a", "input", "inputs", "source", "sources", "x", "condition", "conditions", "from"}
"""What folders of inputs are called, in any case."""
OUTPUTS = {"b", "output", "outputs", "target", "targets", "y", "truth", "groundtruth", "to"}
LONELY = ("without a partner", "give each input the output of its name, or remove them")


class Pair(NamedTuple):
    """An input and the output that belongs to it."""

    name: str
    input: Path
    output: Path
    """The input's own file where both lie side by side in one."""
    split: Split | None
    """That its folders say."""
    source: str
    """The sub-folder that it lies in, such as a slide's or a patient's; empty: none."""


@dataclass(frozen=True)
class PairLayout:
    """How a folder of pairs is read.

    Args:
        pairs: in order of their names.
        half: which half of a file is the input, `left` or `right`; None: inputs and outputs have files of their own.
        words: the reading, for people.
        faults: what is in the way.
        notes: what else was found, in words.
    """

    pairs: tuple[Pair, ...]
    half: str | None
    words: str
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


class Side(NamedTuple):
    """A folder of inputs, or of outputs."""

    folder: Path
    split: Split | None
    side: str
    """Its name without that of the split."""


def read_pairs(root: Path, wanted: str = "") -> PairLayout:
    """How a folder of pairs is read.

    Files hold both images side by side, as those of Pix2Pix do; or there are two folders, `A` and `B` or what
    `data.input` says, whose files of one name belong together. Either may lie in folders of splits: `train` and `val`
    beside or inside the two, or `trainA`, `trainB`, `testA`, `testB`. All splits but training are held out.

    Args:
        root: the folder.
        wanted: `data.input`: `left`, `right`, or the name of the folder of inputs; empty: as `Pairs` says.

    Raises:
        DataError: it can be read in two ways, or not as pairs; no image.
    """
    sides = sides_of(root, wanted)
    tree = tree_below(root)
    notes = notes_on(tree, Layout((), (), ""))
    if sides is None:
        if wanted and wanted not in HALVES:
            raise DataError(
                f'{root}: data.input = "{escaped(wanted)}", and not two folders of which one is called so, in it or in '
                "each split"
            )
        half = wanted or HALVES[0]
        pairs = tuple(Pair(named(root, path), path, path, *placed(root, path)) for path in tree.images)
        words = f"both images side by side in a file, the {half} one the input"
        return PairLayout(pairs, half, words, notes=tuple(notes))
    inputs, outputs = ([side for side in sides if is_in == (side.side == sides[0].side)] for is_in in (True, False))
    first, second = (files_of(root, of_side) for of_side in (inputs, outputs))
    pairs = tuple(
        Pair(f"{split or ''}{'/' * bool(split)}{key}", first[split, key], second[split, key], split, source_of(key))
        for split, key in sorted(first.keys() & second.keys(), key=lambda where: (where[0] or "", where[1]))
    )
    lonely = [Fault(*LONELY, named(root, path)) for path in partnerless(first, second)]
    words = (
        f"{listed(side.folder for side in inputs)} the inputs, {listed(side.folder for side in outputs)} the outputs"
    )
    return PairLayout(pairs, None, f"files of one name belong together, {words}", tuple(lonely), tuple(notes))


def sides_of(root: Path, wanted: str) -> list[Side] | None:
    """Folders of inputs and outputs, one of inputs first; None where both images lie in one file.

    Raises:
        DataError: two folders that may be a pair, and nothing says which is the input.
    """
    folders = visible_folders(root)
    names = {folder: taken_apart(folder.name) for folder in folders}
    if folders and all(name.split for name in names.values()) and any(name.rest for name in names.values()):
        found = [Side(folder, name.split, name.rest) for folder, name in names.items()]  # trainA, trainB, ...
    elif folders and all(name.split for name in names.values()):
        found = [Side(two, split_of(folder.name), two.name) for folder in folders for two in visible_folders(folder)]
    else:
        found = [Side(folder, None, folder.name) for folder in folders]
    sides = sorted({side.side for side in found})
    if wanted in HALVES and wanted not in sides:
        return None
    if len(sides) != 2:
        if wanted in sides:
            raise DataError(f"{root}: {listed(sides)} are {len(sides)} folders; two were wanted, inputs and outputs")
        return None
    if len({(side.split, side.side) for side in found}) < 2 * len({side.split for side in found}):
        return None  # one folder a split: sources of files that hold both
    first = which_is_input(sides, wanted)
    if first is None:
        if wanted or not alike(root, [side.folder for side in found]):
            return None
        one, other = (escaped(side) for side in sides)
        raise DataError(f'{root}: which is the input, {one} or {other}? say data.input = "{one}" or "{other}"')
    return sorted(found, key=lambda side: side.side != first)


def which_is_input(sides: Sequence[str], wanted: str) -> str | None:
    """The one of two names that is that of inputs; None: nothing says it."""
    if wanted:
        return wanted if wanted in sides else None
    spoken = [re.sub(r"[\W_]", "", side).casefold() for side in sides]
    for first, second in ((0, 1), (1, 0)):
        if spoken[first] in INPUTS or spoken[second] in OUTPUTS:
            return sides[first]
    return None


def like_pairs(classes: Sequence[str], names: Sequence[set[str]], image_shape: tuple[int, int, int]) -> bool:
    """Whether what was read as classes may be pairs: two folders called so, with the same files; or doubly wide images.

    Args:
        classes: names of class folders.
        names: of each class, its files without ending.
        image_shape: (C, H, W).

    Examples:
        >>> like_pairs(("input", "output"), ({"1", "2"}, {"1", "2"}), (3, 8, 8))
        True
        >>> like_pairs(("cats", "dogs"), ({"1", "2"}, {"1", "2"}), (3, 8, 8))
        False
    """
    if len(classes) == 1:
        return image_shape[2] == 2 * image_shape[1]
    return len(classes) == 2 and which_is_input(classes, "") is not None and names[0] == names[1]


def alike(root: Path, folders: Sequence[Path]) -> bool:
    """Whether folders hold files of the same names, as two sides of pairs would."""
    first, *others = ({relative(folder, path) for path in tree_below(folder).images} for folder in folders)
    return any(first & other for other in others)


def files_of(root: Path, sides: Iterable[Side]) -> dict[tuple[Split | None, str], Path]:
    """The images of some folders, by split and by name without ending.

    Raises:
        DataError: two of one name.
    """
    found: dict[tuple[Split | None, str], Path] = {}
    for side in sides:
        for path in tree_below(side.folder).images:
            split, key = side.split, relative(side.folder, path)
            first, _, rest = key.partition("/")
            if split is None and rest and split_of(first):
                split, key = split_of(first), rest
            if (split, key) in found:
                other = named(root, found[split, key])
                raise DataError(f"{root}: {named(root, path)} and {other} have one name; rename or remove one of them")
            found[split, key] = path
    return found


def partnerless(*sides: Mapping[tuple[Split | None, str], Path]) -> list[Path]:
    """Files whose name only one side has."""
    first, second = sides
    return sorted({**first, **second}[key] for key in first.keys() ^ second.keys())


def placed(root: Path, path: Path) -> tuple[Split | None, str]:
    """Split and source of a file with both images, as its folders say."""
    first, _, rest = relative(root, path).partition("/")
    split = split_of(first) if rest else None
    return split, source_of(rest if split else relative(root, path))


def relative(folder: Path, path: Path) -> str:
    """A file's path in a folder, without its ending."""
    return path.relative_to(folder).with_suffix("").as_posix()


def source_of(key: str) -> str:
    """The sub-folder in a name."""
    return key.rpartition("/")[0]


def named(root: Path, path: Path) -> str:
    """A file's name in messages."""
    return escaped(path.relative_to(root).as_posix())
