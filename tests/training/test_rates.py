"""Rates fall as a recipe says, as functions of the step."""

import math
from itertools import pairwise

import pytest
import torch

from steergan.recipe import TrainingSettings
from steergan.training import Step, rate_factor, same_rates
from steergan.training.rates import decay_rates
from tests.training import plain_pair as pair


def settings(decay: str, steps: int = 10, start: float = 0.4) -> TrainingSettings:
    return TrainingSettings.model_validate({"steps": steps, "rate_decay": decay, "rate_decay_start": start})


@pytest.mark.parametrize("start", [0.0, 0.4, 0.99])
@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_rates_are_whole_until_the_start_and_nothing_behind_the_last_step(decay: str, start: float) -> None:
    factors = [rate_factor(settings(decay, start=start), step) for step in range(1, 12)]
    begins = math.floor(start * 10) + 1
    assert factors[:begins] == [1.0] * begins
    assert factors[10] == pytest.approx(0)
    falling = factors[begins - 1 :]
    assert falling == sorted(set(falling), reverse=True)
    if decay == "linear":
        drops = [before - after for before, after in pairwise(falling)]
        assert drops == pytest.approx([1 / len(drops)] * len(drops))


def test_half_a_wave_is_that_of_torchs_scheduler() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
    for step in range(5, 11):
        assert rate_factor(settings("cosine"), step) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


def test_without_decay_nothing_is_touched() -> None:
    assert {rate_factor(settings("none"), step) for step in range(1, 12)} == {1.0}
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    decay_rates([optimizer], settings("none"), 9)
    assert "initial_lr" not in optimizer.param_groups[0]


def test_every_group_of_parameters_keeps_its_own_rate() -> None:
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)], "lr": lr} for lr in (0.5, 2.0)], lr=1.0)
    for step in (6, 8, 8):
        decay_rates([optimizer], settings("linear"), step)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.25, 1.0])


def test_a_step_is_as_long_as_its_rate() -> None:
    """Adam's step is proportional to its rate: three quarters of it in the second of four steps."""
    moved = []
    for decay in ("none", "linear"):
        training = pair.SETTINGS.model_copy(
            update={"steps": 4, "discriminator_updates": 1, "rate_decay": decay, "rate_decay_start": 0.0}
        )
        state = pair.start(training)
        step = Step(state, training, pair.LOSS)
        step(pair.batches(training))
        before = [p.detach().clone() for _, p in state.discriminator.named_parameters()]
        step(pair.batches(training))
        now = [p.detach() for _, p in state.discriminator.named_parameters()]
        moved.append([p - old for p, old in zip(now, before, strict=True)])
    for whole, shorter in zip(*moved, strict=True):
        torch.testing.assert_close(shorter, 0.75 * whole, rtol=1e-3, atol=1e-6)


def test_trainings_of_other_lengths_have_the_same_rates_until_one_falls() -> None:
    short, long = settings("linear", 10), settings("linear", 20)
    assert [same_rates(short, long, steps) for steps in (4, 5, 6, 10)] == [True, True, False, False]
    assert same_rates(settings("none", 10), settings("none", 20), 10)
