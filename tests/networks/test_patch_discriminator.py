"""Patch discriminators: a map of scores that turns with both images; odd maps and unlike pairs are refused."""

import pytest
import torch

from steergan.errors import RecipeError, SymmetryError
from steergan.networks import PatchDiscriminator, PatchDiscriminatorSpec
from tests.networks.translation import pair, patch, proof
from tests.thorough import also, grid


@pytest.mark.parametrize(
    ("group", "resampling", "norm"),
    grid(("C2", "C4", "D1", "D2", "D4"), ("pooled", "strided"), ("instance", "batch", "layer", "off")),
)
def test_it_is_proved_on_the_grid(group: str, resampling: str, norm: str) -> None:
    found = proof(patch(group=group, resampling=resampling, norm=norm))
    assert found.verdict == "proved", found.sentence
    assert set(found.counts()) == {"exact"}


@pytest.mark.parametrize("group", ["C8", *also("SO2", "D8")])
def test_it_is_proved_off_the_grid(group: str) -> None:
    found = proof(patch(group=group, frequency=1))
    assert found.verdict == "proved", found.sentence


def test_turning_one_image_of_a_pair_is_another_pair() -> None:
    discriminator, (first, second) = patch(group="D4"), pair()
    scores = discriminator(first, second)
    assert torch.allclose(discriminator(first.mT, second.mT), scores.mT, atol=1e-5)
    assert not torch.allclose(discriminator(first.mT, second), scores.mT, atol=1e-3)


def test_scores_are_logits_unless_the_papers_are_asked_for() -> None:
    images = pair()
    assert torch.equal(patch(output="paper")(*images), torch.tanh(patch()(*images)))


def test_patches_are_those_of_pix2pix() -> None:
    """256 pixels: 30 x 30 scores of the strided form, each of which sees 70 x 70 pixels; 32 x 32 of the pooled one."""
    spec = {"group": "trivial", "widths": (1, 1, 1, 1)}
    for resampling, side in (("strided", 30), ("pooled", 32)):
        made = PatchDiscriminatorSpec.model_validate(spec | {"resampling": resampling, "norm": "off"})
        network = PatchDiscriminator(made, (1, 256, 256), (1, 256, 256))
        for parameter in network.parameters():
            torch.nn.init.ones_(parameter)
        output = torch.zeros(1, 1, 256, 256, requires_grad=True)
        scores = network(torch.zeros(1, 1, 256, 256), output)
        assert tuple(scores.shape) == (1, 1, side, side)
        if resampling == "strided":
            (gradient,) = torch.autograd.grad(scores[0, 0, 15, 15], output)
            seen = gradient[0, 0].nonzero()
            assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [70, 70]


@pytest.mark.parametrize(
    ("settings", "side", "words"),
    [
        ({}, 36, "can't be halved 3 times: .* multiples of 8; 32 x 32 would do, or fewer discriminator.widths"),
        ({"resampling": "strided"}, 16, "leave 2 pixels a side after 3 halvings, .* 24 pixels would do"),
    ],
)  # fmt: skip
def test_sizes_that_break_it_are_refused_with_one_that_would_do(settings: object, side: int, words: str) -> None:
    with pytest.raises(SymmetryError, match=words):
        PatchDiscriminator(PatchDiscriminatorSpec.model_validate(settings), (1, side, side), (1, side, side))


def test_a_pair_of_two_sizes_is_refused() -> None:
    with pytest.raises(RecipeError, match="inputs and outputs of 8 x 8 and 16 x 16 pixels"):
        PatchDiscriminator(PatchDiscriminatorSpec(), (1, 8, 8), (1, 16, 16))


def test_a_channel_of_a_field_that_is_scored_by_itself_is_caught() -> None:
    discriminator = patch()
    discriminator.to_scores.register_forward_hook(lambda layer, args, out: out.type(out.tensor + args[0].tensor[:, :1]))
    assert proof(discriminator, level=4).verdict == "broken"
