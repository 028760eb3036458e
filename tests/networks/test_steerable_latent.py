"""Latents that the group acts on: the image turns with them, as escnn turns fields."""

import pytest
import torch

from steergan.errors import SymmetryError
from steergan.networks import Generator, GeneratorSpec
from tests.networks.small import ARCHITECTURES, OFF_GRID, difference, generator_of, generator_spec, latents


def steerable(group: str, **settings: object) -> Generator:
    return generator_of(generator_spec(group=group, latent="steerable", **settings))


@pytest.mark.parametrize("group", ["C4", "D4", *OFF_GRID])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_images_turn_with_a_steerable_latent(group: str, architecture: str) -> None:
    generator = steerable(group, architecture=architecture)
    z, y = latents(generator)
    images = generator(z, y)
    assert images.shape == (2, *generator.image_shape)
    assert images.std() > 1e-3
    for quarters in (1, 2, 3):
        turned = generator(generator.turned(z, 90 * quarters), y)
        assert difference(turned, torch.rot90(images, quarters, (2, 3))) < 1e-5
        assert difference(turned, images) > 1e-2
    if group in ("D4", "D8", "O2"):
        assert difference(generator(generator.turned(z, 0, reflect=True), y), images.flip(3)) < 1e-5


@torch.no_grad()
def test_a_latent_turns_as_escnn_turns_fields() -> None:
    generator = steerable("D8")
    z, _ = latents(generator)
    assert generator.latent_type is not None
    element = next(
        g
        for g in generator.latent_type.gspace.fibergroup.elements
        if abs(generator.latent_type.gspace.basespace_action(g) - torch.eye(2).numpy()[::-1]).max() < 1e-9
    )
    wanted = generator.latent_type(z[:, :, None, None]).transform(element).tensor[:, :, 0, 0]
    # The reflection of left and right, then 90 degrees: (x, y) -> (-x, y) -> (-y, -x); and by 270: (y, x).
    assert torch.allclose(generator.turned(z, 270, reflect=True), wanted, atol=1e-12)


def test_a_latent_too_short_for_a_field_and_a_rectangle_are_refused() -> None:
    with pytest.raises(SymmetryError, match=r"z_dim = 7 .*C8"):
        steerable("C8", z_dim=7)
    with pytest.raises(SymmetryError, match="28 x 32"):
        Generator(GeneratorSpec(group="C2", latent="steerable"), (1, 28, 32), 3)
