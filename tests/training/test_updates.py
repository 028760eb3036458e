"""What treatments, regularisers and parts of a batch do to the updates."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.augmentation import Augmentation, Treatment
from steergan.layers import filtered_layers
from steergan.losses import OBJECTIVES
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.penalties import rotation_loss
from steergan.randomness import torch_stream
from steergan.recipe import AugmentationSettings
from steergan.training import (
    Inputs,
    Updates,
    discriminator_update,
    draw_latents,
    generator_update,
)
from tests.thorough import also
from tests.training import plain_pair as pair
from tests.training import steered_pair as steered


def turned(image: Tensor) -> Tensor:
    return image.rot90(1, (2, 3))


def brighter(image: Tensor) -> Tensor:
    return image + 1


class Watching(nn.Module):
    """A linear judge that keeps what it was shown."""

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, size))
        self.rotate = nn.Parameter(torch.randn(size, 4, generator=torch.Generator().manual_seed(0)))
        self.shown: list[Tensor] = []
        self.rotated: list[Tensor] = []

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        self.shown.append(image.detach())
        return image.flatten(1) @ self.weight

    def rotation_logits(self, image: Tensor) -> Tensor:
        self.rotated.append(image.detach())
        return image.flatten(1) @ self.rotate


class Constant(nn.Module):
    """Scores that do not depend on the image, but have a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        return self.score + 0 * image.sum((1, 2, 3))


class Scene:
    """A judge that watches, and the images of one batch."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.generator, self.judge = pair.PlainGenerator(), Watching()
        self.real, y = pair.batches()(1, 0)
        latents = draw_latents(self.generator, 8, torch_stream(0, "test/0"))
        self.inputs = Inputs(self.real, y, *latents, mix_B=torch.full((8,), 0.25))
        self.fake = self.generator(latents.z, y).detach()

    def judged(self, treatment: Treatment, objective: str = "hinge", **weights: Any) -> dict[str, Tensor]:
        optimizer = torch.optim.SGD(self.judge.parameters(), lr=0.0)
        chosen, inputs = OBJECTIVES[objective]._replace(**weights), self.inputs._replace(treatment=treatment)
        return discriminator_update(self.generator, self.judge, optimizer, chosen, inputs)

    def drawn(self, treatment: Treatment, objective: str = "hinge") -> dict[str, Tensor]:
        optimizer = torch.optim.SGD(self.generator.parameters(), lr=0.1)
        inputs = self.inputs._replace(treatment=treatment)
        return generator_update(self.generator, self.judge, optimizer, OBJECTIVES[objective], inputs)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def shown(scene: Scene, *images: Tensor) -> bool:
    """Whether the judge was shown these images, in order, and no others."""
    return len(images) == len(scene.judge.shown) and all(map(torch.allclose, images, scene.judge.shown))


@pytest.mark.parametrize("objective", ["hinge", "relativistic-average"])
def test_standard_augmentation_moves_real_images_only_for_either_player(scene: Scene, objective: str) -> None:
    treatment = Treatment(standard=turned)
    scene.judged(treatment, objective, r1_weight=1.0)
    assert shown(scene, turned(scene.real), scene.fake)
    scene.judge.shown.clear()
    scene.drawn(treatment, objective)
    assert shown(scene, scene.fake, *([turned(scene.real)] if objective == "relativistic-average" else []))


def test_adaptive_augmentation_comes_after_standard_and_on_both_kinds_of_images_for_either_player(scene: Scene) -> None:
    treatment = Treatment(standard=turned, adaptive_real=brighter, adaptive_fake=turned)
    scene.judged(treatment)
    assert shown(scene, turned(scene.real) + 1, turned(scene.fake))
    scene.judge.shown.clear()
    scene.drawn(treatment, "relativistic-average")
    assert shown(scene, turned(scene.fake), turned(scene.real) + 1)


def test_consistency_compares_what_the_discriminator_saw_with_its_transform(scene: Scene) -> None:
    settings = AugmentationSettings(consistency_real=2.0, consistency_fake=3.0)
    treatment = Treatment(
        settings, adaptive_real=brighter, adaptive_fake=brighter, consistency_real=turned, consistency_fake=turned
    )
    metrics = scene.judged(treatment)
    seen = scene.real + 1, scene.fake + 1
    assert shown(scene, *seen, turned(seen[0]), turned(seen[1]))
    for weight, name, image in zip((2.0, 3.0), ("consistency_real", "consistency_fake"), seen, strict=True):
        difference = (turned(image) - image).flatten(1) @ scene.judge.weight
        assert metrics[name].item() == pytest.approx(weight * difference.square().mean().item(), rel=1e-4)
    scene.judge.shown.clear()
    assert set(scene.drawn(treatment)) == {"generator_loss"}
    assert len(scene.judge.shown) == 1


def test_r1_and_r2_go_through_adaptive_augmentation_and_wgan_gp_starts_from_what_was_seen(scene: Scene) -> None:
    treatment = Treatment(standard=turned, adaptive_real=lambda image: 3 * image, adaptive_fake=brighter)
    metrics = scene.judged(treatment, r1_weight=2.0, wgan_gp_weight=1.0)
    assert metrics["r1"].item() == pytest.approx(9 * scene.judge.weight.square().sum().item(), rel=1e-5)
    r2 = scene.judged(Treatment(adaptive_fake=lambda image: 4 * image), r2_weight=2.0)["r2"]
    assert r2.item() == pytest.approx(16 * scene.judge.weight.square().sum().item(), rel=1e-5)
    assert torch.allclose(scene.judge.shown[2], 0.25 * 3 * turned(scene.real) + 0.75 * (scene.fake + 1))


def test_each_player_gets_its_own_rotation_loss_on_upright_images(scene: Scene) -> None:
    settings = AugmentationSettings(rotation_discriminator=1.5, rotation_generator=0.2)
    treatment = Treatment(settings, standard=turned, adaptive_real=brighter, adaptive_fake=brighter)
    metrics = scene.judged(treatment) | scene.drawn(treatment)
    for name, weight, image in (
        ("rotation_discriminator", 1.5, scene.real),
        ("rotation_generator", 0.2, scene.fake),
    ):
        expected = rotation_loss(lambda image: image.flatten(1) @ scene.judge.rotate, image, weight)
        assert metrics[name].item() == pytest.approx(expected.item(), rel=1e-5), name
    assert [len(image) for image in scene.judge.rotated] == [8, 8]


def test_the_generator_goes_down_its_rotation_loss_and_the_discriminator_does_not_move(scene: Scene) -> None:
    settings = AugmentationSettings(rotation_discriminator=1.0, rotation_generator=50.0)
    before = scene.judge.rotate.detach().clone(), scene.judge.weight.detach().clone()
    losses = [scene.drawn(Treatment(settings))["rotation_generator"].item() for _ in range(20)]
    assert losses[-1] < 0.9 * losses[0]
    assert torch.equal(before[0], scene.judge.rotate)
    assert torch.equal(before[1], scene.judge.weight)
    assert scene.judge.rotate.grad is None


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_sign_is_of_the_lead_of_real_images_and_not_of_the_offset_of_all_scores(
    scene: Scene, objective: str
) -> None:
    with torch.no_grad():
        scene.judge.weight.add_(1.0)
    real_B, fake_B = (image.flatten(1) @ scene.judge.weight for image in (scene.real, scene.fake))
    expected = (real_B - fake_B.mean()).sign().mean()
    sign = scene.judged(Treatment(AugmentationSettings(adaptive_target=0.5)), objective)["real_sign"]
    assert sign == expected
    assert "real_sign" not in scene.judged(Treatment(), objective)


@pytest.mark.parametrize("blind", [False, True])
def test_rotations_are_learned_in_front_of_the_group_pooling_and_not_behind_it(blind: bool) -> None:
    torch.manual_seed(0)
    network = Discriminator(DiscriminatorSpec(group="C4", widths=(8, 16)), (1, 8, 8), 2, rotations=4)
    behind = nn.Linear(8, 4)
    parameters = [*network.parameters(), *behind.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    image = 0.1 * torch.randn(32, 1, 8, 8)
    image += torch.linspace(-1, 1, 8)[:, None]  # brighter and brighter from top to bottom
    for _ in range(60):
        loss = rotation_loss(lambda x: behind(network.features(x)) if blind else network.rotation_logits(x), image, 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Spectral norm bounds the logits, and so the loss from below.
    assert (loss.item() > 0.99 * math.log(4)) if blind else (loss.item() < 0.5 * math.log(4))


def test_extra_forwards_do_not_iterate_spectral_norm_again() -> None:
    torch.manual_seed(0)
    generator, discriminator = steered.SteeredGenerator(), steered.SteeredDiscriminator()
    layers: list[Any] = [m for m in discriminator.modules() if getattr(m, "spectral", None) is not None]
    expected = []
    for layer in layers:
        matrix = layer.raw_filter().detach()
        v = nn.functional.normalize(matrix.T @ layer.spectral.u, dim=0)
        expected.append(nn.functional.normalize(matrix @ v, dim=0))
    settings = AugmentationSettings(consistency_real=1.0, consistency_fake=1.0)
    treatment = Augmentation(settings, (1, 4, 4)).treatment(6, seed=0, step=1, update=0)
    inputs = Inputs(
        torch.randn(6, 1, 4, 4),
        torch.tensor([0, 1, 0, 1, 1, 0]),
        *draw_latents(generator, 6, torch_stream(0, "test/0")),
        treatment=treatment,
    )
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    metrics = discriminator_update(generator, discriminator, optimizer, OBJECTIVES["hinge"], inputs)
    assert max(metrics["consistency_real"].item(), metrics["consistency_fake"].item()) < 1e-10
    for layer, u in zip(layers, expected, strict=True):
        assert torch.allclose(layer.spectral.u, u, atol=1e-6)


FORWARDS = {
    "non-saturating": (4, 2),
    "wasserstein": (4, 2),
    "hinge": (4, 2),
    "relativistic-pairing": (4, 4),
    "relativistic-average": (8, 8),
}
"""Of the discriminator in updates of two parts: two of each, and as many before where all scores have to be known."""


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_batch_in_two_parts_is_scored_beforehand_only_where_the_loss_couples_the_parts(
    scene: Scene, objective: str
) -> None:
    real, y, z = scene.inputs[:3]
    parts = [Inputs(real[rows], y[rows], z[rows]) for rows in (slice(0, 4), slice(4, 8))]
    updates = Updates(scene.generator, scene.judge, OBJECTIVES[objective])
    updates.update_discriminator(torch.optim.SGD(scene.judge.parameters(), lr=0.1), parts)
    first = len(scene.judge.shown)
    updates.update_generator(torch.optim.SGD(scene.generator.parameters(), lr=0.1), parts)
    assert (first, len(scene.judge.shown) - first) == FORWARDS[objective]


@pytest.mark.parametrize("group", ["C4", "SO2", *also("trivial", "D4", "C8")])
def test_orthogonal_regularisation_pushes_the_rows_of_free_weights_apart_under_every_group(group: str) -> None:
    torch.manual_seed(0)
    generator = Generator(GeneratorSpec(group=group, widths=(12,), upsamplings=1, seed_width=6), (1, 10, 10), 2)
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.02)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    y = torch.arange(4) % 2
    inputs = Inputs(torch.zeros(4, 1, 10, 10), y, *draw_latents(generator, 4, torch_stream(0, "test/0")))
    blind = OBJECTIVES["wasserstein"]._replace(orthogonal_weight=0.1)
    found = [generator_update(generator, Constant(), optimizer, blind, inputs)["orthogonal"] for _ in range(10)]
    layers = filtered_layers(generator)
    by_hand = 0.1 * sum(
        float((m @ m.mT - (m @ m.mT).diag().diag()).square().sum())
        for m in (layer.weight_matrix().detach() for layer in layers)
    )
    assert len(layers) >= 3
    assert by_hand < found[-1] < found[0] / 2
