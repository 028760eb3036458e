"""The run folder: what lies where, whose it is, and who may write to it."""

import json
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock
import torch

from steergan.errors import RunError
from steergan.recipe import Recipe, read_recipe, write_recipe
from steergan.training import write_whole


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

    def read_about(self) -> dict[str, Any]:
        """run.json: versions, hardware, seeds, data.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return dict(json.loads(self.about.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.about}: cannot be read ({error}); start a new run with another --out") from None

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


def open_run(recipe: Recipe, out: Path | None) -> tuple[RunFolder, bool]:
    """The folder to train in, and whether it is new; a new one is made and gets its resolved.toml.

    Raises:
        RunError: the folder holds another recipe's run, or files that are no run; or it can't be written.
    """
    folder = RunFolder(out if out is not None else next_free(Path("runs"), recipe.name))
    if folder.recipe.exists():
        check_same_recipe(folder, recipe)
        return folder, False
    if folder.path.is_dir() and any(folder.path.iterdir()):
        raise RunError(f"{folder.path}: not empty and not a run folder; give --out an empty or new folder")
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder.path}: can't be made ({error.strerror}); give --out another folder") from None
    write_whole(folder.recipe, write_recipe(recipe).encode())
    return folder, True


def check_same_recipe(folder: RunFolder, recipe: Recipe) -> None:
    """Refuse to continue another recipe's run, naming the first key that differs."""
    there, here = flat(folder.read_recipe().model_dump()), flat(recipe.model_dump())
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
