"""Zip files of images, such as StyleGAN's dataset tool writes, are unpacked once, into the cache folder."""

import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from steergan.data.label_table import TABLE, stays_inside
from steergan.data.originals import is_hidden, resolve_path
from steergan.data.picture_files import ENDINGS
from steergan.data.stamps import file_hashes
from steergan.errors import DataError, SteerganError, reason, shown
from steergan.files import cache_folder, own_name, remove_abandoned, write_error


def resolve_images(path: str) -> Path:
    """`data.path` as a folder of images that exists; of a zip file, the folder into which it is unpacked.

    Args:
        path: as `resolve_path`.

    Raises:
        DataError: there is nothing; a zip file that is damaged or names files outside itself.
        RunError: the cache folder can't hold what is in the zip file.
    """
    root = resolve_path(path)
    return unpacked(root) if root.suffix.lower() == ".zip" and root.is_file() else root


def unpacked(path: Path) -> Path:
    """A folder with the images of a zip file and its `dataset.json`; made at the first call, whole or not at all.

    A folder that is all that a zip file holds is entered.

    Args:
        path: of the zip file.

    Raises:
        DataError: no readable zip file, or names in it that leave it.
        RunError: the cache folder can't hold it.
    """
    (digest,) = file_hashes(path, [path])
    folder = cache_folder() / "unpacked" / digest[:16] / path.stem
    try:
        with zipfile.ZipFile(path) as archive:
            members = wanted_members(path, archive)
            if not is_whole(folder, members):
                unpack(path, archive, members, folder)
    except SteerganError:
        raise
    except Exception as error:  # whatever decoders raise at damaged, encrypted and exotic files
        came = f"not a readable zip file ({reason(error)})"
        raise DataError(f"{path}: {came}; make it again, or unpack it yourself and give the folder") from None
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


def wanted_members(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Images and tables in a zip file; hidden files and other kinds stay in it.

    Raises:
        DataError: a name that leaves the folder or comes twice; no image.
    """
    found: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        parts = Path(member.filename).parts
        if member.is_dir():
            continue
        if not stays_inside(member.filename):
            came = f"{shown(member.filename)} leaves the folder into which it is unpacked"
            raise DataError(f"{path}: {came}; zip the images by relative names")
        if any(map(is_hidden, parts)):
            continue
        if parts[-1] != TABLE and Path(parts[-1]).suffix.lower() not in ENDINGS:
            continue
        if member.filename in found:
            raise DataError(f"{path}: {shown(member.filename)} comes twice; make it again")
        found[member.filename] = member
    if all(name.endswith(TABLE) for name in found):
        raise DataError(f"{path}: no images in it; {', '.join(sorted(ENDINGS))} files were wanted")
    return list(found.values())


def is_whole(folder: Path, members: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether a folder holds what was unpacked into it."""
    try:
        return all((folder / one.filename).stat().st_size == one.file_size for one in members)
    except OSError:
        return False


def unpack(path: Path, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], folder: Path) -> None:
    """Make a folder of members of a zip file.

    Raises:
        RunError: it can't be written; nothing is left behind.
    """
    partial = folder.with_name(own_name())
    try:
        try:
            partial.mkdir(parents=True)
            for member in members:
                archive.extract(member, partial)
            shutil.rmtree(folder, ignore_errors=True)  # damaged since
            os.rename(partial, folder)
        except OSError as error:
            if not is_whole(folder, members):  # else another process was faster
                raise write_error(folder, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    remove_abandoned(folder.parent)
