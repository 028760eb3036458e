"""What was hashed once is trusted as long as its size and its time of change stay the same."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from steergan.errors import RunError
from steergan.files import cache_folder, file_sha256, write_whole
from steergan.seals import read_table, sealed

STAMP = "verified.json"
TICK = 0.02
"""Seconds: two changes of a file that are closer together may bear the same time."""
WORTH_KEEPING = 64_000_000
"""Bytes: fewer are hashed faster than anybody notices."""
SETTLED = 2.0
"""Seconds for which a file must have been left alone before its hash is kept."""


def stamp(path: Path) -> list[int]:
    """Size in bytes and time of change in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def is_verified(folder: Path, names: Sequence[str]) -> bool:
    """Whether these files of a folder are as they were when `mark_verified` was called."""
    try:
        return bool(read_json(folder / STAMP) == {name: stamp(folder / name) for name in names})
    except OSError:
        return False


def mark_verified(folder: Path, names: Sequence[str]) -> None:
    """Say that these files were hashed and found right; where that can't be written they are hashed again next time."""
    with suppress(OSError, RunError):
        stamps = {name: stamp(folder / name) for name in names}
        newest = max(changed for _, changed in stamps.values()) / 1e9
        time.sleep(min(TICK, max(0.0, newest + TICK - time.time())))  # a change within the tick would not be seen
        write_whole(folder / STAMP, json.dumps(stamps).encode())


def file_hashes(root: Path, files: Sequence[Path]) -> list[str]:
    """sha256 of files in a folder (or of the file `root`); those of large sets are kept in the cache folder.

    Raises:
        DataError: a file can't be read.
    """
    stamps = {str(file): stamp(file) if file.exists() else [0, 0] for file in files}
    if sum(size for size, _ in stamps.values()) < WORTH_KEEPING:
        return [file_sha256(file) for file in files]
    notes = cache_folder() / "hashes" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json"
    known = read_json(notes) or {}
    hashes, fresh = [], {}
    for name, now in stamps.items():
        noted = known.get(name)
        known_hash = noted[2] if isinstance(noted, list) and len(noted) == 3 and noted[:2] == now else None
        hashes.append(known_hash if isinstance(known_hash, str) else file_sha256(Path(name)))
        if time.time() - now[1] / 1e9 > SETTLED:
            fresh[name] = [*now, hashes[-1]]
    if any(known.get(name) != note for name, note in fresh.items()):
        with suppress(OSError, RunError):
            notes.parent.mkdir(parents=True, exist_ok=True)
            write_whole(notes, json.dumps(sealed(fresh)).encode())
    return hashes


def read_json(path: Path) -> dict[str, Any] | None:
    """An object in a JSON file; None if it isn't there or is damaged."""
    try:
        return read_table(path)
    except (OSError, ValueError):
        return None
