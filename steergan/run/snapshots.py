"""Networks as they were at an evaluation: the best by each metric and the newest, kept beside a run's last weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from steergan.errors import RunError
from steergan.files import write_whole
from steergan.run.folder import RunFolder, using
from steergan.training import JsonLines, figure_in, save_weights


class Criterion(NamedTuple):
    """A figure by which the best snapshot is chosen."""

    file: str
    """Key of the metric file."""
    column: str
    best: Callable[[list[float]], float]


CRITERIA = {
    "frechet": Criterion("frechet", "frechet_invariant", min),
    "kid": Criterion("kid", "kid", min),
    "precision": Criterion("precision-recall", "precision", max),
    "recall": Criterion("precision-recall", "recall", max),
    "density": Criterion("density-coverage", "density", max),
    "coverage": Criterion("density-coverage", "coverage", max),
    "label-agreement": Criterion("label-agreement", "label_agreement", max),
    "l1": Criterion("pairs", "l1", min),
    "psnr": Criterion("pairs", "psnr", max),
    "ssim": Criterion("pairs", "ssim", max),
}
"""By the name that follows `best:`. The first one that a run has measured is meant by `best` alone."""


class Networks(NamedTuple):
    """Files of a generator and its discriminator, and the step that they are of."""

    step: int
    generator: Path
    discriminator: Path


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of a run."""

    folder: RunFolder

    @property
    def path(self) -> Path:
        """Where they lie."""
        return self.folder.path / "snapshots"

    @property
    def last(self) -> Networks | None:
        """What a finished run saved; None of an unfinished one."""
        if not self.folder.finished:
            return None
        return Networks(self.folder.read_recipe().training.steps, self.folder.generator, self.folder.discriminator)

    def networks(self, step: int) -> Networks:
        """The files of a snapshot, be they there or not."""
        files = [self.path / f"{name}-{step:06d}.safetensors" for name in ("generator", "discriminator")]
        return Networks(step, *files)

    def steps(self) -> list[int]:
        """Of which steps there are snapshots, in order."""
        numbers = (path.stem.removeprefix("generator-") for path in self.path.glob("generator-*.safetensors"))
        return sorted(int(number) for number in numbers if number.isascii() and number.isdecimal())

    def best(self, name: str) -> tuple[int, float] | None:
        """The first step whose samples were the best by a criterion, and its figure; None where it was never measured.

        Step 0 does not count: nothing was trained.
        """
        criterion = CRITERIA[name]
        rows = JsonLines(self.folder.metric(criterion.file)).rows()
        known = {row["step"]: figure_in(row, criterion.column) for row in rows if row["step"]}
        values = {step: value for step, value in known.items() if value is not None}
        if not values:
            return None
        figure = criterion.best(list(values.values()))
        return next((step, value) for step, value in values.items() if value == figure)

    def save(
        self,
        step: int,
        generator: Mapping[str, Tensor],
        discriminator: Mapping[str, Tensor],
        metadata: Mapping[str, str],
    ) -> None:
        """Keep networks; the generator last, for it marks a whole snapshot.

        Raises:
            RunError: they can't be written.
        """
        self.path.mkdir(exist_ok=True)
        networks = self.networks(step)
        save_weights(networks.discriminator, discriminator, metadata)
        save_weights(networks.generator, generator, metadata)

    def keep_last(self) -> None:
        """Keep what a finished run saved, before it takes more steps."""
        last = self.last
        if last is not None:
            self.path.mkdir(exist_ok=True)
            kept = self.networks(last.step)
            write_whole(kept.discriminator, last.discriminator.read_bytes())
            write_whole(kept.generator, last.generator.read_bytes())

    def keep(self, *, newest: bool) -> None:
        """Delete what is not the best by any metric.

        Only once a checkpoint is saved that is as new as the figures: training that goes on from an older one measures
        anew.

        Args:
            newest: keep the newest, too.
        """
        steps = self.steps()
        wanted = {best[0] for best in map(self.best, CRITERIA) if best} | set(steps[-1:] if newest else ())
        self.delete([step for step in steps if step not in wanted])

    def truncate_after(self, step: int) -> None:
        """Delete what is of later steps."""
        self.delete([other for other in self.steps() if other > step])

    def delete(self, steps: list[int]) -> None:
        """Delete snapshots, the generators first, and what is left of others that were never whole."""
        for step in steps:
            self.networks(step).generator.unlink(missing_ok=True)
        whole = {path.name for step in self.steps() for path in self.networks(step)[1:]}
        for path in self.path.glob("*.safetensors*"):
            if path.name not in whole:
                path.unlink(missing_ok=True)

    def chosen(self, at: str | int) -> Networks:
        """The networks that a user names.

        Args:
            at: `last`, which of an unfinished run is the newest snapshot; `best`, by the first metric that was
                measured; `best:METRIC`; or a step.

        Raises:
            RunError: there is no such snapshot, or nothing was measured that could tell the best.
        """
        word, _, name = str(at).partition(":")
        if word == "last" and not name:
            return self.newest()
        if word == "best" and (not name or name in CRITERIA):
            return self.at_step(self.step_of_best(name))
        if name or not (word.isascii() and word.isdecimal()):
            raise RunError(f"--at {at}: last, best, best:METRIC or a step was wanted; METRIC is {', '.join(CRITERIA)}")
        return self.at_step(int(word))

    def newest(self) -> Networks:
        """The finished run's networks, or the newest snapshot."""
        steps, run = self.steps(), self.folder.path
        if self.last is not None or steps:
            return self.last or self.networks(steps[-1])
        raise RunError(
            f"{run}: nothing to draw from yet; the first evaluation after a step keeps a snapshot, as does "
            f"Ctrl-C after a step; `steergan resume {run}` goes on"
        )

    def step_of_best(self, name: str) -> int:
        """The best step by a criterion, or by the first that was measured where none is named."""
        for key in [name] if name else CRITERIA:
            if best := self.best(key):
                return best[0]
        what = f"{name} was never" if name else "nothing was"
        raise RunError(f"{self.folder.path}: {what} measured, so no step is known as the best; {self}")

    def advice(self) -> str | None:
        """What a user is told whose last networks are not the best by the figure that counts."""
        known = {name: best for name in CRITERIA if (best := self.best(name))}
        if not known or self.last is None:
            return None
        name, (step, value) = next(iter(known.items()))
        if step == self.last.step or step not in self.steps():
            return None
        return f"{name} was best at step {step}, {value:.4g}: `steergan {using(self.folder, ' --at best')}"

    def left(self) -> str:
        """What a run that can't go on leaves behind."""
        if steps := self.steps():
            return f"the networks of step {steps[-1]} are kept: steergan sample {self.folder.path}"
        return "nothing was kept so far"

    def at_step(self, step: int) -> Networks:
        """The networks of a step."""
        if self.last is not None and step == self.last.step:
            return self.last
        if step in self.steps():
            return self.networks(step)
        raise RunError(
            f"{self.folder.path}: no networks of step {step} were kept, only the best by each metric and the newest; "
            f"{self}"
        )

    def __str__(self) -> str:
        """What there is to choose from."""
        steps = sorted({*self.steps(), *([self.last.step] if self.last else [])})
        return f"--at takes step {', '.join(map(str, steps))}" if steps else "there are none"
