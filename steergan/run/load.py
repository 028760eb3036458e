"""Networks from a run folder, as they are evaluated: averaged generator, trained discriminator, evaluation mode."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from steergan import data
from steergan.data import ImageSet
from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.networks import Discriminator, Generator
from steergan.recipe import Recipe
from steergan.run.about import About, DataAbout, FileAbout, SplitAbout
from steergan.run.build import build_discriminator, build_generator
from steergan.run.folder import RunFolder, check_same_data
from steergan.run.reporting import Reporter, stage_before_training
from steergan.run.snapshots import Snapshots
from steergan.training import load_weights


class LoadedRun(NamedTuple):
    """A run's networks on the CPU, and what is known about it."""

    folder: RunFolder
    recipe: Recipe
    about: About
    generator: Generator
    discriminator: Discriminator
    step: int
    """After which the networks were saved."""


def load_run(path: AnyPath | LoadedRun, at: str | int = "last") -> LoadedRun:
    """A run's networks, in evaluation mode: what `sample`, `interpolate`, `evaluate` and `verify_run` take, too.

    Args:
        path: of the run folder; a run that is loaded is given back as it is, with the networks that it has.
        at: `last`, which of an unfinished run is its newest snapshot; `best`, by the run's Frechet distance, or by KID
            where it has none; `best:METRIC`; or the step of a snapshot.

    Raises:
        RunError: no run folder, nothing saved in it yet, or no such snapshot.
    """
    if isinstance(path, LoadedRun):
        return path
    folder = RunFolder(Path(path))
    recipe, about = folder.read_recipe(), folder.read_about()
    step, *files = Snapshots(folder).chosen(at)
    image_shape, classes = about.data.image_shape, len(about.data.class_names)
    generator = build_generator(recipe, image_shape, classes)
    discriminator = build_discriminator(recipe, image_shape, classes)
    for network, file in zip((generator, discriminator), files, strict=True):
        fill(network, load_weights(file)[0], file)
    return LoadedRun(folder, recipe, about, generator.eval(), discriminator.eval(), step)


def fill(network: nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    """Load weights, or say in one line that they are another network's."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{source}: the weights are of other networks than the recipe's ({reason})") from None


class RunData(NamedTuple):
    """The images of a run."""

    train: ImageSet
    """What `data.fraction` leaves."""
    held_out: ImageSet
    whole_train: ImageSet
    """All training images, at all angles: the floor is theirs, so that runs on different shares have the same."""
    account: data.Account
    """Class by class, and what was left out."""
    example: str = ""
    """The name of a file whose image has the images' shape, where one is known."""


def load_data(recipe: Recipe, data_path: str | None, report: Reporter) -> RunData:
    """The images that a recipe names, prepared first where they have not been."""
    settings = recipe.data if data_path is None else recipe.data.model_copy(update={"path": data_path})
    prepared = data.prepare(settings, partial(stage_before_training, report, f"preparing {settings.name}"))
    if prepared.refused:
        report.message(f"{len(prepared.refused)} damaged or mislabelled files left out: see steergan data list")
    whole = prepared.splits["train"]
    if settings.angles < 360:
        whole = data.prepare(settings.model_copy(update={"angles": 360.0, "turn": "once"})).splits["train"]
    return RunData(
        data.take(prepared, settings, "train"),
        data.take(prepared, settings, "held_out"),
        whole,
        data.account_of(prepared, settings),
        prepared.manifest.get("example", ""),
    )


def data_of(run: LoadedRun, data_path: str | None, report: Reporter) -> RunData:
    """The images that a run was started with.

    Args:
        run: a loaded one.
        data_path: where the originals are now; None: where they were.
        report: is told what takes a while.

    Raises:
        SteerganError: they can't be found, or are other images.
    """
    turned = run.recipe.data.model_copy(update={"turn": "once"})  # what is measured needs no unturned originals
    where = data_path if data_path is not None else run.about.data.path
    images = load_data(run.recipe.model_copy(update={"data": turned}), where, report)
    check_same_data(run.folder, run.about.data, describe_data(images))
    return images


def class_names(path: AnyPath) -> list[str]:
    """Names of the classes that a run knows."""
    path = Path(path)
    folder = RunFolder(path)
    folder.read_recipe()  # what is no run is refused as such
    return list(folder.read_about().data.class_names)


def describe_data(images: RunData, path: str = "") -> DataAbout:
    """What run.json says about the images and where they come from."""
    return DataAbout(
        path=str(data.resolve_path(path).resolve()) if path else None,
        image_shape=images.train.image_shape,
        class_names=images.train.class_names,
        train=SplitAbout(images=len(images.train), checksum=images.train.checksum),
        held_out=SplitAbout(images=len(images.held_out), checksum=images.held_out.checksum),
        left_out=tuple(FileAbout(name=one.name, reason=one.reason) for one in images.account.left_out),
    )
