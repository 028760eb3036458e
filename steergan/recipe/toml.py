"""TOML from a file or a command line, whatever came."""

import stat
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 1_000_000
"""Of a file; recipes have a thousandth."""


def read_bytes(path: Path, *, pipe: bool) -> bytes:
    """The content of a recipe.

    Args:
        path: the file.
        pipe: whether it may be one, such as a shell gives for `<(...)`; what another recipe names may not.

    Raises:
        OSError: it can't be read.
        ValueError: it is no file that has an end, or too long.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or (pipe and stat.S_ISFIFO(mode))):
        raise ValueError("it is no plain file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    return content


def parsed(content: bytes) -> dict[str, Any]:
    """TOML as a table.

    Raises:
        ValueError: it is no UTF-8 or no TOML, nests too deeply, or holds an integer of more than TOML's 64 bits.
    """
    try:
        table = tomllib.loads(content.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    waiting: list[Any] = [table]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("an integer of more than 64 bits")
    return table
