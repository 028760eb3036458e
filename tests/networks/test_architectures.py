"""The key `architecture` says which network is made."""

import pytest

from steergan.networks import (
    Discriminator,
    Generator,
    ModernDiscriminator,
    ModernGenerator,
    make_discriminator,
    make_generator,
)
from steergan.recipe import Recipe, validate

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
