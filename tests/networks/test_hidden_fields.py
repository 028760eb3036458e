"""The fields between layers: what suits them, and as many parameters as those of C4 have."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from steergan.errors import RecipeError, SymmetryError
from steergan.layers import (
    AntialiasedPool,
    AveragePool,
    FourierPointwise,
    Gated,
    GroupConvolution,
    GroupPool,
    InvariantMap,
    Pointwise,
    Upsample,
    UpsampleConvolution,
)
from steergan.networks.hidden_fields import HiddenFields
from steergan.recipe import read_recipe, validate
from steergan.run.build import build_discriminator, build_generator
from steergan.symmetry import GROUPS, gspace
from steergan.symmetry.fields import filter_weights
from tests.networks.small import (
    difference,
    discriminator_of,
    discriminator_spec,
    generator_of,
    generator_spec,
    latents,
    quickly_built,
)
from tests.thorough import grid

RECIPES = Path(__file__).parents[2] / "recipes"


def test_fields_choose_their_nonlinearity() -> None:
    kinds = {"C8": Pointwise, "SO2": FourierPointwise, "O2": FourierPointwise}
    for group, kind in kinds.items():
        assert any(type(layer) is kind for layer in generator_of(generator_spec(group=group)).modules())
    assert isinstance(discriminator_of(discriminator_spec(group="SO2")).group_pool, InvariantMap)
    assert isinstance(discriminator_of(discriminator_spec(group="C16")).group_pool, GroupPool)


@torch.no_grad()
def test_gated_fields_turn_too() -> None:
    gated = generator_of(generator_spec(group="SO2", nonlinearity="gated", latent="steerable"))
    assert any(type(layer) is Gated for layer in gated.modules())
    z, y = latents(gated)
    images = gated(z, y)
    assert difference(gated(gated.turned(z, 90), y), torch.rot90(images, 1, (2, 3))) < 1e-5


def test_a_nonlinearity_takes_the_gates_away_and_keeps_the_fields() -> None:
    gated, space = HiddenFields(nonlinearity="gated"), gspace("SO2")
    before = gated.of_width(space, 16)
    after = gated.after(before)
    assert len(after) == len(before)
    assert (before.size, after.size) == (8 * len(before), 7 * len(before))
    assert HiddenFields().after(HiddenFields().of_width(gspace("C4"), 16)) == HiddenFields().of_width(gspace("C4"), 16)


@torch.no_grad()
def test_c4_can_be_built_as_c8_is_and_turns_still() -> None:
    built: dict[str, Any] = {"group": "C4", "filters": "band-limited"}
    generator = generator_of(generator_spec(**built, latent="steerable"))
    discriminator = discriminator_of(discriminator_spec(**built))
    filters = [layer for network in (generator, discriminator) for layer in network.modules()]
    convolutions = [layer for layer in filters if isinstance(layer, GroupConvolution)]
    assert not any(layer.exact for layer in convolutions)
    assert {layer.kernel_size for layer in convolutions} <= {5, generator.seed_shape[1]}
    assert {layer.mode for layer in filters if isinstance(layer, Upsample)} == {"bilinear"}
    assert any(isinstance(layer, AntialiasedPool) for layer in filters)
    assert not any(isinstance(layer, UpsampleConvolution | AveragePool) for layer in filters)
    z, y = latents(generator)
    images = generator(z, y)
    assert difference(generator(generator.turned(z, 90), y), torch.rot90(images, 1, (2, 3))) < 1e-5
    assert difference(discriminator(torch.rot90(images, 1, (2, 3)), y), discriminator(images, y)) < 1e-5


def test_as_c8_c4_has_as_many_parameters() -> None:
    space = gspace("C4")
    free = filter_weights(space, space.regular_repr, space.regular_repr, 5)
    limited = HiddenFields.model_validate({"filters": "band-limited"})
    for width in (64, 512):
        gathered = len(HiddenFields().of_width(space, width))
        assert len(limited.of_width(space, width)) ** 2 * free == pytest.approx(gathered**2 * 4 * 9, rel=0.05)


def test_residual_blocks_of_band_limited_filters_are_refused() -> None:
    for section in ("generator", "discriminator"):
        with pytest.raises(RecipeError, match=rf'{section}.architecture = .residual.; wanted: "plain" with filters ='):
            validate(
                {
                    "name": "x",
                    "data": {"name": "digits"},
                    section: {"filters": "band-limited", "architecture": "residual"},
                },
                "x",
            )


def test_what_does_not_suit_the_fields_is_refused_in_a_line() -> None:
    with pytest.raises(SymmetryError, match=r"pointwise.*irreps of SO2.*fourier"):
        generator_of(generator_spec(group="SO2", nonlinearity="pointwise"))
    with pytest.raises(SymmetryError, match=r"gated.*SO2 and O2.*C8"):
        discriminator_of(discriminator_spec(group="C8", nonlinearity="gated"))
    with pytest.raises(ValidationError, match="'auto', 'pointwise', 'fourier' or 'gated'"):
        HiddenFields.model_validate({"nonlinearity": "swish"})
    with pytest.raises(SymmetryError, match=r"max.*irreps of SO2.*average"):
        discriminator_of(discriminator_spec(group="SO2", pool="max"))
    with pytest.raises(SymmetryError, match=r"C16.*5"):
        generator_of(generator_spec(group="C16", kernel_size=3))
    with pytest.raises(SymmetryError, match="frequency"):
        generator_of(generator_spec(group="SO2", frequency=9))


@cache
def parameters(recipe: str, group: str) -> list[int]:
    """Of both networks."""
    overrides = [f"generator.group={group}", f"discriminator.group={group}", "generator.latent=dense"]
    found = read_recipe(RECIPES / recipe, overrides)
    with quickly_built():
        pair = build_generator(found, (1, 28, 28), 10), build_discriminator(found, (1, 28, 28), 10)
    return [sum(p.numel() for p in network.parameters()) for network in pair]


@pytest.mark.parametrize(("group", "recipe"), grid(GROUPS, ["rotmnist.toml", "rotmnist-small.toml"]))
def test_parameters_match_those_of_c4(recipe: str, group: str) -> None:
    for found, wanted in zip(parameters(recipe, group), parameters(recipe, "C4"), strict=True):
        assert abs(found / wanted - 1) < (0.1 if group not in ("trivial", "C2", "D1", "D2", "D4") else 0.16)
