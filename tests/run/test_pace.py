"""What a step costs, in words and by doing one."""

from collections.abc import Callable

import pytest
import torch

from steergan.recipe import Recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.run.pace import Pace, in_words, pace_of

MakeRecipe = Callable[..., Recipe]


def test_one_step_is_warm_and_one_is_timed_and_nothing_global_is_left(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 5.0, 10.0, 12.5])
    monkeypatch.setattr("steergan.timing.time.perf_counter", lambda: next(clock))
    settings = recipe()
    networks = build_generator(settings, (1, 8, 8), 2), build_discriminator(settings, (1, 8, 8), 2)
    before = [p.detach().clone() for net in networks for p in net.parameters()]
    torch.manual_seed(3)
    wanted = torch.rand(())
    torch.manual_seed(3)
    found = pace_of(settings, *networks, torch.device("cpu"))
    assert torch.rand(()) == wanted
    assert (found.seconds, found.warm) == (2.5, True)
    assert found.memory is None or found.memory > 50_000_000
    after = [p.detach() for net in networks for p in net.parameters()]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))  # a step was done


def test_a_slow_first_step_is_all_that_is_waited_for(recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 50.0])
    monkeypatch.setattr("steergan.timing.time.perf_counter", lambda: next(clock))
    settings = recipe()
    networks = build_generator(settings, (1, 8, 8), 2), build_discriminator(settings, (1, 8, 8), 2)
    found = pace_of(settings, *networks, torch.device("cpu"))
    assert found.line(10).startswith("pace: 50 s a step (the first, which is slower than others), 8.3 minutes for 10 ")


def test_days_are_called_days() -> None:
    line = Pace(10.0, 2_500_000_000, True).line(20_000)
    assert line.startswith("pace: 10 s a step, 2.3 days for 20,000 steps, 2.5 GB of memory, evaluations aside")
    assert "this will take days: fewer steps" in line
    assert "days" not in Pace(1.0, None, True).line(3600)
    assert [in_words(s) for s in (5, 60, 5400, 172_800)] == ["5 seconds", "1.0 minutes", "1.5 hours", "2.0 days"]
