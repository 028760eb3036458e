"""What there is: original files that can be read, and sets that are prepared."""

from pathlib import Path
from typing import Any, NamedTuple

from steergan.data.mnist import AMAT_FILES, IDX_FILES
from steergan.data.originals import Originals, data_folders, find_together, folders_below
from steergan.data.prepared import prepared_manifests
from steergan.files import cache_folder

KINDS = {"amat": "official rotated MNIST", "idx": "MNIST", "npz": "arrays"}


class Found(NamedTuple):
    """Originals that a data set can be made of."""

    name: str
    what: str
    originals: Originals


def originals_found() -> list[Found]:
    """Originals in STEERGAN_DATA and among the downloads, in the order in which they are taken.

    Image folders are not listed: any folder may be one.
    """
    found = []
    for kind, spellings in (("amat", AMAT_FILES), ("idx", IDX_FILES)):
        files = find_together(data_folders(), spellings)
        if files:
            found.append(Found("rotmnist", KINDS[kind], Originals(kind, files[0].parent, files)))
    for root in data_folders():
        archives = sorted(path for folder in folders_below(root) for path in folder.glob("*.npz") if path.is_file())
        found += [Found("npz", KINDS["npz"], Originals("npz", path, (path,))) for path in archives]
    return found


def prepared_found() -> tuple[Path, list[tuple[Path, dict[str, Any]]]]:
    """The cache folder, and every prepared set in it: its folder and its manifest."""
    return cache_folder(), list(prepared_manifests())
