"""The run folder: what lies where, whose it is, and who may write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from steergan.errors import RunError, reason
from steergan.files import PARTIAL, write_whole
from steergan.recipe import AnyRecipe, Recipe, TranslationRecipe, flat, read_any_recipe, write_recipe
from steergan.run.about import About, DataAbout, read_about


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "resolved.toml"

    @property
    def about(self) -> Path:
        """Data, machine and versions, see `About`."""
        return self.path / "run.json"

    @property
    def stats(self) -> Path:
        """What every recorded step says."""
        return self.path / "stats.jsonl"

    @property
    def curves(self) -> Path:
        """Losses and metrics against steps."""
        return self.path / "curves.png"

    @property
    def reals(self) -> Path:
        """Real images of every class."""
        return self.path / "reals.png"

    @property
    def generator(self) -> Path:
        """The averaged generator's weights; there once the run is finished."""
        return self.path / "generator.safetensors"

    @property
    def discriminator(self) -> Path:
        """The trained discriminator's weights."""
        return self.path / "discriminator.safetensors"

    @property
    def classifier(self) -> Path:
        """The run's own classifier, if its metrics use one."""
        return self.path / "classifier.safetensors"

    @property
    def trained(self) -> bool:
        """Whether there is anything to lose: a checkpoint, or weights."""
        return self.finished or any(self.path.glob("state-*.pt"))

    @property
    def drawable(self) -> bool:
        """Whether there are networks to draw from: a finished run's, or a snapshot."""
        return self.finished or any((self.path / "snapshots").glob("*.safetensors"))

    @property
    def finished(self) -> bool:
        """Whether it was trained to its last step."""
        return self.generator.exists()

    def metric(self, key: str) -> Path:
        """One metric at every evaluation."""
        return self.path / f"metric-{key}.jsonl"

    def fakes(self, step: int) -> Path:
        """Samples after a step; 0 is before the first."""
        return self.path / (f"fakes-{step:06d}.png" if step else "fakes-init.png")

    def read_recipe(self) -> Recipe | TranslationRecipe:
        """The recipe that the run was started with."""
        if not self.recipe.is_file():
            raise RunError(f"{self.path}: not a run folder (no resolved.toml); give one that `steergan train` made")
        return read_any_recipe(self.recipe)

    def write_recipe(self, recipe: AnyRecipe) -> None:
        """Save the recipe that the run is trained with."""
        write_whole(self.recipe, write_recipe(recipe).encode())

    def read_about(self) -> About:
        """What run.json says.

        Raises:
            RunError: it is missing or damaged.
        """
        return read_about(self.about)

    def write_about(self, about: About) -> None:
        """Save what run.json says."""
        write_whole(self.about, about.as_json)

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
        except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
            raise RunError(f"{self.path}: can't be locked ({reason(error)}); give --out a folder on a disk") from None
        try:
            yield
        finally:
            lock.release()


def finished(folder: RunFolder) -> str:
    """What a user is told who trains in a finished run."""
    return (
        f"{folder.path}: this run is finished; `steergan {using(folder)}, "
        f"`steergan resume {folder.path} --steps N` takes more steps"
    )


def using(folder: RunFolder, more: str = "") -> str:
    """The rest of "`steergan ": what draws from a run, or translates with it, with more options, and that it does."""
    if isinstance(folder.read_recipe(), TranslationRecipe):
        return f"translate {folder.path} FOLDER{more}` translates with it"
    return f"sample {folder.path}{more}` draws from it"


def next_free(root: Path, name: str) -> Path:
    """`root/00007-NAME`, one above the highest number there."""
    taken = [int(p.name[:5]) for p in root.glob("[0-9][0-9][0-9][0-9][0-9]-*")] if root.is_dir() else []
    return root / f"{max(taken, default=-1) + 1:05d}-{name}"


def claim_folder(recipe: AnyRecipe, out: Path | None) -> RunFolder:
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


def settle_recipe(folder: RunFolder, recipe: AnyRecipe, more_steps: bool = False) -> None:
    """Write resolved.toml into a locked folder, or see that it is this recipe's; take over where nothing is trained.

    Args:
        folder: the run's.
        recipe: that is to be trained.
        more_steps: the number of steps may be another.

    Raises:
        RunError: the folder holds another recipe's run.
    """
    if folder.trained:
        check_same_recipe(folder, recipe, more_steps)
    else:
        folder.write_recipe(recipe)


def check_same_recipe(folder: RunFolder, recipe: AnyRecipe, more_steps: bool = False) -> None:
    """Refuse to continue another recipe's run, naming the first key that differs.

    How it is computed may change on the way: `performance` is not compared, run.json's `convolutions` are. So may who
    is told of it, `logging`.
    """
    there, here = (flat(r.model_dump(exclude={"performance", "logging"})) for r in (folder.read_recipe(), recipe))
    for key in here:
        if there.get(key) != here[key] and not (more_steps and key == "training.steps"):
            raise RunError(
                f"{folder.path}: holds a run of another recipe ({key} = {there.get(key)!r} there, {here[key]!r} here); "
                f"give --out another folder, or `steergan resume {folder.path}` to continue that run "
                "(with --steps, to more steps than it was started with)"
            )


def check_same_data(folder: RunFolder, before: DataAbout, now: DataAbout) -> None:
    """Refuse other images than a run was started with.

    Raises:
        RunError: a split differs.
    """
    for split, old, new in (("train", before.train, now.train), ("held_out", before.held_out, now.held_out)):
        if old != new:
            raise RunError(
                f"{folder.path}: the {split} images are not those that this run was started with "
                f"({new.images} images, another checksum); give the same data, or a new --out"
            )
