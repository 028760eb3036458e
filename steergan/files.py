"""Files: written whole or not at all, read without surprises, and known by their hash."""

import hashlib
import json
import logging
import os
import platform
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from steergan.errors import DataError, RunError, SteerganError, reason

AnyPath = str | os.PathLike[str]
"""Whatever names a file or folder."""
LOG = logging.getLogger("steergan")
PARTIAL = ".partial"
"""Suffix of a file that is being written; a leftover means that the writer was killed, and may be deleted."""
OWN_NAME = re.compile(r"\.([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}\.partial")
"""What `own_name` gives: machine, process, and a number."""
ABANDONED = 24 * 60 * 60
"""After so many seconds what another machine was writing is taken for what a killed process left."""
OTHER_CACHE = "set STEERGAN_CACHE to a folder with room that you can write to"


def cache_folder() -> Path:
    """Where files go that can be made again: STEERGAN_CACHE, else the platform's cache folder.

    Raises:
        RunError: STEERGAN_CACHE begins with the name of a user whom there is not.
    """
    named = os.environ.get("STEERGAN_CACHE")
    if not named:
        return platform_cache_folder()
    path = expanded(named)
    if path.parts and path.parts[0].startswith("~"):
        raise RunError(f"STEERGAN_CACHE = {named!r}: there is no such user; set it to a folder that you can write to")
    return path


def platform_cache_folder() -> Path:
    """The folder of steergan's below the platform's folder for caches; ours alone, so that it needs no package."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
        return Path(local, "steergan/steergan/Cache")
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/steergan"
    base = os.environ.get("XDG_CACHE_HOME", "").strip()
    return Path(base or expanded("~/.cache"), "steergan")


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path whose `~` or `~user` is that user's folder; as it is where there is no such user."""
    return Path(os.path.expanduser(path))  # Path.expanduser raises a RuntimeError there


_told = set[str]()


def cache_unwritable(error: BaseException, then: str) -> None:
    """Say, once and in a line, that something can't be kept: that costs time, not a run.

    Args:
        error: why not.
        then: what is done instead.
    """
    if then in _told:
        return
    _told.add(then)
    LOG.warning("the cache %s cannot be written (%s): %s; %s", cache_folder(), reason(error), then, OTHER_CACHE)


# --- written whole


def write_whole(path: str | os.PathLike[str], content: bytes | bytearray | memoryview) -> None:
    """Replace the file at `path` by `content`, or leave it as it was; on disk when this returns.

    Processes may do so at once: one of them is the last. What killed ones left in the folder is removed.

    Raises:
        RunError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    path = Path(path)
    partial = path.with_name(own_name())
    try:
        try:
            with open(partial, "xb") as file:
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
    remove_abandoned(path.parent)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Replace the file at `path` by a value as indented JSON, or leave it as it was."""
    write_whole(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """A value as indented JSON."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def require_own(path: Path, mark: str, what: str) -> None:
    """Refuse to write a folder where something else is.

    Args:
        path: where one is to be written.
        mark: a file that tells folders of its kind.
        what: its kind, in words.

    Raises:
        RunError: there is something else.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise RunError(f"{path}: is a file; give --out a new folder")
    if path.is_dir() and any(path.iterdir()) and not (path / mark).is_file():
        raise RunError(f"{path}: not empty, and no {what}; give --out a new folder")


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files whole, in the place of an older one if there is one, or not at all.

    Raises:
        RunError: it can't be written.
    """
    partial = path.with_name(own_name())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.mkdir()
            for name, content in files.items():
                write_whole(partial / name, content)
            if path.exists():
                old = path.with_name(own_name())
                os.rename(path, old)
                os.rename(partial, path)
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.rename(partial, path)
            flush_folder(path.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise write_error(path, error) from None
    remove_abandoned(path.parent)


def own_name() -> str:
    """A hidden name in which nobody else writes, and which tells who does."""
    return f".{machine()}-{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}"


def machine() -> str:
    """A short name of the machine, for names of files."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def remove_abandoned(folder: Path) -> None:
    """Remove the files and folders of `own_name` whose writers are dead; what can't be removed stays."""
    with suppress(OSError), os.scandir(folder) as entries:
        for left in [Path(entry) for entry in entries if entry.name.endswith(PARTIAL)]:
            if is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
                with suppress(OSError):
                    left.unlink()


def is_abandoned(path: Path) -> bool:
    """Whether the writer of a file or folder with a name of `own_name` is dead, or of another machine and silent."""
    name = OWN_NAME.fullmatch(path.name)
    if name is None:
        return False  # another's
    if name[1] == machine() and os.name == "posix":
        return not is_running(int(name[2]))
    with suppress(OSError):  # it has just gone
        return time.time() - path.stat().st_mtime > ABANDONED
    return False


def is_running(process: int) -> bool:
    """Whether a process of this machine goes on; one that is dead and not yet buried by its parent does not."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    with suppress(OSError):  # where the system tells states
        return not Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].startswith(" Z")
    return True


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
    said = f"{path}: cannot be written ({reason(error)})"
    with suppress(SteerganError):  # a cache that has no place has no files
        if path.absolute().is_relative_to(cache_folder().absolute()):
            return RunError(f"{said}; {OTHER_CACHE}")
    kept = "nothing that was saved before is lost"
    return RunError(f"{said}; {kept}; make room or choose another --out, then run the same command again")


# --- read without surprises


def read_plain(path: AnyPath) -> bytes:
    """The content of a file.

    Raises:
        OSError: it can't be read.
        ValueError: it is no file with an end: a pipe, a device, or a name that no file can have.
    """
    path = Path(path)
    if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():  # of folders the system says it better
        raise ValueError("not a plain file")
    return path.read_bytes()


def read_json(path: AnyPath) -> Any:
    """A value in a JSON file.

    Raises:
        OSError: it can't be read.
        ValueError: it is no JSON, or nests too deeply.
    """
    path = Path(path)
    return parsed_json(read_plain(path))


def parsed_json(text: str | bytes) -> Any:
    """A value written as JSON.

    Raises:
        ValueError: it is no JSON, or nests too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


# --- known by their hash


def file_sha256(path: AnyPath) -> str:
    """sha256 of a file, in hexadecimal.

    Raises:
        DataError: it can't be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a file that can") from None
