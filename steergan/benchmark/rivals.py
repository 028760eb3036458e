"""A recipe's pair of networks, and the pairs that it is timed against."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

from steergan.benchmark.stock import StockDiscriminator, StockGenerator
from steergan.benchmark.stock_translation import StockPatchDiscriminator, StockUNet, check_stock
from steergan.errors import RecipeError
from steergan.networks import DiscriminatorSpec, GeneratorSpec
from steergan.randomness import seed_torch, stream_seed
from steergan.recipe import AnyRecipe, Recipe, TranslationRecipe
from steergan.run.build import build_pair, kind_from
from steergan.symmetry import fields_for_width, group_order, gspace, is_continuous
from steergan.training import Discriminator, Generator, LatentLaw
from steergan.translation import PairJudge, Translator

OWN, DENSE, PLAIN = "steergan", "steergan, dense", "steergan, no spectral norm"
CHANNELS, PARAMETERS = "CNN, equal channels", "CNN, equal parameters"
STOCK = "stock escnn"
ABOUT = {
    OWN: "the recipe's pair",
    DENSE: "the same with dense convolutions, which are what accelerators compute",
    PLAIN: "the recipe's pair without spectral norm, for a look at stock escnn on equal terms",
    CHANNELS: "the recipe's pair with the trivial group, and as many channels in every feature map",
    PARAMETERS: "the recipe's pair with the trivial group, and about as many parameters: the paper's CNN",
    STOCK: "the recipe's pair from escnn's R2Conv, InnerBatchNorm and GroupPooling, which have no spectral norm: that "
    "favours it",
}
"""What the rivals are, by name."""


AnyKind = TypeVar("AnyKind", bound=AnyRecipe)
"""A recipe stays of its kind."""


class Pair(NamedTuple):
    """What is trained against each other."""

    generator: Generator
    discriminator: Discriminator


def own_pair(
    recipe: Recipe | TranslationRecipe, image_shape: tuple[int, int, int], classes: int, inputs: int = 0
) -> Pair:
    """The recipe's own networks; `inputs` are the channels of a pair's first image, 0: there are no pairs."""
    return Pair(*build_pair(recipe, kind_from(image_shape, classes, inputs)))


def law_of(recipe: Recipe | TranslationRecipe) -> LatentLaw:
    """Of the generator's latents; where it translates, of its dropout's."""
    return recipe.generator.latent_law if isinstance(recipe, Recipe) else "normal"


def equal_channels(recipe: AnyKind) -> AnyKind:
    """The recipe with the trivial group in both networks, and widths that give every feature map as many channels.

    Only the generator's last convolution differs: it makes the image itself, not |G| channels to pool over.

    Raises:
        RecipeError: groups that are restricted on the way, or have no elements to count.
    """
    table = recipe.model_dump()
    groups = [table[name]["group"] for name in ("generator", "discriminator")]
    if any(not isinstance(group, str) or is_continuous(gspace(group)) for group in groups):
        raise RecipeError("there is no CNN of as many channels as restricted groups, SO2 or O2; name other rivals")
    plain = int(isinstance(recipe, Recipe) and recipe.discriminator.group_pool == "before-last-block")
    for name in ("generator", "discriminator"):
        space, widths = gspace(table[name]["group"]), table[name]["widths"]
        steered = len(widths) - (plain if name == "discriminator" else 0)
        wide = [fields_for_width(space, width) * group_order(space) for width in widths[:steered]]
        table[name]["widths"] = [*wide, *widths[steered:]]
        table[name]["group"] = "trivial"
    return type(recipe).model_validate(table)


def equal_parameters(recipe: AnyKind) -> AnyKind:
    """The paper's CNN: the trivial group and the recipe's widths, which are those of a CNN of as many parameters.

    Where the latent turns with the group, the CNN's is dense.
    """
    dense_latent = {"latent": "dense"} if isinstance(recipe, Recipe) and recipe.generator.latent == "steerable" else {}
    return changed(recipe, generator={"group": "trivial", **dense_latent}, discriminator={"group": "trivial"})


def stock_pair(
    recipe: Recipe | TranslationRecipe, image_shape: tuple[int, int, int], classes: int, inputs: int = 0
) -> Pair:
    """The recipe's networks from escnn's own modules; see `stock`.

    Raises:
        RecipeError: there is no such rival.
    """
    check_rivals(recipe)
    with torch.random.fork_rng(devices=[]):
        seed_torch(stream_seed(recipe.training.seed, "initial stock pair"))
        if isinstance(recipe, TranslationRecipe):
            kind = kind_from(image_shape, classes, inputs)
            assert kind.input_shape is not None
            shapes = kind.input_shape, kind.image_shape
            unet, patch = StockUNet(recipe.generator, *shapes), StockPatchDiscriminator(recipe.discriminator, *shapes)
            return Pair(Translator(unet, *shapes), PairJudge(patch, *shapes))
        assert isinstance(recipe.generator, GeneratorSpec)
        assert isinstance(recipe.discriminator, DiscriminatorSpec)
        return Pair(
            StockGenerator(recipe.generator, image_shape, classes),
            StockDiscriminator(recipe.discriminator, image_shape, classes),
        )


def check_rivals(recipe: Recipe | TranslationRecipe) -> None:
    """Refuse what has no rival among stock networks.

    Raises:
        RecipeError: it hasn't.
    """
    if isinstance(recipe, TranslationRecipe):
        check_stock(recipe.generator, "generator")
        check_stock(recipe.discriminator, "discriminator")
        return
    generator, discriminator = recipe.generator, recipe.discriminator
    if "modern" in (generator.architecture, discriminator.architecture):
        raise RecipeError('there is no stock escnn rival of architecture = "modern"; name a recipe of another one')
    if not isinstance(discriminator.group, str) or generator.latent == "steerable":
        raise RecipeError("there is no stock escnn rival of restricted groups or steerable latents; name other ones")
    if any(is_continuous(gspace(group)) for group in (generator.group, discriminator.group)):
        raise RecipeError("there is no stock escnn rival of SO2 and O2; name a recipe of a finite group")
    if generator.band_limited or discriminator.band_limited:
        raise RecipeError('there is no stock escnn rival of filters = "band-limited"; name a recipe without')
    if discriminator.plain_width or recipe.data.disk or recipe.augmentation.rotation_discriminator:
        raise RecipeError(
            "there is no stock escnn rival with plain_width, a disk or auxiliary rotations; name a recipe without"
        )


def without_spectral_norm(recipe: AnyKind) -> AnyKind:
    """The recipe with spectral norm off in both networks."""
    return changed(recipe, generator={"spectral_norm": "off"}, discriminator={"spectral_norm": "off"})


def changed(recipe: AnyKind, **sections: dict[str, Any]) -> AnyKind:
    """The recipe with other values of some keys, by section."""
    table = recipe.model_dump()
    for name, values in sections.items():
        table[name] |= values
    return type(recipe).model_validate(table)


def dense(recipe: AnyKind) -> AnyKind:
    """The recipe with dense convolutions."""
    return changed(recipe, performance={"convolution": "dense"})


def rival_pair(
    name: str, recipe: Recipe | TranslationRecipe, image_shape: tuple[int, int, int], classes: int, inputs: int = 0
) -> Pair:
    """A pair by its name in `ABOUT`.

    Raises:
        RecipeError: there is no such rival of this recipe.
    """
    if name == STOCK:
        return stock_pair(recipe, image_shape, classes, inputs)
    settings: Callable[[Any], Any] = {
        OWN: changed, DENSE: dense, PLAIN: without_spectral_norm,
        CHANNELS: equal_channels, PARAMETERS: equal_parameters,
    }[name]  # fmt: skip
    return own_pair(settings(recipe), image_shape, classes, inputs)
