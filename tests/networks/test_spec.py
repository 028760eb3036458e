"""Specs: frozen, strict, with the one default of every setting; checkpoints hold what they say."""

import hashlib
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.recipe import Recipe, read_recipe
from steergan.run.build import build_discriminator, build_generator

RECIPES = Path(__file__).parents[2] / "recipes"


def test_a_recipe_that_says_nothing_has_the_defaults_of_the_specs() -> None:
    recipe = Recipe.model_validate({"name": "x", "data": {"name": "digits"}})
    assert (recipe.generator, recipe.discriminator) == (GeneratorSpec(), DiscriminatorSpec())
    assert recipe.generator.latent == "symmetrized"


@pytest.mark.parametrize(
    ("group", "latent"),
    [("trivial", "symmetrized"), ("C4", "symmetrized"), ("D2", "symmetrized"), ("C3", "steerable"),
     ("D8", "steerable"), ("O2", "steerable")],
)  # fmt: skip
def test_a_latent_that_nobody_chose_suits_the_group(group: str, latent: str) -> None:
    for spec in (GeneratorSpec(group=group), GeneratorSpec(group=group, latent="auto")):
        assert spec.latent == latent
    assert GeneratorSpec(group=group, latent="dense").latent == "dense"


@pytest.mark.parametrize("group", ["C8", "SO2", "O2"])
def test_the_quickstart_is_built_under_groups_off_the_grid(group: str) -> None:
    recipe = read_recipe(RECIPES / "quickstart.toml", [f"generator.group={group}"])
    generator = build_generator(recipe, (1, 8, 8), 10)
    assert generator.latent_type is not None


def test_a_spec_is_frozen_and_strict() -> None:
    spec = GeneratorSpec(widths=(8, 4))
    with pytest.raises(ValidationError, match="frozen"):
        spec.z_dim = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        GeneratorSpec.model_validate({"width": 3})
    with pytest.raises(ValidationError, match="valid integer"):
        GeneratorSpec.model_validate({"z_dim": "64"})
    assert hash(spec) == hash(GeneratorSpec(widths=(8, 4)))


@pytest.mark.parametrize("name", ["C65", "C1", "p4", "C04", "D0", ""])
def test_what_is_no_group_is_refused(name: str) -> None:
    for spec in (GeneratorSpec, DiscriminatorSpec):
        with pytest.raises(ValidationError, match="C_N or D_N with N up to 64"):
            spec(group=name)


def test_several_groups_are_a_discriminators() -> None:
    assert DiscriminatorSpec(group=("SO2", "C4")).groups == ("SO2", "C4")
    assert DiscriminatorSpec(group="C4").groups == ("C4",)
    with pytest.raises(ValidationError, match="one per block"):
        DiscriminatorSpec(group=())
    with pytest.raises(ValidationError, match="one name"):
        GeneratorSpec.model_validate({"group": ("SO2", "C4")})


def names_digest(network: nn.Module) -> str:
    """Of the names and shapes in a checkpoint, in order."""
    lines = [f"{name} {tuple(value.shape)}\n" for name, value in network.state_dict().items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("recipe", "norm", "generator", "discriminator"),
    [
        ("rotmnist-small.toml", "bank", "abc1991a6e37e14f", "18c29743b082a7e3"),
        ("groups/rotmnist-so2.toml", "bank", "73b076c78beb3900", "901e2e5f1a5e7f65"),
        ("galaxies-demo.toml", "off", "a65bd514fa5592b0", "b70d035f7825abf9"),
    ],
)
def test_checkpoints_hold_the_names_and_shapes_that_they_always_had(
    recipe: str, norm: str, generator: str, discriminator: str
) -> None:
    norms = ["generator.spectral_norm=bank", f"discriminator.spectral_norm={norm}", "discriminator.initial_gradient=0"]
    found = read_recipe(RECIPES / recipe, norms)
    assert names_digest(build_generator(found, (3, 32, 32), 10)) == generator
    assert names_digest(build_discriminator(found, (3, 32, 32), 10)) == discriminator


def test_residual_networks_have_the_names_and_first_weights_that_they_always_had() -> None:
    """Weights are drawn in one order; their last bits are a machine's own, so sums are compared."""
    torch.manual_seed(0)
    drawing = GeneratorSpec(
        architecture="residual", z_dim=4, embedding_dim=4, seed_width=4, widths=(4, 4), upsamplings=1
    )
    judging = DiscriminatorSpec(
        group="D4", architecture="residual", widths=(4, 8), group_pool="before-last-block", plain_width=5,
        batch_norm=True,
    )  # fmt: skip
    generator, discriminator = Generator(drawing, (1, 8, 8), 3), Discriminator(judging, (1, 8, 8), 3)
    assert names_digest(generator) == "0e84350018d212ef"
    assert names_digest(discriminator) == "c22e3670a7e8d293"
    for network, wanted in ((generator, 170.823257), (discriminator, 137.154984)):
        found = sum(float(p.detach().abs().double().sum()) for p in network.parameters())
        assert found == pytest.approx(wanted, rel=1e-5)
