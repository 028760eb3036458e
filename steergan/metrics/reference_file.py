"""Real features and their floor, kept in a folder under the protocol that they hold under."""

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steergan.errors import RunError
from steergan.files import cache_unwritable, parsed_json, read_plain, write_whole
from steergan.metrics.distances import Distances, Reals
from steergan.metrics.features import Features
from steergan.metrics.frechet import Array
from steergan.metrics.protocol import Protocol

FORMAT = 3
"""Counts up when the file, or what it is computed by, changes."""


def keep(folder: Path, protocol: Protocol, reals: Reals, floor: Distances, scrambled: Distances) -> None:
    """Write the features, the moments of the invariant ones, and the real side's distances, where that is possible."""
    arrays = {"invariant": narrowed(reals.features.invariant)}
    if reals.features.equivariant is not None:
        arrays["equivariant"] = narrowed(reals.features.equivariant)
    arrays["mean"], arrays["covariance"] = reals.invariant.mean, reals.invariant.covariance
    about = json.dumps({"protocol": key(protocol), "floor": asdict(floor), "scrambled": asdict(scrambled)})
    content = io.BytesIO()
    np.savez(content, **arrays, about=np.array(about), digest=np.array(digest_of(arrays, about)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(place(folder, protocol), content.getvalue())
    except (OSError, RunError) as error:
        cache_unwritable(error, "features of real images are computed in every run")


def read_kept(folder: Path, protocol: Protocol) -> tuple[Features[Array], Distances, Distances] | None:
    """What was kept under a protocol but for the moments; None where there is nothing, or the file is damaged."""
    try:
        content = io.BytesIO(read_plain(place(folder, protocol)))  # numpy leaves a damaged file open
        with np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about, digest = str(arrays.pop("about")), str(arrays.pop("digest"))
        table = parsed_json(about)
        if table["protocol"] != key(protocol) or digest != digest_of(arrays, about):
            return None
        wide = {name: arrays[name].astype(np.float64) for name in ("invariant", "equivariant") if name in arrays}
        floor, scrambled = (Distances(**table[name]) for name in ("floor", "scrambled"))
        return Features(wide["invariant"], wide.get("equivariant")), floor, scrambled
    except Exception:  # whatever numpy raises at odd bytes: it is made anew
        return None


def key(protocol: Protocol) -> dict[str, Any]:
    """What is kept depends on this."""
    return {"format": FORMAT, **protocol.of_reals()}


def place(folder: Path, protocol: Protocol) -> Path:
    """The file of a protocol."""
    return folder / f"{hashlib.sha256(json.dumps(key(protocol), sort_keys=True).encode()).hexdigest()[:24]}.npz"


def narrowed(rows: Array) -> NDArray[Any]:
    """Features in the float32 that networks give, where no bit is lost."""
    narrow = rows.astype(np.float32)
    return narrow if np.array_equal(narrow, rows) else rows


def digest_of(arrays: dict[str, NDArray[Any]], about: str) -> str:
    """sha256 of every array and of what is said about them."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
