"""Programs that show how training goes, told of every row and sample grid that a run's folder holds."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from PIL import Image

from steergan.errors import RunError, reason
from steergan.extras import MissingPackageError
from steergan.recipe import AnyRecipe
from steergan.run.folder import RunFolder
from steergan.run.logger_kinds import KINDS, Logger
from steergan.run.reporting import Reporter
from steergan.training import figure_in


class Loggers:
    """All loggers of a run; one that fails is told of once and left out, because training is worth more.

    Args:
        loggers: by name.
        report: is told of a failure.
    """

    def __init__(self, loggers: Mapping[str, Logger], report: Reporter) -> None:
        self.loggers, self.report = dict(loggers), report

    def row(self, group: str, row: Mapping[str, Any]) -> None:
        """Tell the numbers of a row of stats.jsonl or of a metric file.

        Args:
            group: what stands before the names of its columns: `stats`, or the metric.
            row: with its generator step under "step".
        """
        figures = {f"{group}/{name}": figure_in(row, name) for name in row if name != "step"}
        known = {name: value for name, value in figures.items() if value is not None}
        self._tell(lambda logger: logger.scalars(row["step"], known))

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        """Tell a grid of images."""
        self._tell(lambda logger: logger.picture(step, name, image))

    def close(self) -> None:
        """Write what is still on its way."""
        self._tell(lambda logger: logger.close())
        self.loggers.clear()

    def _tell(self, what: Callable[[Logger], None]) -> None:
        for name, logger in list(self.loggers.items()):
            try:
                what(logger)
            except Exception as error:  # whatever a service, a disk or a package does
                del self.loggers[name]
                then = "nothing more is logged there, the run's folder has it all"
                self.report.message(f"{name}: {reason(error)}; {then}")

    def __enter__(self) -> "Loggers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_loggers(names: Sequence[str]) -> None:
    """Refuse loggers whose packages are not installed; imports none of them.

    Args:
        names: as `logging.to`.

    Raises:
        MissingPackageError: one is missing.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            line = f'logging.to = "{name}" needs {name}, which is not installed: pip install {name}, or leave it out'
            raise MissingPackageError(line, name=name)


def open_loggers(folder: RunFolder, recipe: AnyRecipe, step: int, report: Reporter) -> Loggers:
    """The loggers that a recipe names, where the run begins or goes on.

    Args:
        folder: of the run.
        recipe: of the run.
        step: of the checkpoint that it goes on from; 0 of a run that begins.
        report: is told where to look.

    Raises:
        RunError: one can't be opened.
        MissingPackageError: its package is not installed.
    """
    names = tuple(dict.fromkeys(recipe.logging.to))
    check_loggers(names)
    found: dict[str, Logger] = {}
    for name in names:
        try:
            found[name] = KINDS[name](folder, recipe, step)
        except Exception as error:  # no account, no network, no room
            Loggers(found, report).close()
            raise RunError(f'logging.to = "{name}": {reason(error)}; mend that, or leave it out') from None
        report.message(f"{name}: {found[name].look}")
    return Loggers(found, report)
