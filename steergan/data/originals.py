"""Where a user's original files are: `data.path`, the folders of STEERGAN_DATA, and what was downloaded when asked."""

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steergan.data.stamps import file_hashes
from steergan.errors import DataError, MissingDataError, escaped, shown
from steergan.files import cache_folder, expanded

BUNDLE = "scikit-image:"
"""In front of the name of a photograph that scikit-image brings along."""
SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")
"""Copies and thumbnails that archives and file servers leave."""


@dataclass(frozen=True)
class Originals:
    """Files that a data set is made of.

    Args:
        kind: their format, such as "idx".
        root: the folder or file that was asked for, or found.
        files: in an order that the source fixes.
    """

    kind: str
    root: Path
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.stat().st_size for file in self.files)

    def checksum(self) -> str:
        """sha256 over the names and contents of all files, wherever they lie."""
        digest = hashlib.sha256(self.kind.encode())
        for file, sha256 in zip(self.files, self.hashes(), strict=True):
            name = file.relative_to(self.root).as_posix() if file != self.root else file.name
            digest.update(b"\n%b %b" % (os.fsencode(name), sha256.encode()))
        return digest.hexdigest()

    def hashes(self) -> list[str]:
        """sha256 of every file."""
        return file_hashes(self.root, self.files)


def data_folders() -> list[Path]:
    """The folders of STEERGAN_DATA, which are only read, then the one for downloads."""
    named = [expanded(part) for part in os.environ.get("STEERGAN_DATA", "").split(os.pathsep) if part]
    return [*named, cache_folder() / "originals"]


def resolve_path(path: str) -> Path:
    """`data.path` as a file or folder that exists: relative to the working folder, or to a folder of STEERGAN_DATA.

    `scikit-image:NAME` is a photograph in the installed scikit-image; it is never downloaded.

    Raises:
        MissingDataError: there is no such file or folder.
    """
    if path.startswith(BUNDLE):
        return bundled_photograph(path.removeprefix(BUNDLE))
    wanted = expanded(path)
    for base in (Path(), *data_folders()):
        if exists(base / wanted):
            return named_in_text(base / wanted)
    raise MissingDataError(
        f"data.path = {shown(path)}: no such file or folder here or in STEERGAN_DATA; give an existing one"
    )


def named_in_text(path: Path) -> Path:
    """The path, if it can be written down.

    Raises:
        DataError: a name in it is no text.
    """
    if escaped(str(path.resolve())) != str(path.resolve()):
        raise DataError(f"{path}: a name in this path has characters that are no text; rename it")
    return path


def exists(path: Path) -> bool:
    """Whether there is a file or folder that can be looked at; no name is too long or too odd to be asked for."""
    try:
        return path.exists()
    except OSError:
        return False


def bundled_photograph(name: str) -> Path:
    """A picture that lies in the installed scikit-image package."""
    found = importlib.util.find_spec("skimage")  # looked for, not imported
    if found is None or not found.submodule_search_locations:
        raise MissingDataError(
            f"data.path = '{BUNDLE}{name}': scikit-image is not installed: pip install \"steergan[data]\""
        )
    folder = Path(found.submodule_search_locations[0]) / "data"
    there = sorted(path.name for path in folder.glob("*") if path.suffix in (".png", ".jpg"))
    if name not in there:
        raise DataError(f"data.path = '{BUNDLE}{name}': not bundled with scikit-image; {', '.join(there)} are")
    return folder / name


def folders_below(root: Path, levels: int = 2) -> list[Path]:
    """`root` and its visible sub-folders, so many levels deep, nearest first; none if it isn't a readable folder."""
    found = [root] if root.is_dir() else []
    layer = list(found)
    for _ in range(levels):
        layer = [folder for parent in layer for folder in visible_folders(parent)]
        found += layer
    return found


def visible_folders(parent: Path) -> list[Path]:
    """Sub-folders in sorted order; hidden and unreadable ones are left out, and those that systems make."""
    try:
        with os.scandir(parent) as entries:
            return sorted(Path(entry) for entry in entries if entry.is_dir() and not is_hidden(entry.name))
    except OSError:
        return []


def is_hidden(name: str) -> bool:
    """Whether a file or folder is none of a user's own."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def in_spelling(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of these names that is a file in the folder."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def find_together(roots: Sequence[Path], spellings: Sequence[Sequence[str]]) -> tuple[Path, ...] | None:
    """The files in the first folder that holds all that are wanted, each in one of its spellings; else None."""
    for root in roots:
        for folder in folders_below(root):
            found = [path for names in spellings if (path := in_spelling(folder, names))]
            if len(found) == len(spellings):
                return tuple(found)
    return None


def missing_together(roots: Sequence[Path], spellings: Sequence[Sequence[str]]) -> tuple[Path, str] | None:
    """The first folder that holds some of the wanted files but not all, and the first that it lacks."""
    for root in roots:
        for folder in folders_below(root):
            lacking = [names[0] for names in spellings if not in_spelling(folder, names)]
            if 0 < len(lacking) < len(spellings):
                return folder, lacking[0]
    return None
