"""Which folders are classes and which are splits; what can be read in two ways is refused."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from steergan.data.images import SPLITS, Split
from steergan.data.label_table import TABLE, read_labels
from steergan.data.originals import visible_folders
from steergan.data.picture_files import ENDINGS
from steergan.errors import DataError, escaped

WORDS: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training"), SPLITS[0]),
    **dict.fromkeys(
        ("test", "testing", "val", "valid", "validation", "heldout", "holdout", "dev", "eval", "evaluation"), SPLITS[1]
    ),
}
"""What folders of a split are called, in any case."""
FILLERS = {"set", "images", "image", "imgs", "img", "data", "dataset", "split"}
"""Words beside them that name nothing."""
RENAME = "rename or move folders until only one reading is left"


class Name(NamedTuple):
    """A folder's name, taken apart."""

    split: Split | None
    """Which it says; None: none."""
    rest: str
    """What else it says: the class, in `trainA` or `cats_test`."""


class Place(NamedTuple):
    """Where images of a class lie."""

    folder: Path
    """Or a single image, where a table says which class it is of."""
    split: Split | None
    """None: no split is in the folders."""
    class_name: str


@dataclass(frozen=True)
class Layout:
    """How a folder is read.

    Args:
        classes: names, sorted, numbers in them as numbers.
        places: folders of images; what lies below one belongs to its class and split.
        words: the reading, for people.
        table: name of the file that says classes; none where folders do.
    """

    classes: tuple[str, ...]
    places: tuple[Place, ...]
    words: str
    table: str = ""

    @property
    def split(self) -> bool:
        """Whether the folders say what is held out."""
        return any(place.split for place in self.places)


def read_layout(root: Path) -> Layout:
    """How a folder of images is read.

    Sub-folders are classes, unless their names are those of splits: `train` and `test` with the same classes in both
    (or without any), `trainA` and `testA`, `A_train` and `A_test`, or a `train` and a `test` in every class folder. All
    splits but training are held out. A folder without sub-folders is one class, named like it. Where the dataset tool
    of StyleGAN left `dataset.json`, classes are the labels in it, whatever the folders are.

    Raises:
        DataError: it can be read in two ways, or splits hold different classes; a damaged `dataset.json`.
    """
    if (root / TABLE).is_file():
        return in_table(root)
    folders = visible_folders(root)
    own = escaped(root.resolve().name)
    if not folders:
        return Layout((own,), (Place(root, None, own),), "one class: there are no sub-folders")
    names = {folder: taken_apart(folder.name) for folder in folders}
    marked = {folder: name for folder, name in names.items() if name.split}
    bare = [folder for folder, name in marked.items() if not name.rest]
    splits = {name.split for name in marked.values()}
    if len(marked) == len(folders) and len(splits) == 2:
        return in_splits(root, marked)
    if len(marked) == len(folders) == len(bare) and splits == {"train"}:
        places = [place._replace(split=None) for folder in folders for place in classes_in(folder, "train", own)]
        return settled(root, places, f"classes inside {listed(folders)}, beside which nothing is held out")
    if bare or len(splits) == 2:
        raise DataError(two_ways(root, marked, [folder for folder in folders if folder not in marked]))
    inside = {folder: [taken_apart(below.name) for below in visible_folders(folder)] for folder in folders}
    if any(name.split and not name.rest for below in inside.values() for name in below):
        return splits_in_classes(root, inside)
    places = [Place(folder, None, escaped(folder.name)) for folder in folders]
    return settled(root, places, "sub-folders are classes")


def in_table(root: Path) -> Layout:
    """The layout that `dataset.json` says: a class for each label, named by it; one class where it has no labels."""
    labels = read_labels(root / TABLE)
    if labels is None:
        own = escaped(root.resolve().name)
        return Layout((own,), (Place(root, None, own),), f"one class: {TABLE} has no labels", TABLE)
    classes = tuple(str(label) for label in range(max(labels.values()) + 1))
    places = tuple(Place(root / name, None, str(label)) for name, label in labels.items())
    return Layout(classes, places, f"classes are the labels in {TABLE}", TABLE)


def taken_apart(name: str) -> Name:
    """The split that a folder's name says, and what else it says."""
    joined = re.sub(r"(?i)(held|hold)[\W_]*out", "heldout", name)
    words = [word for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", joined) if word]
    found = [word for word in words if split_of(word)]
    if len(found) != 1:
        return Name(None, name)
    rest = [word for word in words if not split_of(word) and word.casefold() not in FILLERS]
    return Name(split_of(found[0]), "_".join(rest))


def split_of(word: str) -> Split | None:
    """The split that a word names."""
    word = word.casefold()
    return WORDS.get(word) or WORDS.get(word.removesuffix("set"))


def in_splits(root: Path, names: Mapping[Path, Name]) -> Layout:
    """Folders of splits, with class folders inside, or with classes in their own names."""
    own, places = escaped(root.resolve().name), list[Place]()
    for folder, name in names.items():
        assert name.split
        places += [Place(folder, name.split, escaped(name.rest))] if name.rest else classes_in(folder, name.split, own)
    by_split = {split: listed(f for f, name in names.items() if name.split == split) for split in SPLITS}
    return settled(root, places, f"splits: {by_split['train']} to train on, {by_split['held_out']} held out")


def splits_in_classes(root: Path, inside: Mapping[Path, Sequence[Name]]) -> Layout:
    """Class folders, each with its splits inside."""
    places = list[Place]()
    for folder, names in inside.items():
        if any(name.rest or not name.split for name in names) or {name.split for name in names} != set(SPLITS):
            came = f"{folder}: not just folders of splits in it (train, test, ...), as in other classes"
            raise DataError(f"{came}; give every class both, or none")
        for below, name in zip(visible_folders(folder), names, strict=True):
            places.append(Place(below, name.split, escaped(folder.name)))
    held_out = listed(dict.fromkeys(p.folder.name for p in places if p.split == "held_out"))
    return settled(root, places, f"sub-folders are classes, each with its splits inside; held out: {held_out}")


def classes_in(folder: Path, split: Split, own: str) -> list[Place]:
    """The class folders of a split; a single class if there are none."""
    inside = [Place(below, split, escaped(below.name)) for below in visible_folders(folder)]
    return inside or [Place(folder, split, own)]


def settled(root: Path, places: Sequence[Place], words: str) -> Layout:
    """The layout, once nothing speaks against it.

    Raises:
        DataError: splits hold different classes; names that differ in case only; a single class that holds folders.
    """
    classes = tuple(sorted({place.class_name for place in places}, key=natural))
    refuse_lookalikes(root, classes)
    in_split = {split: {place.class_name for place in places if place.split == split} for split in SPLITS}
    if any(place.split for place in places):
        for split, other in (SPLITS, SPLITS[::-1]):
            if odd := sorted(in_split[split] - in_split[other], key=natural):
                where = "to train on" if split == "train" else "held out"
                came = f"{listed(odd)} {'is' if len(odd) == 1 else 'are'} only {where}"
                raise DataError(f"{root}: all splits must hold the same classes; {came}: add or remove class folders")
    holders = [place.folder for place in places]
    if len(classes) == 1 and any(folder != root and visible_folders(folder) for folder in holders):
        folder = next(folder for folder in holders if visible_folders(folder))
        inside = listed(visible_folders(folder)[:3])
        if not any(path.suffix.lower() in ENDINGS for path in (*folder.iterdir(), *root.iterdir())):
            raise DataError(
                f"{root}: only {folder.name} in it, which holds folders ({inside}): if these are classes, give "
                f"{folder}; if all images are one class, move them together"
            )
    return Layout(classes, tuple(places), words)


def refuse_lookalikes(root: Path, classes: Sequence[str]) -> None:
    """Two names that differ in case alone are one on other machines.

    Raises:
        DataError: there are such.
    """
    seen: dict[str, str] = {}
    for name in classes:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise DataError(f"{root}: are {seen[folded]} and {name} one class or two? join them, or rename one")
        seen[folded] = name


def two_ways(root: Path, marked: Mapping[Path, Name], others: Sequence[Path]) -> str:
    """Why names of splits beside other folders, or without training, are refused."""
    if others:
        came = f"{listed(marked)} {'is' if len(marked) == 1 else 'are'} called like a split, {listed(others)} not"
        return f"{root}: {came}; are they splits or classes? {RENAME}"
    return f"{root}: {listed(marked)} without a folder train: name what is to be trained on, or give a folder inside"


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts numbers in names as numbers."""
    parts = [part for part in re.split(r"([0-9]+)", name) if part]
    keys = [(0, int(part), "") if part.isascii() and part.isdecimal() else (1, 0, part) for part in parts]
    return (*keys, (-1, 0, name))


def listed(names: Iterable[Path | str]) -> str:
    """Names in a sentence; at most five."""
    words = [escaped(name.name if isinstance(name, Path) else name) for name in names]
    if len(words) > 5:
        return f"{', '.join(words[:5])} and {len(words) - 5} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
