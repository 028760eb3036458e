"""Latents: their laws, and that a symmetrized one changes the samples and not the training."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.randomness import torch_stream
from steergan.recipe import LossSettings, Recipe, TrainingSettings
from steergan.training import RunState, draw_latents, train

PLAIN: Any = SimpleNamespace(z_dim=64, elements=0)
SYMMETRIZED: Any = SimpleNamespace(z_dim=64, elements=8)
SMALL = GeneratorSpec(z_dim=6, embedding_dim=4, seed_width=4, widths=(16, 8), upsamplings=2)


@pytest.mark.parametrize("law", ["normal", "bernoulli"])
def test_either_law_has_mean_zero_and_variance_one(law: Any) -> None:
    z = draw_latents(PLAIN, 2000, torch_stream(0, "test/0"), law=law).z
    deviation = 5 / math.sqrt(z.numel())
    assert z.shape == (2000, 64)
    assert abs(z.mean().item()) < deviation
    assert abs(z.square().mean().item() - 1) < 2 * deviation


def test_bernoulli_latents_are_plus_or_minus_one() -> None:
    z = draw_latents(PLAIN, 50, torch_stream(0, "test/0"), law="bernoulli").z
    assert z.dtype == torch.float32
    assert set(z.flatten().tolist()) == {-1.0, 1.0}


def test_normal_latents_have_the_kurtosis_of_a_gaussian() -> None:
    z = draw_latents(PLAIN, 4000, torch_stream(0, "test/0")).z
    assert z.pow(4).mean().item() == pytest.approx(3, abs=0.1)


def test_latents_are_a_function_of_their_arguments_alone() -> None:
    first = draw_latents(SYMMETRIZED, 16, torch_stream(1, "a/3", 2))
    torch.randn(5)
    draw_latents(SYMMETRIZED, 7, torch_stream(9, "other/0"))
    again = draw_latents(SYMMETRIZED, 16, torch_stream(1, "a/3", 2))
    assert torch.equal(first.z, again.z)
    assert first.element is not None
    assert again.element is not None
    assert torch.equal(first.element, again.element)


@pytest.mark.parametrize("other", [(2, "a/3", 2), (1, "b/3", 2), (1, "a/3", 3), (1, "a/4", 2)])
def test_any_other_stream_gives_other_latents(other: tuple[int, str, int]) -> None:
    first, second = (draw_latents(PLAIN, 4, torch_stream(*stream)).z for stream in ((1, "a/3", 2), other))
    assert not torch.equal(first, second)


def test_rows_are_those_of_the_whole_batch() -> None:
    whole, own = (
        draw_latents(SYMMETRIZED, 16, torch_stream(0, "test"), rows=rows) for rows in (slice(None), slice(4, 8))
    )
    assert whole.element is not None
    assert own.element is not None
    assert torch.equal(whole.z[4:8], own.z)
    assert torch.equal(whole.element[4:8], own.element)


def test_group_elements_are_uniform_and_only_drawn_for_a_generator_that_uses_them() -> None:
    element = draw_latents(SYMMETRIZED, 8000, torch_stream(0, "test/0")).element
    assert element is not None
    assert element.dtype == torch.int64
    counts = torch.bincount(element, minlength=8)
    assert len(counts) == 8
    assert (counts - 1000).abs().max() < 150
    assert draw_latents(PLAIN, 8, torch_stream(0, "test/0")).element is None


def test_asking_for_elements_does_not_change_z() -> None:
    assert torch.equal(
        draw_latents(PLAIN, 8, torch_stream(0, "test/0")).z, draw_latents(SYMMETRIZED, 8, torch_stream(0, "test/0")).z
    )


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
