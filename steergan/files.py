"""Files: written whole or not at all, and known by their hash."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import platformdirs

from steergan.errors import DataError, RunError

PARTIAL = ".partial"
"""Suffix of a file that is being written; a leftover means that the writer was killed, and may be deleted."""


def cache_folder() -> Path:
    """Where files go that can be made again: STEERGAN_CACHE, else the platform's cache folder."""
    named = os.environ.get("STEERGAN_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("steergan"))


def write_whole(path: str | os.PathLike[str], content: bytes | bytearray | memoryview) -> None:
    """Replace the file at `path` by `content`, or leave it as it was; on disk when this returns.

    Raises:
        RunError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    path = Path(path)
    partial = path.with_name(path.name + PARTIAL)
    try:
        try:
            with open(partial, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
            flush_folder(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise write_error(path, error) from None


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Replace the file at `path` by a value as indented JSON, or leave it as it was."""
    write_whole(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def flush_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut; only POSIX can open folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_error(path: Path, error: OSError) -> RunError:
    """The user's line about a file that could not be written."""
    return RunError(
        f"{path}: cannot be written ({error.strerror}); nothing that was saved before is lost; "
        "make room or choose another --out, then run the same command again"
    )


def canonical_safetensors(content: bytes) -> bytes:
    """A .safetensors file with its header's keys in order, so that equal tensors and texts are equal bytes.

    The library writes texts in an order that changes from process to process.

    Args:
        content: of the file: 8 bytes with the header's length, little-endian; the header, JSON; the tensors.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + content[end:]


def file_sha256(path: Path) -> str:
    """sha256 of a file, in hexadecimal.

    Raises:
        DataError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a file that can") from None
