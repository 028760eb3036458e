"""Prepared sets on disk: arrays and a manifest in a folder named by what they were made from; whole or not at all."""

import atexit
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from steergan.data.arrays import read_arrays
from steergan.data.images import SPLITS, ImageSet, Labels, Pixels, Split, checksum
from steergan.data.plan import LeftOut, Plan
from steergan.data.stamps import is_verified, mark_verified, read_json
from steergan.errors import DataError, reason
from steergan.files import OTHER_CACHE, cache_folder, own_name, remove_abandoned
from steergan.seals import sealed

FORMAT = 1
"""Counts up when prepared sets of older versions must not be used any more."""

FILES = ("manifest.json", *(f"{split}-{what}.npy" for split in SPLITS for what in ("images", "labels")))
"""What a prepared set consists of."""


class CacheError(DataError):
    """The cache folder can't be written, or is full."""


class SplitCounts(BaseModel):
    """What a manifest says of a split."""

    count: int
    per_class: list[int]
    bytes: int
    sha256: str


class Refused(BaseModel):
    """What a manifest says of a file that is not in the set."""

    name: str
    reason: str


class Manifest(BaseModel):
    """What every manifest says; what else a source decides by stands beside it."""

    format: int
    name: str
    kind: str = ""
    rule: str
    class_names: list[str]
    image_shape: tuple[int, int, int]
    copies: int
    splits: dict[Split, SplitCounts]
    left_out: list[Refused] = []
    refused: list[Refused] = []
    notes: list[str] = []
    example: str = ""
    inputs: int = 0


@dataclass(frozen=True)
class Prepared:
    """A set that is ready to be loaded.

    Args:
        folder: where it lies; None when it is kept in memory.
        splits: both splits, whole.
        copies: consecutive images that show one original.
        manifest: what it was made from, and how.
    """

    folder: Path | None
    splits: Mapping[Split, ImageSet]
    copies: int
    manifest: Mapping[str, Any]

    @property
    def left_out(self) -> list[LeftOut]:
        """All that the set doesn't have: what was refused, and what a user decided to do without."""
        refused = [LeftOut(one["name"], one["reason"]) for one in self.refused]
        return [*(LeftOut(**one) for one in self.manifest.get("left_out", ())), *refused]

    @property
    def refused(self) -> Sequence[Mapping[str, str]]:
        """`name` and `reason` of what was left out because it is damaged or mislabelled."""
        refused: Sequence[Mapping[str, str]] = self.manifest.get("refused", ())
        return refused


def prepared_root() -> Path:
    """The folder of prepared sets."""
    return cache_folder() / "prepared"


def folder_for(identity: Mapping[str, Any]) -> Path:
    """Where the set with this identity (source checksum and settings) is kept."""
    text = json.dumps({**identity, "format": FORMAT}, sort_keys=True)
    return prepared_root() / f"{identity['name']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def read_prepared(folder: Path) -> Prepared | None:
    """The set in a folder, memory-mapped; None if it isn't there or is damaged.

    The pixels are checked the first time, and whenever a file was changed since.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    splits: dict[Split, ImageSet] = {}
    try:
        trusted = is_verified(folder, FILES)
        for split in SPLITS:
            wanted = manifest["splits"][split]["sha256"]
            images, labels = read_arrays(folder, split)
            if not trusted and checksum(images, labels) != wanted:
                return None
            splits[split] = ImageSet(images, labels, tuple(manifest["class_names"]), wanted)
        if not trusted:
            mark_verified(folder, FILES)
        return Prepared(folder, splits, int(manifest["copies"]), manifest)
    except Exception:  # whatever numpy raises at odd bytes, or odd values of the manifest: it is made anew
        return None


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a prepared set; None if it isn't there, is damaged, or is of another version."""
    manifest = read_json(folder / "manifest.json")
    try:
        return None if Manifest.model_validate(manifest).format != FORMAT else manifest
    except ValidationError:
        return None


def prepared_manifests() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every prepared set in the cache, by folder name."""
    for folder in sorted(prepared_root().glob("[!.]*-*")):
        manifest = read_manifest(folder)
        if manifest is not None:
            yield folder, manifest


def write_manifest(folder: Path, plan: Plan, identity: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    """What a set was made from, and how."""
    manifest = {
        **identity,
        "format": FORMAT,
        "rule": plan.rule,
        "class_names": list(plan.class_names),
        "image_shape": list(plan.image_shape),
        **({"left_out": [one._asdict() for one in plan.left_out]} if plan.left_out else {}),
        **({"notes": list(plan.notes)} if plan.notes else {}),
        **({"example": plan.example} if plan.example else {}),
        **({"inputs": plan.inputs} if plan.inputs else {}),
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(sealed(manifest), indent=1) + "\n", encoding="utf-8")


def read_back(final: Path) -> Prepared:
    """The set that was just written.

    Raises:
        CacheError: it is not what was written.
    """
    prepared = read_prepared(final)
    if prepared is None:
        raise CacheError(f"{final}: can't be read back; check the disk, or set STEERGAN_CACHE to another folder")
    return prepared


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Wait for other processes that write the set, or the share, of this name."""
    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{name}.lock"):
        yield


@cache
def elsewhere() -> Path:
    """A folder of this process for what the cache can't take, removed at its end; those of killed ones go, too.

    Raises:
        OSError: it can't be made.
    """
    root = Path(tempfile.gettempdir())
    remove_abandoned(root)
    folder = root / own_name()
    folder.mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def temporary_folder(final: Path) -> Iterator[Path]:
    """A folder beside the final one, gone afterwards unless it was moved there; those of killed processes go, too."""
    final.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(final.parent)
    temporary = final.with_name(own_name())
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(temporary: Path, final: Path) -> None:
    """Give a complete folder its name; a damaged one of that name makes way, a good one (of another process) stays."""
    try:
        os.replace(temporary, final)
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES):
            raise
    if read_prepared(final) is not None:
        shutil.rmtree(temporary, ignore_errors=True)
        return
    with temporary_folder(final) as aside:
        os.replace(final, aside / "damaged")
        os.replace(temporary, final)


def read_written(folder: Path, split: Split) -> tuple[Pixels, Labels]:
    """What was just written, before the folder gets its name.

    Raises:
        OSError: it is not there, or not whole: somebody else was at it.
    """
    try:
        return read_arrays(folder, split)
    except (ValueError, EOFError) as error:
        raise OSError(errno.EIO, f"not what was written: {reason(error)}") from None


@contextmanager
def cache_faults(kept: str = "") -> Iterator[None]:
    """Faults of the cache folder in one line, which ends with what they left."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
        raise CacheError(f"{prepared_root()}: cannot be written ({reason(error)}); {OTHER_CACHE}{kept}") from None
