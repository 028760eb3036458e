"""Results: what was claimed and what was measured, a JSON file each."""

import os
from pathlib import Path
from typing import Any

from steergan.errors import RunError, reason
from steergan.extras import needed_by
from steergan.files import AnyPath, read_json, write_json
from steergan.tables import Table

with needed_by("steergan.results"):
    from pydantic import BaseModel, ConfigDict, ValidationError


class Result(BaseModel):
    """Something that was claimed, what was measured, and all that a reader needs to doubt it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """The name of its file, without `.json`."""
    title: str
    claim: str
    """What is claimed, and by whom."""
    command: str
    date: str
    """Of the measurement, YYYY-MM-DD."""
    hardware: list[dict[str, Any]]
    protocol: dict[str, Any]
    tables: list[Table]
    verdict: str
    """What came out, in plain sentences, which follow from the tables."""
    note: str = ""
    """What a reader has to know of the circumstances, and no table says."""


def write_result(path: str | os.PathLike[str], result: Result) -> None:
    """Save a result as JSON.

    Raises:
        RunError: the file can't be written.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_json(path, result.model_dump())


def read_results(folder: AnyPath) -> list[Result]:
    """The results in a folder, in the order of their ids.

    Raises:
        RunError: no such folder; a file that is no result, or that bears another name than its id.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; give the one with the JSON files of the results")
    return [read_result(path) for path in sorted(folder.glob("*.json"))]


def read_result(path: AnyPath) -> Result:
    """The result in a file.

    Raises:
        RunError: it is no result, or bears another name than its id.
    """
    path = Path(path)
    try:
        result = Result.model_validate(read_json(path))
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise RunError(f"{path}: not a result ({key}: {fault['msg']}); write it with --record") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: not JSON ({reason(error)}); write it with --record") from None
    if result.id != path.stem:
        raise RunError(f"{path}: its id is {result.id!r}; a result's id and the name of its file must agree")
    return result
