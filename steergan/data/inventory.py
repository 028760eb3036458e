"""What there is: original files that can be read, and sets that are prepared."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from steergan.data.mnist import AMAT_FILES, IDX_FILES
from steergan.data.originals import Originals, data_folders, find_together, folders_below
from steergan.data.prepared import prepared_manifests, prepared_root
from steergan.data.sources import source_of
from steergan.errors import DataError
from steergan.files import OWN_NAME, cache_folder
from steergan.recipe.data import SOURCES

KINDS = {"amat": "official rotated MNIST", "idx": "MNIST", "npz": "arrays"}


class Found(NamedTuple):
    """Originals that a data set can be made of."""

    name: str
    what: str
    originals: Originals


class Unfinished(NamedTuple):
    """A set whose preparation was stopped, and goes on when it is asked for again."""

    folder: Path
    size: int
    """Bytes so far."""


def originals_found() -> list[Found]:
    """Originals in STEERGAN_DATA and among the downloads, in the order in which they are taken.

    Folders of images and of slides are not listed: any folder may be one.
    """
    found = []
    for kind, spellings in (("amat", AMAT_FILES), ("idx", IDX_FILES)):
        files = find_together(data_folders(), spellings)
        if files:
            found.append(Found("rotmnist", KINDS[kind], Originals(kind, files[0].parent, files)))
    found += [one for name in SOURCES if name != "rotmnist" and is_looked_for(name) for one in by_name(name)]
    for root in data_folders():
        archives = sorted(path for folder in folders_below(root) for path in folder.glob("*.npz") if path.is_file())
        found += [Found("npz", KINDS["npz"], Originals("npz", path, (path,))) for path in archives]
    return found


def is_looked_for(name: str) -> bool:
    """Whether a set is known by its files: not bundled, and not whatever a user names."""
    return not SOURCES[name].needs_path and not source_of(name).bundled


def originals_bundled() -> dict[str, str]:
    """Where the originals of sets are that installed packages bring along, in words, by name."""
    return {name: where for name in SOURCES if (where := source_of(name).bundled)}


def originals_wanted(found: Sequence[Found]) -> dict[str, str]:
    """What the other sets that a recipe may name are made of, in words, by name."""
    there = {one.name for one in found}
    return {name: source_of(name).wanted for name in SOURCES if name not in there and source_of(name).wanted}


def by_name(name: str) -> list[Found]:
    """The originals of a set that is known by its files; none if they are missing or not whole."""
    try:
        originals = source_of(name).find(SOURCES[name]())
    except DataError:
        return []
    return [] if originals is None else [Found(name, originals.kind, originals)]


def prepared_found() -> tuple[Path, list[tuple[Path, dict[str, Any]]]]:
    """The cache folder, and every prepared set in it: its folder and its manifest."""
    return cache_folder(), list(prepared_manifests())


def unfinished_found() -> list[Unfinished]:
    """Every set in the cache whose preparation was stopped."""
    folders = [folder for folder in sorted(prepared_root().glob(".*.partial")) if not OWN_NAME.fullmatch(folder.name)]
    return [Unfinished(folder, sum(file.stat().st_size for file in folder.iterdir())) for folder in folders]
