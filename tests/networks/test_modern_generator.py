"""The modern generator turns its images with the seed map and its noise, and with a steerable latent."""

from typing import Any

import pytest
import torch

from steergan.invariance.samples import latent_claim
from steergan.networks import ModernGenerator, ModernGeneratorSpec
from steergan.symmetry import gspace
from steergan.symmetry.actions import act, action_table
from tests.networks.modern import SIDE, generator
from tests.networks.small import difference, latents
from tests.thorough import also, grid

VARIANTS: list[dict[str, Any]] = [
    {},
    {"conditioning": "style", "noise": True},
    {"cardinality": 2, "attention": (False, True)},
]


@pytest.mark.parametrize(("group", "settings"), grid(("C4", "D4"), VARIANTS))
@torch.no_grad()
def test_an_element_moves_the_finished_image(group: str, settings: dict[str, Any]) -> None:
    made = generator(group, **settings)
    z, y = latents(made)
    still, elements = torch.tensor([0, 0]), torch.tensor([1, made.elements - 1])
    plain = made(z, y, still)
    assert torch.allclose(made(z, y, elements), act(plain, action_table(group, SIDE, SIDE), elements), atol=1e-12)
    assert difference(made(z, y, elements), plain) > 1e-2


@pytest.mark.parametrize("group", ["C4", *also("D4", "C8", "O2"), "SO2"])
@torch.no_grad()
def test_images_turn_with_a_steerable_latent(group: str) -> None:
    made = generator(group, latent="steerable", conditioning="style", widths=(8, 8))
    z, y = latents(made)
    turned = made(made.turned(z, 90), y)
    assert difference(turned, torch.rot90(made(z, y), 1, (2, 3))) < 1e-5
    assert difference(turned, made(z, y)) > 1e-2


@torch.no_grad()
def test_noise_is_the_end_of_the_latent_and_keeps_the_law() -> None:
    made = generator("D4", noise=True)
    assert made.z_dim == 30 + 4 * 4 + 8 * 8
    assert [len(turns) for turns, _ in made.turns] == [8, 8, 8]
    assert latent_claim(made).kind == "exact"
    z, y = latents(made)
    other = z.clone()
    other[:, -1] += 1
    element = torch.tensor([0, 0])
    changed = (made(other, y, element) - made(z, y, element)).abs().amax((0, 1)) > 1e-12
    assert changed[-1, -1]
    assert not changed[:3, :3].any()  # the last pixel of the last map, through one block and the image's convolution
    made.noise.turn1_GP = made.noise.turns[1][:, torch.arange(64).roll(1)]
    assert latent_claim(made).kind == "measured"


@pytest.mark.parametrize(("group", "stages"), [("trivial", 2), ("D4", 6), *also(("C4", 4), ("SO2", 3), ("C8", 3))])
def test_scales_do_not_depend_on_the_depth(group: str, stages: int) -> None:
    torch.manual_seed(0)
    side = 2 ** (stages - 1) * 2
    spec = ModernGeneratorSpec(group=group, z_dim=32, embedding_dim=16, seed_width=32, widths=(24,) * stages)
    made = ModernGenerator(spec, (1, side, side), 3)
    z = torch.randn(8, 32)
    element = torch.zeros(8, dtype=torch.int64) if made.elements else None
    image = made(z, torch.zeros(8, dtype=torch.int64), element)
    assert 0.15 < float(image.detach().std()) < 0.95
    image.square().mean().backward()
    sizes = [float(w.grad.norm()) for w in made.parameters() if w.grad is not None and w.dim() > 1]
    assert min(sizes) > 1e-4 * max(sizes)


def test_the_trivial_group_leaves_noise_where_it_is() -> None:
    made = generator("trivial", noise=True)
    assert (made.elements, gspace("trivial").name, made.z_dim) == (0, made.synthesis.in_type.gspace.name, 110)
    z, y = latents(made)
    assert made(z, y).std() > 1e-3


def test_the_leak_of_tanh_is_for_training_alone() -> None:
    x = torch.full((3,), 20.0, requires_grad=True)
    for leak, training, wanted in ((0.25, True, 0.25), (0.25, False, 0.0), (0.0, True, 0.0)):
        image = generator("C4", tanh_leak=leak).train(training).squashed(x)
        assert torch.equal(image, torch.tanh(x))
        assert torch.autograd.grad(image.sum(), x)[0].tolist() == [wanted] * 3


@pytest.mark.parametrize(("leak", "comes_back"), [(0.0, False), (0.02, True)])
def test_pixels_far_outside_come_back_by_the_leak(leak: float, comes_back: bool) -> None:
    """Every pixel begins where tanh has no derivative in 32 bits; what is wanted is grey."""
    made = generator("C4", tanh_leak=leak).float().train()
    bias = made.synthesis.to_image.bias
    bias.data.fill_(30.0)
    adam = torch.optim.Adam([bias], lr=1.0, betas=(0.0, 0.99))
    z, y = latents(made)
    for _ in range(40):
        adam.zero_grad()
        made(z.float(), y, torch.zeros(len(z), dtype=torch.int64)).square().mean().backward()
        adam.step()
    assert (bias.item() < 3) is comes_back
