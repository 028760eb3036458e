"""Sizes of images that a group allows, and disks in them."""

import pytest
import torch

from steergan.errors import SymmetryError
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.pixels import disk_mask
from tests.networks.small import (
    SIDE,
    discriminator_of,
    discriminator_spec,
    generator_of,
    generator_spec,
    latents,
)


def test_rectangles_are_refused_where_the_group_turns_them_by_90_degrees() -> None:
    with pytest.raises(SymmetryError, match=r"16 x 20.*90 degrees"):
        Generator(GeneratorSpec(group="C4"), (1, 16, 20), 3)
    with pytest.raises(SymmetryError, match="90 degrees"):
        Discriminator(DiscriminatorSpec(group="D4"), (1, 16, 20), 3)
    assert generator_of(generator_spec(group="D2"), (1, 16, 20)).image_shape == (1, 16, 20)


@torch.no_grad()
def test_images_in_a_disk_are_black_around_it_and_corners_are_not_seen() -> None:
    generator = generator_of(generator_spec(group="SO2"), disk=True)
    discriminator = discriminator_of(discriminator_spec(group="SO2"), disk=True)
    z, y = latents(generator)
    outside = ~torch.as_tensor(disk_mask(SIDE))
    images = generator(z, y)
    assert bool((images[..., outside] == -1).all())
    assert images[..., ~outside].std() > 1e-3
    changed = images.clone()
    changed[..., outside] = 0.7
    assert torch.equal(discriminator(images, y), discriminator(changed, y))


def test_a_disk_in_a_rectangle_is_refused() -> None:
    with pytest.raises(SymmetryError, match="24 x 28"):
        Generator(GeneratorSpec(group="C2"), (1, 24, 28), 3, disk=True)
