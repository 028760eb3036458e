"""`dataset.json`: the labels that the dataset tool of StyleGAN writes beside the images of a folder."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from steergan.errors import DataError, reason, shown
from steergan.files import read_json

TABLE = "dataset.json"
"""Its name, at the top of a folder or zip file."""
WANTED = '{"labels": [["00000/img00000000.png", 6], ...]} or {"labels": null} was wanted'


def read_labels(path: Path) -> Mapping[str, int] | None:
    """The label of every image in a table, by its path from the table's folder; None where it has no labels.

    Args:
        path: of the table.

    Raises:
        DataError: no such table, in one line: other JSON, a label that is no integer, a name that leaves the folder or
            comes twice, a label between 0 and the largest that no image has.

    Source: `dataset_tool.py` and `ImageFolderDataset` of NVIDIA's StyleGAN2-ADA and StyleGAN3.
    """
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); {WANTED}") from None
    if not isinstance(found, dict) or "labels" not in found:
        raise DataError(f"{path}: no labels in it; {WANTED}, or rename it if it is another's")
    if found["labels"] is None:
        return None
    if not isinstance(found["labels"], list) or not found["labels"]:
        raise DataError(f"{path}: labels are {shown(found['labels'])}; {WANTED}")
    labels: dict[str, int] = {}
    for entry in found["labels"]:
        name, label = name_and_label(path, entry)
        if name in labels:
            raise DataError(f"{path}: {shown(name)} comes twice; one label for every image was wanted")
        labels[name] = label
    used = set(labels.values())
    lacking = next((label for label in range(len(used)) if label not in used), None)
    if lacking is not None:
        came = f"no image has the label {lacking}, and one has {shown(max(used))}"
        raise DataError(f"{path}: {came}; number the classes 0, 1, 2, ..., each with an image")
    return labels


def name_and_label(path: Path, entry: Any) -> tuple[str, int]:
    """An entry of a table, as it must be.

    Raises:
        DataError: it is another thing.
    """
    match entry:
        case [str(name), label]:
            pass
        case _:
            raise DataError(f"{path}: {shown(entry)} in labels; {WANTED}")
    if isinstance(label, bool) or not isinstance(label, int) or label < 0:
        raise DataError(f"{path}: {shown(name)} has the label {shown(label)}; an integer from 0 was wanted")
    if not stays_inside(name):
        raise DataError(f"{path}: {shown(name)} leaves the folder; names of images below it were wanted")
    return str(PurePosixPath(name)), label


def stays_inside(name: str) -> bool:
    """Whether a path that a file names stays below the folder that it is meant for, on any system."""
    path = PureWindowsPath(name)  # knows both kinds of slashes, and drives
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in name
