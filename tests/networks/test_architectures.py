"""The key `architecture` says which network is made."""

import pytest
import torch

from steergan.networks import (
    Discriminator,
    Generator,
    ModernDiscriminator,
    ModernGenerator,
    make_discriminator,
    make_generator,
)
from steergan.recipe import Recipe, read_recipe, validate
from steergan.run.build import build_discriminator, build_generator
from tests.thorough import also

TABLE = {"name": "x", "data": {"name": "digits"}}


def recipe(architecture: str | None) -> Recipe:
    said = {} if architecture is None else {"architecture": architecture}
    return validate(TABLE | {"generator": {**said, "widths": [4, 4, 4]}, "discriminator": {**said, "widths": [4]}}, "x")


@pytest.mark.parametrize(
    ("architecture", "kinds"),
    [
        (None, (Generator, Discriminator)),
        ("residual", (Generator, Discriminator)),
        ("modern", (ModernGenerator, ModernDiscriminator)),
    ],
)
def test_networks_are_those_of_the_architecture(architecture: str | None, kinds: tuple[type, type]) -> None:
    found = recipe(architecture)
    generator = make_generator(found.generator, (1, 8, 8), 2)
    discriminator = make_discriminator(found.discriminator, (1, 8, 8), 2, rotations=4)
    assert (type(generator), type(discriminator)) == kinds
    assert (found.generator.architecture, discriminator.rotation_answers) == (architecture or "plain", 4)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("quickstart", (1, 16, 16)),
        ("galaxies", (3, 32, 32)),
        ("own-64", (3, 64, 64)),
        *also(
            ("rotmnist-small", (1, 28, 28)), ("rotmnist", (1, 28, 28)), ("histology", (3, 64, 64)),
            ("cifar10", (3, 32, 32)), ("anhir", (3, 128, 128)), ("own-128", (3, 128, 128)), ("lysto", (3, 256, 256)),
            ("own-256", (3, 256, 256)),
        ),
    ],
)  # fmt: skip
@torch.no_grad()
def test_modern_recipes_draw_and_score(name: str, shape: tuple[int, int, int]) -> None:
    found = read_recipe(f"steergan:modern/{name}")
    assert (found.loss.name, found.loss.r1_weight) == ("relativistic-pairing", found.loss.r2_weight)
    generator, judge = build_generator(found, shape, 2), build_discriminator(found, shape, 2)
    y = torch.tensor([1])
    image = generator.eval()(torch.randn(1, generator.z_dim), y, torch.tensor([0]) if generator.elements else None)
    assert image.shape[1:] == shape
    assert bool(judge.eval()(image, y).isfinite())
