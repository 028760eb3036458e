"""Checkpoints: written whole or not at all, read without running code, checked before they are trusted."""

import io
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from steergan.errors import RunError, reason
from steergan.files import PARTIAL, read_plain, write_whole
from steergan.seals import DIGEST, check_seal, sealed_safetensors, texts_apart

STATE_NAME = re.compile(r"state-(\d{6,})\.pt")


class LatestState(NamedTuple):
    """What a run can continue from."""

    path: Path
    state: dict[str, Any]
    damaged: list[Path]
    """Later checkpoints that cannot be read, newest first."""


def save_state(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them to `path`, whole or not at all.

    Raises:
        RunError: the disk is full or the folder cannot be written; an older file at `path` is still whole.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_whole(path, buffer.getbuffer())


def load_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `save_state` wrote, on the CPU; every byte is checked, and no code in the file is run.

    Raises:
        RunError: no such file, or a damaged one.
    """
    path = Path(path)
    check_whole(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch raises at odd bytes
        raise damaged_error(path, error) from None
    if not isinstance(state, dict):
        raise damaged_error(path, "not a table")
    return state


def save_checkpoint(folder: str | os.PathLike[str], step: int, state: Mapping[str, Any], keep: int = 2) -> Path:
    """Write `state-NNNNNN.pt` for generator step `step`, check it, then delete all but the last `keep` whole ones.

    Raises:
        RunError: the disk is full or the folder cannot be written; every older checkpoint is still there.
    """
    path = Path(folder) / f"state-{step:06d}.pt"
    save_state(path, state)
    check_whole(path)
    older = [p for p in state_paths(folder) if step_of(p) < step]
    whole = [path, *(p for p in older if is_whole(p))]
    for old in state_paths(folder):
        if old not in whole[:keep]:
            old.unlink(missing_ok=True)
    for partial in Path(folder).glob(f"state-*.pt{PARTIAL}"):
        partial.unlink(missing_ok=True)
    return path


def latest_state(folder: str | os.PathLike[str]) -> LatestState | None:
    """The newest checkpoint of a run folder that can be read, and the damaged ones passed over; None if it has none.

    Raises:
        RunError: there are checkpoints, and all are damaged.
    """
    damaged: list[Path] = []
    for path in state_paths(folder):
        try:
            return LatestState(path, load_run_state(path), damaged)
        except RunError:
            damaged.append(path)
    if damaged:
        names = ", ".join(path.name for path in damaged)
        raise RunError(f"{folder}: every checkpoint is damaged ({names}); delete them to start from the beginning")
    return None


def load_run_state(path: Path) -> dict[str, Any]:
    """A checkpoint that says of which step it is.

    Raises:
        RunError: it is damaged, or something else.
    """
    state = load_state(path)
    if type(state.get("step")) is not int:
        raise damaged_error(path, "no step in it")
    return state


def state_paths(folder: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints of a run folder, newest first."""
    found = (path for path in Path(folder).glob("state-*.pt") if STATE_NAME.fullmatch(path.name))
    return sorted(found, key=step_of, reverse=True)


def step_of(path: Path) -> int:
    """The generator step in a checkpoint's name."""
    match = STATE_NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def check_whole(path: Path) -> None:
    """Compare every member of the archive with its checksum, which torch.load does not do.

    Raises:
        RunError: no such file, or a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except FileNotFoundError:
        raise RunError(f"{path}: no such checkpoint; `steergan train` with the same --out writes one") from None
    except Exception as error:  # whatever zipfile raises at odd bytes
        raise damaged_error(path, error) from None
    if bad is not None:
        raise damaged_error(path, f"wrong checksum of {bad}")


def is_whole(path: Path) -> bool:
    """Whether `check_whole` has nothing to say."""
    try:
        check_whole(path)
    except RunError:
        return False
    return True


def damaged_error(path: Path, why: BaseException | str) -> RunError:
    """The user's line about a file that cannot be read."""
    first = reason(why) if isinstance(why, BaseException) else why
    return RunError(f"{path}: damaged or not steergan's ({first}); delete it to use an older one, or train again")


def save_weights(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors alone, with text beside them, as safetensors; whole or not at all.

    Equal tensors and texts make equal files. Among the texts is `sha256`, the digest of the same file without it.

    Raises:
        RunError: the disk is full or the folder cannot be written.
    """
    plain = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    write_whole(path, sealed_safetensors(safetensors.torch.save(plain, dict(metadata))))


def load_weights(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, on the CPU, and the text that `save_weights` wrote; a file without a digest is taken as it is.

    Raises:
        RunError: no such file, or a damaged one.
    """
    path = Path(path)
    try:
        content = read_plain(path)
        tensors = safetensors.torch.load(content)
        check_seal(content)
        metadata = texts_apart(content)[1]
    except FileNotFoundError:
        raise RunError(f"{path}: no such file of weights; a finished `steergan train` writes one") from None
    except Exception as error:  # whatever safetensors raises at odd bytes
        raise RunError(
            f"{path}: damaged or not steergan's ({reason(error)}); get the file again, choose another --at, or delete "
            "the run's generator.safetensors and `steergan resume` it, which makes both anew from the last checkpoint"
        ) from None
    metadata.pop(DIGEST, None)
    return tensors, metadata
