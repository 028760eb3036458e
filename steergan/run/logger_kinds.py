"""The loggers that `logging.to` may name; each imports its package when it is opened."""

import os
import secrets
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from steergan.files import write_whole
from steergan.recipe import AnyRecipe
from steergan.run.folder import RunFolder

PROJECT = "steergan"
"""Under which services keep runs, where the user says nothing else (WANDB_PROJECT, TRACKIO_PROJECT)."""


class Logger(Protocol):
    """What is told how a run goes, in order of steps; after a resume, from the step behind the checkpoint on."""

    look: str
    """What a user does to see it, in words."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a generator step, by names such as `stats/generator_loss`."""

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        """A grid of images, gray or RGB, of 8 bits."""

    def close(self) -> None:
        """Nothing more will come."""


class TensorBoard:
    """Event files in the run's folder; those of steps that a resumed run takes again are purged.

    Args:
        folder: of the run.
        recipe: of the run.
        step: of the checkpoint; 0 of a run that begins.
    """

    def __init__(self, folder: RunFolder, recipe: AnyRecipe, step: int) -> None:
        where = folder.path / "tensorboard"
        self.look = f"tensorboard --logdir {where}"
        writer = import_module("torch.utils.tensorboard").SummaryWriter
        self.writer = writer(str(where), purge_step=step + 1 if step else 0)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a generator step."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        """A grid of images."""
        pixels = np.asarray(image)
        self.writer.add_image(name, pixels, step, dataformats="HW" if pixels.ndim == 2 else "HWC")
        self.writer.flush()  # evaluations are rare, and somebody waits for their pictures

    def close(self) -> None:
        """Nothing more will come."""
        self.writer.close()


class Service:
    """What wandb and trackio, which has its interface, have in common."""

    package: Any
    """Imported."""
    run: Any
    """What its `init` gave."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a generator step."""
        self.run.log(dict(values), step=step)

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        """A grid of images."""
        self.run.log({name: self.package.Image(image)}, step=step)

    def close(self) -> None:
        """Nothing more will come."""
        self.run.finish()


class WeightsAndBiases(Service):
    """A run of wandb, which goes on under its id; steps that it has already are not logged again where it knows them.

    Args:
        folder: of the run; what wandb keeps locally lies in it.
        recipe: of the run.
        step: of the checkpoint; 0 of a run that begins.
    """

    def __init__(self, folder: RunFolder, recipe: AnyRecipe, step: int) -> None:
        self.package = import_module("wandb")
        self.run = self.package.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=log_id(folder, step),
            name=folder.path.resolve().name,
            dir=str(folder.path),
            resume="allow",
            config=recipe.model_dump(mode="json"),
            settings=self.package.Settings(console="off", quiet=True),  # the terminal is ours
        )
        here = f"{self.run.dir.removesuffix('files').rstrip(os.sep)}; wandb sync sends it"
        self.look = here if self.run.offline else self.run.url


class Trackio(Service):
    """A run of trackio, in a database on this machine; a resumed run goes on in it, and repeats steps that it repeats.

    Args:
        folder: of the run.
        recipe: of the run.
        step: of the checkpoint; 0 of a run that begins.
    """

    def __init__(self, folder: RunFolder, recipe: AnyRecipe, step: int) -> None:
        project = os.environ.get("TRACKIO_PROJECT", PROJECT)
        self.look = f'trackio show --project "{project}"'
        self.package = import_module("trackio")
        self.run = self.package.init(
            project=project,
            name=f"{folder.path.resolve().name}-{log_id(folder, step)}",
            resume="allow",
            config=recipe.model_dump(mode="json"),
            embed=False,
        )


KINDS: Mapping[str, Callable[[RunFolder, AnyRecipe, int], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "trackio": Trackio,
}
"""By the name of the package, which is the one that `logging.to` says."""


def log_id(folder: RunFolder, step: int) -> str:
    """What tells a run from all others at a service; kept in its folder, and new where the run begins again.

    Args:
        folder: of the run.
        step: of the checkpoint; 0 of a run that begins.
    """
    path: Path = folder.path / "log-id"
    if not step or not path.is_file():
        write_whole(path, secrets.token_hex(8).encode())
    return path.read_text()
