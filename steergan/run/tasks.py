"""What differs between runs that draw images from latents and runs that translate images: all of it stands here."""

from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from steergan import data
from steergan.augmentation import Augmentation
from steergan.networks import Discriminator as PaperDiscriminator
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.blindness import augmentation_notice, latent_line, moves_notice
from steergan.run.build import Kind, build_pair, telling_squares
from steergan.run.evaluation import Evaluation
from steergan.run.folder import RunFolder, check_same_data
from steergan.run.grids import fake_grid, real_grid, translation_grid
from steergan.run.load import (
    LoadedRun,
    LoadedTranslation,
    RunData,
    RunImages,
    RunPairs,
    describe_data,
    load_data,
)
from steergan.run.pair_data import load_pairs
from steergan.run.players import set_gain
from steergan.run.reporting import Reporter
from steergan.run.translation_evaluation import TranslationEvaluation
from steergan.training import Batch, Batches, Discriminator, Generator, LatentLaw, Processes
from steergan.translation import PairBatches

NORMED = 1024
"""Inputs that batch norms' moments are measured on, at most."""


class Task(Protocol):
    """What a recipe is for, where that matters to a run."""

    @property
    def recipe(self) -> Recipe | TranslationRecipe:
        """Of the run."""

    latent_law: LatentLaw

    def load(self, data_path: str | None, report: Reporter) -> RunImages[Any]:
        """The images of a run, prepared first where they have not been."""

    def networks(self, images: RunImages[Any]) -> tuple[Any, Any]:
        """Generator and discriminator with their first weights, for these images.

        Raises:
            SteerganError: sizes, or augmentation, that they can't take.
        """

    def set_gain(self, discriminator: Any, images: RunImages[Any], processes: Processes) -> str:
        """Scale a new discriminator's scores, if the recipe asks for it; a line about it, or nothing."""

    def before_first_step(self) -> list[str]:
        """What is said of a new run."""

    def without_effect(self) -> str | None:
        """What of the recipe does nothing, in a line; None: all of it does something."""

    def batches(self, images: RunImages[Any], rows: list[slice]) -> Batches:
        """What training draws."""

    def conditions(self, images: RunImages[Any]) -> Tensor:
        """What generators are asked for, as often as it occurs in training."""

    def reals(self, images: RunImages[Any]) -> Image.Image:
        """A picture of real images."""

    def fakes(self, generator: Generator, images: RunImages[Any]) -> Image.Image:
        """A picture of generated images."""

    def evaluation(
        self, images: RunImages[Any], folder: RunFolder, device: torch.device, report: Reporter
    ) -> Evaluation:
        """What measures generators."""

    def noise(self, kind: Kind, count: int, stream: torch.Generator) -> Batch:
        """A batch as training draws it, of noise: images and conditions."""


class Drawing:
    """Images are drawn from latents.

    Args:
        recipe: of the run.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.latent_law = recipe, recipe.generator.latent_law

    def load(self, data_path: str | None, report: Reporter) -> RunData:
        """The run's images, see `load_data`."""
        return load_data(self.recipe, data_path, report)

    def networks(self, images: RunData) -> tuple[Any, Any]:
        """Both networks; what they can't take of rectangles is refused with a remedy."""
        shape = images.train.image_shape
        Augmentation(self.recipe.augmentation, shape)  # refused before there is a folder
        with telling_squares(self.recipe, shape, images.example):
            return build_pair(self.recipe, Kind(shape, images.train.classes))

    def set_gain(self, discriminator: PaperDiscriminator, images: RunData, processes: Processes) -> str:
        """Scale the scores if the recipe asks for it, see `steergan.run.players.set_gain`."""
        norm = self.recipe.discriminator.initial_gradient
        return set_gain(discriminator, images.train, norm, processes) if norm else ""

    def before_first_step(self) -> list[str]:
        """What the latent is."""
        return [latent_line(self.recipe)]

    def without_effect(self) -> str | None:
        """What of the augmentation does nothing."""
        return augmentation_notice(self.recipe)

    def batches(self, images: RunData, rows: list[slice]) -> Batches:
        """Real images and their labels."""
        settings = self.recipe.training

        def batch(step: int, update: int) -> Batch:
            return data.batch(images.train, settings.batch_size, settings.seed, step, update, rows)

        return batch

    def conditions(self, images: RunData) -> Tensor:
        """The labels of the training images."""
        return torch.tensor(images.train.labels)  # a copy: memory-mapped arrays are read only

    def reals(self, images: RunData) -> Image.Image:
        """Training images of every class."""
        return real_grid(images.train)

    def fakes(self, generator: Generator, images: RunData) -> Image.Image:
        """Samples of every class."""
        return fake_grid(generator, self.recipe, images.train.class_names)

    def evaluation(self, images: RunData, folder: RunFolder, device: torch.device, report: Reporter) -> Evaluation:
        """Samples against held-out images."""
        return Evaluation(self.recipe, images, folder, device, report)

    def noise(self, kind: Kind, count: int, stream: torch.Generator) -> Batch:
        """Images and labels."""
        images = torch.randint(0, 256, (count, *kind.image_shape), dtype=torch.uint8, generator=stream)
        return images, torch.randint(0, kind.classes, (count,), generator=stream)


class Translation:
    """Images are translated: training draws pairs, whose inputs stand where labels do.

    Args:
        recipe: of the run.
    """

    latent_law: LatentLaw = "normal"  # of what dropout leaves out

    def __init__(self, recipe: TranslationRecipe) -> None:
        self.recipe = recipe

    def load(self, data_path: str | None, report: Reporter) -> RunPairs:
        """The run's pairs, see `load_pairs`."""
        return load_pairs(self.recipe, data_path, report)

    def networks(self, images: RunPairs) -> tuple[Any, Any]:
        """Both networks; what they can't take of rectangles is refused with a remedy."""
        pairs = images.train
        with telling_squares(self.recipe, pairs.image_shape, images.example):
            self.batches(images, [slice(None)])  # likewise refused before there is a folder
            return build_pair(self.recipe, Kind(pairs.image_shape, 0, pairs.input_shape))

    def set_gain(self, discriminator: Discriminator, images: RunPairs, processes: Processes) -> str:
        """There is none."""
        return ""

    def before_first_step(self) -> list[str]:
        """How pairs come to training."""
        settings = self.recipe.data
        cut = f", cut at random from {settings.load_size} pixels a side" * bool(settings.load_size)
        moved = f", moved by a random element of {settings.moves}" * (settings.moves != "trivial")
        return [f"pairs: {self.recipe.generator.group} translates{cut}{moved}"]

    def without_effect(self) -> str | None:
        """Whether moving pairs does nothing."""
        return moves_notice(self.recipe)

    def batches(self, images: RunPairs, rows: list[slice]) -> Batches:
        """Outputs and their inputs."""
        settings = self.recipe.training
        size = images.train.image_shape[1:]
        pairs = images.enlarged or images.train
        return PairBatches(pairs, self.recipe.data, size, settings.batch_size, settings.seed, rows)

    def conditions(self, images: RunPairs) -> Tensor:
        """Inputs of training pairs, evenly spread."""
        inputs = images.train.labels
        return torch.from_numpy(inputs[:: -(-len(inputs) // NORMED)].copy())

    def reals(self, images: RunPairs) -> Image.Image:
        """Training pairs: inputs and outputs."""
        return translation_grid(images.train)

    def fakes(self, generator: Generator, images: RunPairs) -> Image.Image:
        """Held-out inputs, what they become, and what they should."""
        return translation_grid(images.held_out, generator, self.recipe.training.seed)

    def evaluation(self, images: RunPairs, folder: RunFolder, device: torch.device, report: Reporter) -> Evaluation:
        """Translations beside what they should be, and their distribution beside that of held-out outputs."""
        return TranslationEvaluation(self.recipe, images, folder, device, report)

    def noise(self, kind: Kind, count: int, stream: torch.Generator) -> Batch:
        """Outputs and inputs."""
        shapes = kind.image_shape, kind.input_shape or kind.image_shape
        outputs, inputs = (
            torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=stream) for shape in shapes
        )
        return outputs, inputs


def task_of(recipe: Recipe | TranslationRecipe) -> Task:
    """What a recipe is for."""
    return Translation(recipe) if isinstance(recipe, TranslationRecipe) else Drawing(recipe)


def data_of(run: LoadedRun | LoadedTranslation, data_path: str | None, report: Reporter) -> RunImages[Any]:
    """The images, or pairs, that a run was started with.

    Args:
        run: a loaded one.
        data_path: where the originals are now; None: where they were.
        report: is told what takes a while.

    Raises:
        SteerganError: they can't be found, or are other images.
    """
    turned = run.recipe.data.model_copy(update={"turn": "once"})  # what is measured needs no unturned originals
    where = data_path if data_path is not None else run.about.data.path
    images = task_of(run.recipe.model_copy(update={"data": turned})).load(where, report)
    check_same_data(run.folder, run.about.data, describe_data(images))
    return images
