"""A symmetrized latent changes the samples and not the training, if the discriminator is invariant."""

from collections.abc import Callable

import torch

from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.recipe import LossSettings, Recipe, TrainingSettings
from steergan.training import RunState, train

SMALL = GeneratorSpec(z_dim=6, embedding_dim=4, seed_width=4, widths=(16, 8), upsamplings=2)


def trained(latent: str, training: TrainingSettings, discriminator_group: str = "C4") -> RunState:
    torch.manual_seed(0)
    generator = Generator(SMALL.model_copy(update={"latent": latent}), (1, 16, 16), 2).double()
    torch.manual_seed(1)
    discriminator = Discriminator(DiscriminatorSpec(group=discriminator_group, widths=(8, 8)), (1, 16, 16), 2).double()
    real = torch.randn(64, 1, 16, 16, dtype=torch.float64).clamp(-1, 1)
    labels = torch.arange(64) % 2
    torch.set_default_dtype(torch.float64)  # latents are drawn in it
    try:
        state = RunState.start(generator, discriminator, training)
        train(state, lambda step, update: (real[step::8][:8], labels[step::8][:8]), training, LossSettings())
    finally:
        torch.set_default_dtype(torch.float32)
    return state


def distance(a: RunState, b: RunState) -> float:
    """Largest difference between two generators' weights, relative to how far training moved them."""
    return max(
        float((x - y).abs().max() / x.abs().max())
        for x, y in zip(a.generator.state_dict().values(), b.generator.state_dict().values(), strict=True)
        if x.is_floating_point()
    )


def test_dense_and_symmetrized_latents_train_alike_under_an_invariant_discriminator(
    recipe: Callable[..., Recipe],
) -> None:
    training = recipe("training.steps=10", "training.batch_size=8", "training.generator_rate=1e-3").training
    assert distance(trained("dense", training), trained("symmetrized", training)) < 1e-9


def test_they_do_not_under_a_discriminator_that_sees_orientation(recipe: Callable[..., Recipe]) -> None:
    training = recipe("training.steps=10", "training.batch_size=8", "training.generator_rate=1e-3").training
    assert distance(trained("dense", training, "trivial"), trained("symmetrized", training, "trivial")) > 1e-4
