import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from steergan.training import draw_latents

PLAIN: Any = SimpleNamespace(z_dim=64, elements=0)
SYMMETRIZED: Any = SimpleNamespace(z_dim=64, elements=8)


@pytest.mark.parametrize("law", ["normal", "bernoulli"])
def test_either_law_has_mean_zero_and_variance_one(law: Any) -> None:
    z = draw_latents(PLAIN, 2000, seed=0, stream="test", law=law).z
    deviation = 5 / math.sqrt(z.numel())
    assert z.shape == (2000, 64)
    assert abs(z.mean().item()) < deviation
    assert abs(z.square().mean().item() - 1) < 2 * deviation


def test_bernoulli_latents_are_plus_or_minus_one() -> None:
    z = draw_latents(PLAIN, 50, seed=0, stream="test", law="bernoulli").z
    assert z.dtype == torch.float32
    assert set(z.flatten().tolist()) == {-1.0, 1.0}


def test_normal_latents_have_the_kurtosis_of_a_gaussian() -> None:
    z = draw_latents(PLAIN, 4000, seed=0, stream="test").z
    assert z.pow(4).mean().item() == pytest.approx(3, abs=0.1)


def test_latents_are_a_function_of_their_arguments_alone() -> None:
    where = {"seed": 1, "stream": "a", "step": 2, "update": 3}
    first = draw_latents(SYMMETRIZED, 16, **where)
    torch.randn(5)
    draw_latents(SYMMETRIZED, 7, seed=9, stream="other")
    again = draw_latents(SYMMETRIZED, 16, **where)
    assert torch.equal(first.z, again.z)
    assert first.element is not None
    assert again.element is not None
    assert torch.equal(first.element, again.element)


@pytest.mark.parametrize("change", [{"seed": 2}, {"stream": "b"}, {"step": 3}, {"update": 4}])
def test_any_other_argument_gives_other_latents(change: dict[str, Any]) -> None:
    where: dict[str, Any] = {"seed": 1, "stream": "a", "step": 2, "update": 3}
    assert not torch.equal(draw_latents(PLAIN, 4, **where).z, draw_latents(PLAIN, 4, **(where | change)).z)


def test_group_elements_are_uniform_and_only_drawn_for_a_generator_that_uses_them() -> None:
    element = draw_latents(SYMMETRIZED, 8000, seed=0, stream="test").element
    assert element is not None
    assert element.dtype == torch.int64
    counts = torch.bincount(element, minlength=8)
    assert len(counts) == 8
    assert (counts - 1000).abs().max() < 150
    assert draw_latents(PLAIN, 8, seed=0, stream="test").element is None


def test_asking_for_elements_does_not_change_z() -> None:
    assert torch.equal(
        draw_latents(PLAIN, 8, seed=0, stream="test").z, draw_latents(SYMMETRIZED, 8, seed=0, stream="test").z
    )
