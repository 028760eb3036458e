"""The run folder: what lies where, whose it is, and who may write to it."""

import json
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock
import torch

from steergan.errors import RunError
from steergan.files import PARTIAL, write_whole
from steergan.recipe import Recipe, read_recipe, write_recipe


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "resolved.toml"

    @property
    def about(self) -> Path:
        return self.path / "run.json"

    @property
    def stats(self) -> Path:
        return self.path / "stats.jsonl"

    @property
    def curves(self) -> Path:
        return self.path / "curves.png"

    @property
    def reals(self) -> Path:
        return self.path / "reals.png"

    @property
    def generator(self) -> Path:
        return self.path / "generator.safetensors"

    @property
    def discriminator(self) -> Path:
        return self.path / "discriminator.safetensors"

    @property
    def classifier(self) -> Path:
        return self.path / "classifier.safetensors"

    @property
    def trained(self) -> bool:
        """Whether there is anything to lose: a checkpoint, or weights."""
        return self.finished or any(self.path.glob("state-*.pt"))

    @property
    def finished(self) -> bool:
        return self.generator.exists()

    def metric(self, key: str) -> Path:
        return self.path / f"metric-{key}.jsonl"

    def fakes(self, step: int) -> Path:
        return self.path / (f"fakes-{step:06d}.png" if step else "fakes-init.png")

    def read_recipe(self) -> Recipe:
        """The recipe that the run was started with."""
        if not self.recipe.is_file():
            raise RunError(f"{self.path}: not a run folder (no resolved.toml); give one that `steergan train` made")
        return read_recipe(self.recipe)

    def write_recipe(self, recipe: Recipe) -> None:
        write_whole(self.recipe, write_recipe(recipe).encode())

    def read_about(self) -> dict[str, Any]:
        """run.json: versions, hardware, seeds, data.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
            missing = {"path", "image_shape", "class_names", "train", "held_out"} - about["data"].keys()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(f"{self.about}: cannot be read ({error}); start a new run with another --out") from None
        if missing:
            raise RunError(f"{self.about}: lacks data.{min(missing)}; start a new run with another --out")
        return dict(about)

    def write_about(self, about: dict[str, Any]) -> None:
        write_whole(self.about, (json.dumps(about, indent=2) + "\n").encode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else trains in this folder meanwhile.

        Raises:
            RunError: somebody does.
        """
        lock = filelock.FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise RunError(f"{self.path}: another process trains in this folder; wait for it, or use --out") from None
        try:
            yield
        finally:
            lock.release()


def next_free(root: Path, name: str) -> Path:
    """`root/00007-NAME`, one above the highest number there."""
    taken = [int(p.name[:5]) for p in root.glob("[0-9][0-9][0-9][0-9][0-9]-*")] if root.is_dir() else []
    return root / f"{max(taken, default=-1) + 1:05d}-{name}"


def claim_folder(recipe: Recipe, out: Path | None) -> RunFolder:
    """The folder to train in: `out`, or the next free `runs/00007-NAME`; made if need be.

    Raises:
        RunError: the folder holds files that are no run, or can't be made.
    """
    path = out
    while True:
        folder = RunFolder(path if path is not None else next_free(Path("runs"), recipe.name))
        try:
            folder.path.mkdir(parents=True, exist_ok=out is not None)
            break
        except FileExistsError as error:
            if out is not None:
                raise RunError(f"{out}: is a file; give --out an empty or new folder") from error
        except OSError as error:
            raise RunError(f"{folder.path}: can't be made ({error.strerror}); give --out another folder") from None
    others = [p for p in folder.path.iterdir() if p.name != ".lock" and p.suffix != PARTIAL]
    if others and not folder.recipe.exists():
        raise RunError(f"{folder.path}: not empty and not a run folder; give --out an empty or new folder")
    return folder


def settle_recipe(folder: RunFolder, recipe: Recipe) -> None:
    """Write resolved.toml into a locked folder, or see that it is this recipe's; take over where nothing is trained.

    Raises:
        RunError: the folder holds another recipe's run.
    """
    if folder.trained:
        check_same_recipe(folder, recipe)
    else:
        folder.write_recipe(recipe)


def check_same_recipe(folder: RunFolder, recipe: Recipe) -> None:
    """Refuse to continue another recipe's run, naming the first key that differs.

    How it is computed may change on the way: `performance` is not compared, run.json's `convolutions` are.
    """
    there, here = (flat(r.model_dump(exclude={"performance"})) for r in (folder.read_recipe(), recipe))
    for key in here:
        if there[key] != here[key]:
            raise RunError(
                f"{folder.path}: holds a run of another recipe ({key} = {there[key]!r} there, {here[key]!r} here); "
                f"give --out another folder, or `steergan resume {folder.path}` to continue that run"
            )


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested table with dotted keys."""
    result: dict[str, Any] = {}
    for key, value in table.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result


def surroundings(device: torch.device) -> dict[str, Any]:
    """Versions and hardware, for run.json."""
    packages = ("steergan", "torch", "escnn", "numpy", "scipy")
    hardware: dict[str, Any] = {
        "device": str(device),
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
    }
    if device.type == "cuda":
        hardware["accelerator"] = torch.cuda.get_device_name(device)
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "hardware": hardware,
    }


def processor_name() -> str:
    """The CPU's model, where the system tells it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def check_same_data(folder: RunFolder, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse other images than a run was started with; both sides as run.json's `data`.

    Raises:
        RunError: a split differs.
    """
    for split in ("train", "held_out"):
        if before[split] != now[split]:
            raise RunError(
                f"{folder.path}: the {split} images are not those that this run was started with "
                f"({now[split]['images']} images, another checksum); give the same data, or a new --out"
            )
