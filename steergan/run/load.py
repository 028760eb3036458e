"""Networks from a run folder, as they are evaluated: averaged generator, trained discriminator, evaluation mode."""

from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from torch import Tensor, nn

from steergan import data
from steergan.data import ImageSet
from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.networks import Discriminator, Generator
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.about import About, DataAbout, FileAbout, SplitAbout
from steergan.run.build import Kind, build_pair
from steergan.run.folder import RunFolder
from steergan.run.reporting import Reporter, stage_before_training
from steergan.run.snapshots import Snapshots
from steergan.training import load_weights
from steergan.translation import PairJudge, PairSet, Translator

Set = TypeVar("Set")


class LoadedRun(NamedTuple):
    """A run's networks on the CPU, and what is known about it."""

    folder: RunFolder
    recipe: Recipe
    about: About
    generator: Generator
    discriminator: Discriminator
    step: int
    """After which the networks were saved."""


class LoadedTranslation(NamedTuple):
    """The networks of a run that translates images, on the CPU, and what is known about it."""

    folder: RunFolder
    recipe: TranslationRecipe
    about: About
    generator: Translator
    discriminator: PairJudge
    step: int
    """After which the networks were saved."""


def load_run(path: AnyPath | LoadedRun, at: str | int = "last") -> LoadedRun:
    """A run's networks, in evaluation mode: what `sample`, `interpolate`, `evaluate` and `verify_run` take, too.

    Args:
        path: of the run folder; a run that is loaded is given back as it is, with the networks that it has.
        at: `last`, which of an unfinished run is its newest snapshot; `best`, by the run's Frechet distance, or by KID
            where it has none; `best:METRIC`; or the step of a snapshot.

    Raises:
        RunError: no run folder, nothing saved in it yet, or no such snapshot; a run that translates images.
    """
    run = load_any_run(path, at)
    if isinstance(run, LoadedTranslation):
        raise RunError(translates(run.folder.path))
    return run


def translates(path: Path) -> str:
    """What a user is told who wants images from latents of a run that has none."""
    return (
        f"{path}: this run translates images and draws none from latents; "
        f"`steergan translate {path} FOLDER` does what it can"
    )


def load_translation(path: AnyPath | LoadedTranslation, at: str | int = "last") -> LoadedTranslation:
    """The networks of a run that translates images, in evaluation mode.

    Args:
        path: as of `load_run`.
        at: likewise.

    Raises:
        RunError: as `load_run`; a run that draws images from latents.
    """
    run = load_any_run(path, at)
    if isinstance(run, LoadedRun):
        raise RunError(
            f"{run.folder.path}: this run draws images from latents and translates none; "
            f"`steergan sample {run.folder.path}` does"
        )
    return run


def load_any_run(
    path: AnyPath | LoadedRun | LoadedTranslation, at: str | int = "last"
) -> LoadedRun | LoadedTranslation:
    """A run's networks, of whatever kind it is, in evaluation mode; arguments and refusals as of `load_run`."""
    if isinstance(path, LoadedRun | LoadedTranslation):
        return path
    folder = RunFolder(Path(path))
    recipe, about = folder.read_recipe(), folder.read_about()
    step, *files = Snapshots(folder).chosen(at)
    networks = build_pair(recipe, kind_of(about.data))
    for network, file in zip(networks, files, strict=True):
        fill(network, load_weights(file)[0], file)
        network.eval()
    loaded: Any = LoadedTranslation if isinstance(recipe, TranslationRecipe) else LoadedRun
    found: LoadedRun | LoadedTranslation = loaded(folder, recipe, about, *networks, step)
    return found


def fill(network: nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    """Load weights, or say in one line that they are another network's."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{source}: the weights are of other networks than the recipe's ({reason})") from None


class RunImages(NamedTuple, Generic[Set]):
    """The images of a run."""

    train: Set
    """What `data.fraction` leaves."""
    held_out: Set
    whole_train: Set
    """All training images, at all angles: the floor is theirs, so that runs on different shares have the same."""
    account: data.Account
    """Class by class, and what was left out."""
    example: str = ""
    """The name of a file whose image has the images' shape, where one is known."""
    enlarged: Set | None = None
    """The training images at another size, which batches are cut from; None: they are `train`."""


RunData = RunImages[ImageSet]
RunPairs = RunImages[PairSet]


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


def class_names(path: AnyPath) -> list[str]:
    """Names of the classes that a run knows."""
    path = Path(path)
    folder = RunFolder(path)
    if isinstance(folder.read_recipe(), TranslationRecipe):  # what is no run is refused as such
        raise RunError(translates(path))
    return list(folder.read_about().data.class_names)


def kind_of(known: DataAbout) -> Kind:
    """What networks have to know of a run's images."""
    return Kind(known.image_shape, len(known.class_names), known.input_shape)


def describe_data(images: RunData | RunPairs, path: str = "") -> DataAbout:
    """What run.json says about the images and where they come from."""
    return DataAbout(
        path=str(data.resolve_path(path).resolve()) if path else None,
        image_shape=images.train.image_shape,
        input_shape=images.train.input_shape if isinstance(images.train, PairSet) else None,
        class_names=images.train.class_names,
        train=SplitAbout(images=len(images.train), checksum=images.train.checksum),
        held_out=SplitAbout(images=len(images.held_out), checksum=images.held_out.checksum),
        left_out=tuple(FileAbout(name=one.name, reason=one.reason) for one in images.account.left_out),
    )
