"""One stretch of training in a run folder: what happens at every record, evaluation and checkpoint."""

from typing import Any, cast

from torch import Tensor

from steergan import __version__
from steergan.copies import copied
from steergan.layers import converge_spectral_norm
from steergan.pictures import curves, save_png
from steergan.recipe import AnyRecipe
from steergan.run.costs import costs
from steergan.run.folder import RunFolder
from steergan.run.load import RunImages
from steergan.run.loggers import Loggers
from steergan.run.players import idle_words, score_players
from steergan.run.reporting import Reporter
from steergan.run.snapshots import Snapshots
from steergan.run.tasks import Task
from steergan.training import (
    Discriminator,
    Generator,
    Hooks,
    JsonLines,
    Row,
    RunState,
    save_checkpoint,
    save_weights,
)
from steergan.training.protocols import as_module

REMEDIES = "docs/guide/bad-pictures.md"


class Session:
    """One stretch of training in a folder: what happens at every record, evaluation and checkpoint.

    Args:
        folder: the run's, locked.
        recipe: of the run.
        task: what it is for.
        state: that is trained.
        images: of the run.
        report: who is told.
        loggers: who is told every row and picture.
    """

    def __init__(
        self,
        folder: RunFolder,
        recipe: AnyRecipe,
        task: Task,
        state: RunState,
        images: RunImages[Any],
        report: Reporter,
        loggers: Loggers,
    ) -> None:
        self.folder, self.recipe, self.task, self.state, self.report = folder, recipe, task, state, report
        self.loggers, self.images = loggers, images
        self.conditions = task.conditions(images)
        self.stats = JsonLines(folder.stats)
        self.snapshots = Snapshots(folder)
        self.players = JsonLines(folder.metric("players"))
        self.said: set[str] = set()
        """What was said of idle players in this stretch."""
        self.evaluation = task.evaluation(images, folder, state.device, report)

    def start(self) -> Hooks:
        """Bring the folder to where the state is; the hooks of what follows."""
        new = self.state.step == 0
        done = -1 if new else self.state.step
        self.stats.truncate_after(done)
        self.evaluation.truncate_after(done)
        self.snapshots.truncate_after(done)
        self.players.truncate_after(done)
        if new:
            reals = self.task.reals(self.images)
            save_png(reals, self.folder.reals)
            self.loggers.picture(0, "reals", reals)
            self.evaluate(0)
        else:
            self.evaluation.prepare()
        self.evaluation.before_training = False
        return Hooks(
            evaluate_every=self.recipe.evaluation.every,
            on_record=self.record,
            on_evaluate=self.evaluate,
            on_checkpoint=self.checkpoint,
        )

    def finish(self) -> None:
        """Save the weights, and say how it went."""
        generator, metadata = self.average(), self.metadata
        save_weights(self.folder.discriminator, as_module(self.discriminator()).state_dict(), metadata)
        save_weights(self.folder.generator, as_module(generator).state_dict(), metadata)  # last: the run is finished
        self.snapshots.keep(newest=False)
        self.report.message(self.evaluation.summary())
        if advice := self.snapshots.advice():
            self.report.message(advice)

    def stop(self) -> None:
        """Keep the networks of a run that ends before its last step, so that they can be looked at."""
        self.keep_snapshot(self.average(), self.discriminator())

    def record(self, row: Row) -> None:
        """Keep and tell what a step recorded, and what it cost."""
        whole = {**row, **costs(row, self.recipe.training, self.state.device)}
        self.stats.append(whole)
        self.loggers.row("stats", whole)
        self.report.progress(row, int(row["step"]), self.recipe.training.steps)

    def evaluate(self, step: int) -> None:
        """A grid of samples, metrics and the curves, from the averaged generator."""
        generator = self.average()
        fakes = self.task.fakes(generator, self.images)
        save_png(fakes, self.folder.fakes(step))
        self.loggers.picture(step, "fakes", fakes)
        if step == 0:
            self.evaluation.prepare()  # which may take a while: there is something to look at meanwhile
        discriminator, levels = self.discriminator(), {}
        if self.evaluation.measures:
            drawn = self.evaluation.draw(generator)
            line = self.evaluation.measure_and_record(drawn, step)
            self.report.message(f"step {step}: {line}")
            for key, file in self.evaluation.row_files.items():
                for row in file.rows()[-1:]:
                    self.loggers.row(key, row)
            self.look_at_players(step, discriminator, drawn)
            levels = self.evaluation.levels
        save_png(
            curves(self.stats.rows(), self.evaluation.rows(), players=self.players.rows(), **levels),
            self.folder.curves,
        )
        if step:
            self.keep_snapshot(generator, discriminator)

    def look_at_players(self, step: int, discriminator: Discriminator, drawn: Tensor) -> None:
        """Record how the players stand, and say once if one of them is idle."""
        images, labels = self.images, self.evaluation.labels
        row = score_players(discriminator, (drawn, labels), images.train, images.held_out, self.recipe.loss)
        self.players.append({"step": step, **row})
        self.loggers.row("players", {"step": step, **row})
        for kind, words in idle_words(self.players.rows()).items():
            if kind not in self.said:
                self.said.add(kind)
                self.report.message(f"step {step}: {words}; see {REMEDIES}")

    def checkpoint(self, step: int) -> None:
        """Save the state after a step."""
        save_checkpoint(self.folder.path, step, self.state.state_dict())
        self.snapshots.keep(newest=True)

    def average(self) -> Generator:
        """The averaged generator, ready to be evaluated or saved."""
        return self.state.average.snapshot(self.state.step, self.conditions, law=self.task.latent_law)

    def discriminator(self) -> Discriminator:
        """A copy of the trained discriminator, ready to be looked at or saved."""
        copy = copied(as_module(self.state.discriminator))
        converge_spectral_norm(copy)
        return cast(Discriminator, copy.eval())

    def keep_snapshot(self, generator: Generator, discriminator: Discriminator) -> None:
        """Save the networks of this step beside the others that are kept."""
        weights = [as_module(network).state_dict() for network in (generator, discriminator)]
        self.snapshots.save(self.state.step, weights[0], weights[1], self.metadata)

    @property
    def metadata(self) -> dict[str, str]:
        """What is written beside weights."""
        return {"steergan": __version__, "recipe": self.recipe.name, "step": str(self.state.step)}
