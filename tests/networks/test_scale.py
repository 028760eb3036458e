"""A discriminator's gain brings its gradient to what was asked, whatever the group, the depth and the norm."""

import pytest
import torch

from steergan.errors import RecipeError
from steergan.networks.scale import gain_for, gradient_norms
from steergan.penalties import r1_penalty
from tests.networks.small import discriminator_of, discriminator_spec, images_for
from tests.thorough import grid

WIDTHS = ((8,), (8, 8, 8))


@pytest.mark.parametrize(
    ("group", "widths", "norm"), grid(("trivial", "C4", "D4", "SO2"), WIDTHS, ("bank", "weights", "off"))
)
def test_the_gradient_is_what_was_asked_for(group: str, widths: tuple[int, ...], norm: str) -> None:
    spec = discriminator_spec(group=group, widths=widths, spectral_norm=norm, initial_gradient=3)
    discriminator = discriminator_of(spec, (1, 8, 8)).train()
    image, y = images_for(discriminator, 8)
    before = {name: value.clone() for name, value in discriminator.state_dict().items()}
    gain = gain_for(discriminator, [(image, y)], norm=3.0)
    assert all(torch.equal(value, before[name]) for name, value in discriminator.state_dict().items())
    assert discriminator.gain is not None
    discriminator.gain.fill_(gain)
    image.requires_grad_()
    # The one power iteration is the one that the gain was found with: only its three digits are between them.
    penalty = r1_penalty(discriminator(image, y), image, 2.0).detach()
    assert float(penalty) == pytest.approx(9, rel=0.011)


def test_the_gain_multiplies_the_score_and_nothing_else() -> None:
    one = discriminator_of(discriminator_spec(initial_gradient=1), (1, 8, 8)).eval()
    image, y = images_for(one, 3)
    assert one.gain is not None
    score, features = one(image, y), one.features(image)
    one.gain.fill_(7)
    assert torch.equal(one(image, y), 7 * score)
    assert torch.equal(one.features(image), features)
    assert float(gradient_norms(one, image, y)[0]) > 0


def test_a_score_that_does_not_depend_on_images_is_refused() -> None:
    blind = discriminator_of(discriminator_spec(initial_gradient=1), (1, 8, 8))
    with torch.no_grad():
        blind.head.embedding.weight.zero_()
        blind.head.linear.weight.zero_()
    image, y = images_for(blind, 2)
    with pytest.raises(RecipeError, match=r"initial_gradient = 1: the score's gradient at training images is (0|nan)"):
        gain_for(blind, [(image, y)], norm=1.0)
