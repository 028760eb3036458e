"""A loop of one's own: an update is a step down the loss and the penalties, and touches nothing else."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.losses import OBJECTIVES
from steergan.penalties import mixed_images, r1_penalty, wgan_gp
from steergan.randomness import torch_stream
from steergan.training import Inputs, Latents, discriminator_update, draw_latents, generator_update
from tests.training import plain_pair as pair
from tests.training import steered_pair as steered

RATE = 0.5


class Counting(nn.Module):
    """Counts forwards, and notes whether a graph was made of the score and of the image."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.graphs: list[bool] = []
        self.images: list[bool] = []

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        score: Tensor = self.inner(image, y)
        self.graphs.append(score.requires_grad)
        self.images.append(image.requires_grad)
        return score


class Scene:
    """One pair, one batch."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.generator = pair.PlainGenerator()
        self.discriminator = pair.PlainDiscriminator(dropout=0.0)
        real, y = pair.batches()(1, 0)
        self.inputs = Inputs(real, y, *draw_latents(self.generator, len(y), torch_stream(0, "test/0")))

    def sgd(self, network: nn.Module) -> torch.optim.SGD:
        return torch.optim.SGD(network.parameters(), lr=RATE)

    def fake(self) -> Tensor:
        image: Tensor = self.generator(self.inputs.z, self.inputs.y)
        return image


@pytest.fixture
def scene() -> Scene:
    return Scene()


def weights(network: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def assert_moved_down(before: list[Tensor], after: list[Tensor], gradients: Any) -> None:
    for old, new, gradient in zip(before, after, gradients, strict=True):
        assert torch.allclose(new, old - RATE * gradient, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_discriminator_update_is_a_step_down_its_loss_and_penalties(scene: Scene, name: str) -> None:
    real, y = scene.inputs.real, scene.inputs.y
    mix = torch.linspace(0, 1, len(y))
    image, fake = real.clone().requires_grad_(), scene.fake().detach().requires_grad_()
    real_B, fake_B = scene.discriminator(image, y), scene.discriminator(fake, y)
    r1, r2 = r1_penalty(real_B, image, 0.3), r1_penalty(fake_B, fake, 0.2)
    mixed = mixed_images(real, fake, mix)
    gp = wgan_gp(scene.discriminator(mixed, y), mixed, 0.7)
    loss = OBJECTIVES[name].discriminator(real_B, fake_B)
    gradients = torch.autograd.grad(loss + r1 + r2 + gp, list(scene.discriminator.parameters()))
    before = weights(scene.discriminator)

    metrics = discriminator_update(
        scene.generator,
        scene.discriminator,
        scene.sgd(scene.discriminator),
        OBJECTIVES[name]._replace(r1_weight=0.3, r2_weight=0.2, wgan_gp_weight=0.7),
        scene.inputs._replace(mix_B=mix),
    )

    assert_moved_down(before, weights(scene.discriminator), gradients)
    expected = {"discriminator_loss": loss, "r1": r1, "r2": r2, "wgan_gp": gp, "real_score": real_B.mean()}
    for key, value in expected.items():
        assert metrics[key].item() == pytest.approx(value.item(), rel=1e-4, abs=1e-6), key


@pytest.mark.parametrize("name", OBJECTIVES)
def test_generator_update_is_a_step_down_its_loss(scene: Scene, name: str) -> None:
    real, y = scene.inputs.real, scene.inputs.y
    loss = OBJECTIVES[name].generator(scene.discriminator(scene.fake(), y), scene.discriminator(real, y))
    gradients = torch.autograd.grad(loss, list(scene.generator.parameters()))
    before = weights(scene.generator)
    metrics = generator_update(
        scene.generator, scene.discriminator, scene.sgd(scene.generator), OBJECTIVES[name], scene.inputs
    )
    assert_moved_down(before, weights(scene.generator), gradients)
    assert metrics["generator_loss"].item() == pytest.approx(loss.item(), rel=1e-5)


def test_an_update_leaves_the_other_network_alone_and_computes_no_gradients_for_it(scene: Scene) -> None:
    generator, discriminator = scene.generator, scene.discriminator
    objective = OBJECTIVES["relativistic-average"]._replace(r1_weight=1.0)
    before = weights(generator)
    discriminator_update(generator, discriminator, scene.sgd(discriminator), objective, scene.inputs)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(generator), strict=True))
    assert all(p.grad is None for p in generator.parameters())
    discriminator.zero_grad()
    before = weights(discriminator)
    generator_update(generator, discriminator, scene.sgd(generator), objective, scene.inputs)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(discriminator), strict=True))
    assert all(p.grad is None for p in discriminator.parameters())


def test_fakes_of_a_discriminator_update_move_the_generators_batch_norm_moments(scene: Scene) -> None:
    assert scene.generator.norm.running_mean is not None
    before = scene.generator.norm.running_mean.clone()
    optimizer = scene.sgd(scene.discriminator)
    discriminator_update(scene.generator, scene.discriminator, optimizer, OBJECTIVES["hinge"], scene.inputs)
    assert scene.generator.norm.num_batches_tracked == 1
    assert not torch.equal(before, scene.generator.norm.running_mean)


@pytest.mark.parametrize(("r1", "r2", "gp", "forwards"), [(0, 0, 0, 2), (1, 0, 0, 2), (0, 1, 0, 2), (0, 0, 1, 3)])
def test_r1_and_r2_share_the_forwards_of_the_loss(scene: Scene, r1: float, r2: float, gp: float, forwards: int) -> None:
    counting = Counting(scene.discriminator)
    objective = OBJECTIVES["hinge"]._replace(r1_weight=r1, r2_weight=r2, wgan_gp_weight=gp)
    inputs = scene.inputs._replace(mix_B=torch.full((8,), 0.5))
    metrics = discriminator_update(scene.generator, counting, scene.sgd(counting), objective, inputs)
    assert len(counting.graphs) == forwards
    # The fakes, second, carry no graph of the generator; either has one of its own only where its penalty asks.
    assert counting.images[:2] == [r1 > 0, r2 > 0]
    assert ("r1" in metrics, "r2" in metrics, "wgan_gp" in metrics) == (r1 > 0, r2 > 0, gp > 0)
    assert not any(metric.requires_grad for metric in metrics.values())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_real_images_are_scored_for_the_generator_only_if_its_loss_sees_them(scene: Scene, name: str) -> None:
    counting = Counting(scene.discriminator)
    generator_update(scene.generator, counting, scene.sgd(scene.generator), OBJECTIVES[name], scene.inputs)
    assert counting.graphs == ([True, False] if name.startswith("relativistic") else [True])


def test_wgan_gp_without_a_mix_is_refused(scene: Scene) -> None:
    objective, optimizer = OBJECTIVES["hinge"]._replace(wgan_gp_weight=1.0), scene.sgd(scene.discriminator)
    with pytest.raises(ValueError, match="mix_B"):
        discriminator_update(scene.generator, scene.discriminator, optimizer, objective, scene.inputs)


def test_a_frozen_weight_of_the_trained_network_stays(scene: Scene) -> None:
    frozen = scene.generator.embed.weight.requires_grad_(False)
    before = frozen.clone()
    optimizer = scene.sgd(scene.generator)
    generator_update(scene.generator, scene.discriminator, optimizer, OBJECTIVES["hinge"], scene.inputs)
    assert torch.equal(before, frozen)


def test_spectral_norm_iterates_once_in_an_update_however_many_forwards_it_takes() -> None:
    torch.manual_seed(0)
    generator, discriminator = steered.SteeredGenerator(), steered.SteeredDiscriminator()
    layers: list[Any] = [
        m for m in [*generator.modules(), *discriminator.modules()] if getattr(m, "spectral", None) is not None
    ]
    assert len(layers) == 7
    objective = OBJECTIVES["relativistic-average"]._replace(r1_weight=1.0, wgan_gp_weight=1.0)
    real, y = torch.randn(6, 1, 4, 4), torch.tensor([0, 1, 0, 1, 1, 0])
    latents = draw_latents(generator, 6, torch_stream(0, "test/0"))
    inputs = Inputs(real, y, *latents, mix_B=torch.rand(6))
    for network, update in ((discriminator, discriminator_update), (generator, generator_update)):
        expected = []
        for layer in layers:
            matrix = layer.raw_filter().detach()
            v = nn.functional.normalize(matrix.T @ layer.spectral.u, dim=0)
            expected.append(nn.functional.normalize(matrix @ v, dim=0))
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        update(generator, discriminator, optimizer, objective, inputs)
        for layer, u in zip(layers, expected, strict=True):
            assert torch.allclose(layer.spectral.u, u, atol=1e-6)


def test_latents_reach_the_generator_with_their_group_elements() -> None:
    seen: list[Latents] = []

    class Watched(steered.SteeredGenerator):
        def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
            seen.append(Latents(z, element))
            image: Tensor = super().forward(z, y, element)
            return image

    generator, discriminator = Watched(), steered.SteeredDiscriminator()
    latents = draw_latents(generator, 4, torch_stream(0, "test/0"))
    inputs = Inputs(torch.randn(4, 1, 4, 4), torch.tensor([0, 1, 0, 1]), *latents)
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.1)
    generator_update(generator, discriminator, optimizer, OBJECTIVES["hinge"], inputs)
    assert seen[0].z is latents.z
    assert seen[0].element is latents.element
    assert latents.element is not None
