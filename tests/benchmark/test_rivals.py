"""A recipe's rivals are what they are said to be."""

import pytest
import torch

from benchmarks.sweep import measure as measure_sweep
from steergan.benchmark import equal_channels, equal_parameters, own_pair, stock_pair
from steergan.benchmark.rivals import STOCK, changed
from steergan.benchmark.step import time_step
from steergan.errors import RecipeError
from steergan.layers import GroupConvolution
from tests.benchmark.tiny import CLASSES, SHAPE, recipe


def channels(network: torch.nn.Module) -> list[tuple[int, int]]:
    """Of every convolution, in order."""
    found = [m for m in network.modules() if isinstance(m, GroupConvolution)]
    return [(m.in_type.size, m.out_type.size) for m in found]


@pytest.mark.parametrize("group", ["trivial", "C2", "C4", "D4"])
def test_plain_rival_has_as_many_channels_in_every_feature_map(group: str) -> None:
    own, plain = (own_pair(r, SHAPE, CLASSES) for r in (recipe(group), equal_channels(recipe(group))))
    assert channels(own.discriminator) == channels(plain.discriminator)  # type: ignore[arg-type]
    ours, theirs = channels(own.generator), channels(plain.generator)  # type: ignore[arg-type]
    assert ours[:-1] == theirs[:-1]
    assert theirs[-1] == (ours[-1][0], SHAPE[0])
    assert equal_channels(recipe(group)).generator.group == "trivial"


@pytest.mark.parametrize("group", ["trivial", "C4", "D4"])
def test_paper_rival_is_a_cnn_of_about_as_many_parameters(group: str) -> None:
    wide = changed(recipe(group), generator={"widths": [96, 64, 48]}, discriminator={"widths": [48, 64, 96]})
    plain = equal_parameters(wide)
    assert plain.generator.group == plain.discriminator.group == "trivial"
    for own, rival in zip(own_pair(wide, SHAPE, CLASSES), own_pair(plain, SHAPE, CLASSES), strict=True):
        ours, theirs = (sum(p.numel() for _, p in network.named_parameters()) for network in (own, rival))
        assert 0.85 < ours / theirs < 1.15


@pytest.mark.parametrize(
    ("generator", "discriminator", "word"),
    [({"group": "SO2"}, {"group": "SO2"}, "finite group"), ({}, {"plain_width": 4}, "plain_width")],
)
def test_a_recipe_without_a_stock_rival_is_refused(
    generator: dict[str, object], discriminator: dict[str, object], word: str
) -> None:
    settings = changed(recipe(), generator=generator, discriminator=discriminator)
    with pytest.raises(RecipeError, match=word):
        stock_pair(settings, SHAPE, CLASSES)
    with pytest.raises(RecipeError, match=word):
        time_step(settings, 1, rivals=[STOCK])
    with pytest.raises(RecipeError, match=word):
        measure_sweep(settings, 1)
