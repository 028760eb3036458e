"""Recipe -> networks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from steergan.errors import RecipeError, SymmetryError
from steergan.layers import choose_attention, choose_convolution, choose_memory_format, choose_recomputation
from steergan.networks import Discriminator, Generator, PatchDiscriminator, UNet, make_discriminator, make_generator
from steergan.penalties import ROTATIONS
from steergan.randomness import seed_torch, stream_seed
from steergan.recipe import AnyRecipe, PerformanceSettings, Recipe, TranslationRecipe
from steergan.run.convolution_record import check_convolution
from steergan.run.loggers import check_loggers
from steergan.training import ALONE, Processes, check_device
from steergan.translation import PairJudge, Translator


class Kind(NamedTuple):
    """What networks have to know of images."""

    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    classes: int
    """0 of pairs."""
    input_shape: tuple[int, int, int] | None = None
    """(C, H, W) of a pair's input; None: there are no pairs."""


def kind_from(shape: tuple[int, int, int], classes: int, inputs: int = 0) -> Kind:
    """What networks have to know of images of a set.

    Args:
        shape: (C, H, W); of pairs, C are the channels of both.
        classes: there are.
        inputs: how many of the channels are the input's; 0: there are no pairs.

    Examples:
        >>> kind_from((4, 8, 8), 1, inputs=1)
        Kind(image_shape=(3, 8, 8), classes=0, input_shape=(1, 8, 8))
    """
    channels, height, width = shape
    if not inputs:
        return Kind(shape, classes)
    return Kind((channels - inputs, height, width), 0, (inputs, height, width))


def build_pair(
    recipe: Recipe | TranslationRecipe, kind: Kind
) -> tuple[Generator, Discriminator] | tuple[Translator, PairJudge]:
    """A recipe's generator and discriminator, of whatever kind the recipe is.

    Raises:
        SteerganError: as `build_generator`, `build_discriminator` and `build_translation`.
    """
    if isinstance(recipe, TranslationRecipe):
        return build_translation(recipe, kind)
    shape, classes = kind.image_shape, kind.classes
    return build_generator(recipe, shape, classes), build_discriminator(recipe, shape, classes)


def build_translation(recipe: TranslationRecipe, kind: Kind) -> tuple[Translator, PairJudge]:
    """The two networks of a translation, initialised from streams of the training seed.

    Raises:
        RecipeError: convolutions that can't be had here; data without pairs.
        SymmetryError: a size that the group or the halvings can't take; fields that don't suit the group.
    """
    check_convolution(recipe.performance.convolution)
    if kind.input_shape is None:
        raise RecipeError(f"data.name = {recipe.data.name!r}: no pairs of images; pairs, relief or stain were wanted")
    shapes = kind.input_shape, kind.image_shape
    with torch.random.fork_rng(devices=[]):
        seed_torch(stream_seed(recipe.training.seed, "initial generator"))
        translator = Translator(UNet(recipe.generator, *shapes), *shapes)
        seed_torch(stream_seed(recipe.training.seed, "initial discriminator"))
        judge = PairJudge(PatchDiscriminator(recipe.discriminator, *shapes), *shapes)
    for network in (translator, judge):
        choose_performance(network, recipe.performance)
    return translator, judge


def build_generator(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> Generator:
    """The recipe's generator, initialised from the training seed's own stream.

    Raises:
        RecipeError: convolutions that can't be had here.
        SymmetryError: a size that the group or the upsamplings can't take; fields that don't suit the group.
    """
    check_convolution(recipe.performance.convolution)
    with torch.random.fork_rng(devices=[]):
        seed_torch(stream_seed(recipe.training.seed, "initial generator"))
        network = make_generator(recipe.generator, image_shape, classes, disk=recipe.data.disk)
    choose_attention(network, twice=False)
    choose_performance(network, recipe.performance)
    return network


def build_discriminator(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> Discriminator:
    """The recipe's discriminator, initialised from the training seed's own stream.

    Raises:
        RecipeError: convolutions that can't be had here.
        SymmetryError: a size that the group or the pools can't take; fields that don't suit the group.
    """
    check_convolution(recipe.performance.convolution)
    rotations = ROTATIONS if recipe.augmentation.rotation_discriminator else 0
    with torch.random.fork_rng(devices=[]):
        seed_torch(stream_seed(recipe.training.seed, "initial discriminator"))
        network = make_discriminator(
            recipe.discriminator, image_shape, classes, disk=recipe.data.disk, rotations=rotations
        )
    loss = recipe.loss
    choose_attention(network, twice=max(loss.r1_weight, loss.r2_weight, loss.wgan_gp_weight) > 0)
    choose_performance(network, recipe.performance)
    return network


@contextmanager
def telling_squares(recipe: AnyRecipe, image_shape: tuple[int, int, int], example: str = "") -> Iterator[None]:
    """What networks can't take of rectangles is refused with the ways to make squares of them, where there are any.

    Args:
        recipe: with the data that the images came from.
        image_shape: (C, H, W).
        example: the name of a file with such an image.

    Raises:
        SymmetryError: as the networks.
    """
    try:
        yield
    except SymmetryError as error:
        _, height, width = image_shape
        if height == width or "fit" not in recipe.data.takes:
            raise
        like = f"{example} is such an image; " * bool(example)
        ways = f'data.size = {min(height, width)} with data.fit = "crop", "resize" or "pad" makes squares'
        raise SymmetryError(f"{error}; {like}{ways}") from None


def check_computable(recipe: AnyRecipe, device: str | torch.device, processes: Processes = ALONE) -> None:
    """Refuse what can't be computed there, or divided among so many processes, or needs a package that is not there.

    Raises:
        RecipeError: convolutions, CUDA graphs, a batch, or groups of images in it.
        MissingPackageError: a logger's package.
    """
    check_loggers(recipe.logging.to)
    check_convolution(recipe.performance.convolution, device)
    check_device(recipe.performance, device)
    at_once = processes.rows(recipe.training.batch_size, recipe.training.accumulate)[0]
    compared, seen = getattr(recipe.discriminator, "minibatch_deviation", 0), at_once.stop - at_once.start
    if compared and seen % compared:
        raise RecipeError(
            f"discriminator.minibatch_deviation = {compared}: {seen} images go through the networks at once "
            f"(training.batch_size = {recipe.training.batch_size}), which are no groups of {compared}; "
            f"choose a divisor of {seen}"
        )


def choose_performance(network: nn.Module, settings: PerformanceSettings) -> None:
    """Tell a network's layers how to compute."""
    choose_convolution(network, settings.convolution)
    choose_memory_format(network, settings.memory_format)
    choose_recomputation(network, settings.recompute)
