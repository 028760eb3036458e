"""Files of a run that other programs read while it goes on: written whole or not at all, or a line at a time."""

import contextlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steergan.files import parsed_json, write_error, write_whole


class JsonLines:
    """A file of one JSON object a line, such as stats.jsonl; rows carry their generator step under "step"."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row; it is in the file when this returns. A number that is not finite becomes null, which JSON can say.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        finite = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()}
        line = json.dumps(finite, allow_nan=False) + "\n"
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            # A torn line would swallow the next one.
            with contextlib.suppress(OSError):
                os.truncate(self.path, size)
            raise write_error(self.path, error) from None

    def rows(self) -> list[dict[str, Any]]:
        """Every whole row; a line that is cut short, or no row with a step, is left out. No file: no rows."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [row for row in map(parse_row, lines) if row is not None]

    def truncate_after(self, step: int) -> None:
        """Drop the rows of later steps than `step`, and torn ones: a run that continues from there writes them again.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        if not self.path.exists():
            return
        kept = [row for row in self.rows() if row["step"] <= step]
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in kept).encode())


def parse_row(line: str) -> dict[str, Any] | None:
    """The object in a line, if it has a step, or None."""
    try:
        row = parsed_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and type(row.get("step")) is int else None


def figure_in(row: Mapping[str, Any], name: str) -> float | None:
    """A figure of a row; None where the row lacks it, or has something there that is no number.

    Examples:
        >>> from steergan.training import figure_in
        >>> figure_in({"step": 4, "kid": 0.25}, "kid"), figure_in({"step": 4, "kid": "0.25"}, "kid")
        (0.25, None)
    """
    value = row.get(name)
    return value if type(value) in (int, float) else None
