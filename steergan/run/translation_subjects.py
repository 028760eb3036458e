"""What is claimed of the two networks of a translation, as subjects of verification."""

from collections.abc import Iterator

import torch

from steergan.networks import PatchDiscriminator, UNet
from steergan.recipe import TranslationRecipe
from steergan.translation import PairJudge, Translator
from steergan.verification import Subject
from steergan.verification.subject import BATCH, Size


def translation_subjects(
    recipe: TranslationRecipe, translator: Translator, judge: PairJudge, quick: bool
) -> Iterator[Subject]:
    """Both claims; the translator's comes last."""
    yield judge_subject(judge, quick)
    yield translator_subject(recipe, translator, quick)


def translator_subject(recipe: TranslationRecipe, translator: Translator, quick: bool) -> Subject:
    """The claim f(g image) = g f(image), tanh included, for whatever dropout leaves out; at two sizes."""
    network = translator.network
    assert isinstance(network, UNet)
    stream = torch.Generator().manual_seed(recipe.training.seed)
    keep = (network.draw_keep(BATCH, stream),) if network.dropped else ()
    sizes = sizes_of(translator.input_shape, network.multiple, quick)
    return Subject("translator", network, network.in_type, "equivariant", network.out_type, sizes, keep)


def judge_subject(judge: PairJudge, quick: bool) -> Subject:
    """The claim that the map of scores turns with input and output together; its mean, then, does not change."""
    network = judge.network
    assert isinstance(network, PatchDiscriminator)
    multiple = 2 ** (len(network.blocks) - 1)
    return Subject(
        "discriminator of pairs",
        network,
        network.in_type[0],
        "equivariant",
        network.out_type,
        sizes_of(judge.input_shape, multiple, quick),
        (None,),
        other_types=(network.in_type[1],),
    )


def sizes_of(shape: tuple[int, int, int], multiple: int, quick: bool) -> tuple[Size, ...]:
    """The size of the images and, unless it has to be quick, a larger one that the halvings take."""
    _, height, width = shape
    return ((height, width),) if quick else ((height, width), (height + multiple, width + multiple))
