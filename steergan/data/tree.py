"""The images below a folder, each real file and each real folder once, and what else lies there."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steergan.data.label_table import TABLE
from steergan.data.originals import is_hidden
from steergan.data.picture_files import ENDINGS
from steergan.errors import DataError

Identity = tuple[int, int] | str


@dataclass
class Tree:
    """What lies below a folder.

    Args:
        images: paths of image files, sorted; a file may have several.
        others: files of other kinds, by their endings.
        hidden: files and folders that begin with a point, and the like.
        back: links to folders that are read elsewhere.
    """

    images: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    back: list[Path] = field(default_factory=list)


def tree_below(root: Path) -> Tree:
    """All that lies below a folder; links to folders are followed, and each real folder is read once."""
    found, known = Tree(), {identity(root)}
    waiting, links = [root], list[Path]()
    while waiting or links:
        if not waiting:  # real folders first, so that a link to one of them is a link back
            link = links.pop(0)
            if identity(link) in known:
                found.back.append(link)
            else:
                known.add(identity(link))
                waiting.append(link)
            continue
        for entry in entries_of(waiting.pop(), found):
            path = Path(entry)
            if entry.is_dir():
                (links if entry.is_symlink() else waiting).append(path)
                if not entry.is_symlink():
                    known.add(identity(path))
            elif path.suffix.lower() in ENDINGS and entry.is_file():
                found.images.append(path)
            else:
                found.others[path.suffix.lower() or "without ending"] += 1
    found.images.sort()
    return found


def entries_of(folder: Path, found: Tree) -> Iterator["os.DirEntry[str]"]:
    """What a folder holds, sorted; hidden things are counted."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if is_hidden(entry.name):
            found.hidden += 1
        else:
            yield entry


def identity(path: Path) -> Identity:
    """What tells real files and folders apart, whatever they are called."""
    status = path.stat()
    return (status.st_dev, status.st_ino) if status.st_ino else str(path.resolve())


def originals_below(root: Path) -> tuple[Path, ...]:
    """The images in a folder, sorted, and the table of their labels that lies there, if one does.

    Raises:
        DataError: no image.
    """
    files = tree_below(root).images
    if not files:
        raise DataError(f"{root}: no images in it; {', '.join(sorted(ENDINGS))} files were wanted")
    return (*files, root / TABLE) if (root / TABLE).is_file() else tuple(files)


def images_below(folder: Path) -> list[Path]:
    """Image files in a folder and its sub-folders, sorted by path, each real file once."""
    return [paths[0] for paths in by_file(tree_below(folder).images)]


def by_file(paths: Sequence[Path]) -> list[list[Path]]:
    """The paths of each real file: that which is no link first, else in their order; sorted by the first."""
    files: dict[Identity, list[Path]] = {}
    for path in paths:
        files.setdefault(identity(path), []).append(path)
    ordered = [sorted(same, key=lambda path: (path.is_symlink(), path)) for same in files.values()]
    return sorted(ordered, key=lambda same: same[0])
