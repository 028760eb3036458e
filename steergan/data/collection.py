"""The images of a user's folder: each real file once, with its class and split, and whatever is left out, by name."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from steergan.data.images import Split
from steergan.data.layout import Layout, Place, read_layout
from steergan.data.plan import LeftOut
from steergan.data.tree import Tree, by_file, tree_below
from steergan.errors import DataError, escaped

NAMED = 3
"""So many files of a kind are named in a message."""


class Member(NamedTuple):
    """An image of the set."""

    path: Path
    label: int
    split: Split | None
    """That its folders say."""


class Fault(NamedTuple):
    """Why a file can't be taken as it is."""

    kind: str
    """What is wrong, in words behind a number of images."""
    remedy: str
    """What would work, for all of this kind."""
    name: str
    reason: str = ""


@dataclass(frozen=True)
class Collection:
    """What was found in a folder.

    Args:
        root: the folder.
        layout: how it is read.
        members: by class, then by path.
        left_out: files that are the same as others.
        faults: what is in the way.
        notes: what else was found, in words.
    """

    root: Path
    layout: Layout
    members: tuple[Member, ...]
    left_out: tuple[LeftOut, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]

    def name(self, path: Path) -> str:
        """A file's name in messages."""
        return escaped(path.relative_to(self.root).as_posix())


def collect(root: Path, layout: Layout | None = None) -> Collection:
    """The images in a folder.

    Links are followed, and each real file is an image once. If one stands in both splits it is held out, and not
    trained on.

    Args:
        root: the folder.
        layout: how it is read; None: as its sub-folders or its `dataset.json` say.

    Raises:
        DataError: the layout can be read in two ways; a damaged `dataset.json`.
    """
    layout, tree = layout or read_layout(root), tree_below(root)
    places = {place.folder: place for place in layout.places}
    label_of = {name: k for k, name in enumerate(layout.classes)}
    members, left_out, faults = list[Member](), list[LeftOut](), list[Fault]()

    def name(path: Path) -> str:
        return escaped(path.relative_to(root).as_posix())

    for paths in by_file(tree.images):
        placed = [(path, place) for path in paths if (place := place_of(path, places, root))]
        if not placed:
            faults.append(outside(layout, name(paths[0])))
            continue
        if len({place.class_name for _, place in placed}) > 1:
            other = next(path for path, place in placed if place.class_name != placed[0][1].class_name)
            twice = "in two classes by links", "remove all but one of each"
            faults.append(Fault(*twice, name(placed[0][0]), f"the same file as {name(other)}"))
            continue
        kept, place = next((one for one in placed if one[1].split == "held_out"), placed[0])
        members.append(Member(kept, label_of[place.class_name], place.split))
        held_out = ", which is held out" * (len({where.split for _, where in placed}) > 1)
        left_out += [
            LeftOut(name(path), f"the same file as {name(kept)}{held_out}", place.class_name)
            for path in paths
            if path != kept
        ]
    members.sort(key=lambda member: (member.label, member.path))
    faults += not_there(layout, tree, members, name)
    notes = notes_on(tree, layout)
    if len(places) > 1 and (deeper := sum({m.path, m.path.parent}.isdisjoint(places) for m in members)):
        notes.append(f"in folders inside class folders, taken for the class: {deeper}")
    return Collection(root, layout, tuple(members), tuple(left_out), tuple(faults), tuple(notes))


def outside(layout: Layout, name: str) -> Fault:
    """An image of which nothing says its class."""
    if layout.table:
        return Fault(f"not in {layout.table}", "add them to it, or move them away", name)
    return Fault("beside class folders", "move them into a class folder, or away", name)


def not_there(layout: Layout, tree: Tree, members: Sequence[Member], name: Callable[[Path], str]) -> list[Fault]:
    """Class folders without an image, and images in a table that there are not."""
    if layout.table:
        there = {*tree.images, *(place.folder for place in layout.places if place.folder.is_dir())}
        lacking = [place.folder for place in layout.places if place.folder not in there]
        kind, remedy = f"in {layout.table}, and no image", "add them, or remove them from it"
    else:
        filled = {(layout.classes[member.label], member.split) for member in members}
        lacking = [place.folder for place in layout.places if (place.class_name, place.split) not in filled]
        kind, remedy = "class folders without an image", "fill or remove them"
    return [Fault(kind, remedy, name(path)) for path in dict.fromkeys(lacking)]


def place_of(path: Path, places: dict[Path, Place], root: Path) -> Place | None:
    """The class folder that an image lies in, or below; or its own place."""
    while path not in places:
        if path == root:
            return None
        path = path.parent
    return places[path]


def notes_on(tree: Tree, layout: Layout) -> list[str]:
    """What lies in a folder and is neither image nor table, in words."""
    notes = []
    if others := tree.others - Counter([Path(layout.table).suffix] if layout.table else []):
        kinds = ", ".join(f"{count} {ending}" for ending, count in others.most_common(5))
        notes.append(f"files of other kinds, not looked at: {kinds}" + ", ..." * (len(others) > 5))
    if tree.hidden:
        notes.append(f"hidden files and folders, not looked at: {tree.hidden}")
    if tree.back:
        notes.append(f"links to folders that are read already, not followed: {len(tree.back)}")
    return notes


def refuse_faults(root: Path, faults: Sequence[Fault], count: int) -> None:
    """All faults in one line: how many of each kind, the first ones by name, and what would work.

    Raises:
        DataError: there are any.
    """
    if faults:
        raise DataError(f"{root}: {len(faults)} fault{'s' * (len(faults) > 1)}, {count} images; {described(faults)}")


def described(faults: Iterable[Fault]) -> str:
    """Faults by kind."""
    by_kind: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        by_kind.setdefault((fault.kind, fault.remedy), []).append(fault)
    parts = []
    for (kind, remedy), of_kind in by_kind.items():
        names = [one.name + f": {one.reason}" * bool(one.reason) for one in of_kind[:NAMED]]
        more = f"; and {len(of_kind) - NAMED} more" if len(of_kind) > NAMED else ""
        parts.append(f"{kind}: {len(of_kind)} ({'; '.join(names)}{more}), {remedy}")
    return "; ".join(parts)
