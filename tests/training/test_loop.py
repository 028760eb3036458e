import os
from pathlib import Path
from typing import Any

import pytest
import torch

from steergan.errors import RunError
from steergan.randomness import torch_stream
from steergan.recipe import LossSettings
from steergan.training import (
    Hooks,
    RunState,
    draw_latents,
    latest_state,
    save_checkpoint,
    train,
)
from steergan.training.inputs import Metrics
from steergan.training.loop import read_metrics
from tests.thorough import also
from tests.training import plain_pair as pair
from tests.training.states import differences

LESSON = pair.SETTINGS.model_copy(
    update={"steps": 75, "batch_size": 32, "generator_rate": 4e-3, "discriminator_rate": 8e-3}
)
"""Enough for a pair to learn its world."""


def learned_means(state: RunState, step: int, law: Any = "normal") -> list[float]:
    """The mean pixel of the averaged generator's images, class by class."""
    network = state.average.snapshot(step, torch.tensor([0, 1]), law=law)
    z = draw_latents(network, 200, torch_stream(0, "samples/0"), law=law).z
    with torch.no_grad():
        return [network(z, torch.full((200,), k)).mean().item() for k in (0, 1)]


@pytest.mark.parametrize("name", ["hinge", "wasserstein", *also("non-saturating", "relativistic-average")])
def test_a_users_own_pair_learns_its_conditional_distribution(name: str) -> None:
    penalty = {"wgan_gp_weight": 10.0, "r1_weight": 0.0} if name == "wasserstein" else {"r1_weight": 0.1}
    state = pair.start(LESSON)
    before = learned_means(state, 0)
    assert pair.run(state, LESSON, LossSettings(name=name, **penalty)) == "finished"  # type: ignore[arg-type]
    assert max(abs(a - b) for a, b in zip(before, pair.TARGETS, strict=True)) > 0.3
    assert learned_means(state, LESSON.steps) == pytest.approx(pair.TARGETS, abs=0.1)


def test_bernoulli_latents_train_too() -> None:
    state = pair.start(LESSON)
    train(state, pair.batches(LESSON), LESSON, pair.LOSS, latent_law="bernoulli")
    assert learned_means(state, LESSON.steps, "bernoulli") == pytest.approx(pair.TARGETS, abs=0.1)


def test_training_again_gives_the_same_bits_and_another_seed_does_not() -> None:
    states = []
    for seed in (3, 3, 4):
        settings = pair.SETTINGS.model_copy(update={"seed": seed})
        state = pair.start(pair.SETTINGS)
        pair.run(state, settings)
        states.append(state.state_dict())
    assert differences(states[0], states[1]) == []
    assert "state.generator.image.weight" in differences(states[0], states[2])


def test_evaluations_and_what_they_draw_do_not_change_the_training() -> None:
    def evaluate(step: int) -> None:
        network = disturbed.average.snapshot(step, torch.tensor([0, 1]))
        network(torch.randn(4, 6), torch.zeros(4, dtype=torch.int64))
        disturbed.generator.eval()
        disturbed.discriminator.eval()
        image = torch.randn(4, 1, 4, 4, requires_grad=True)
        disturbed.discriminator(image, torch.zeros(4, dtype=torch.int64)).sum().backward()
        torch.manual_seed(step)

    plain, disturbed = pair.start(), pair.start()
    pair.run(plain)
    pair.run(disturbed, evaluate_every=2, record_every=1, on_evaluate=evaluate)
    assert differences(plain.state_dict(), disturbed.state_dict()) == []


def test_training_gives_the_global_generator_back_as_it_was() -> None:
    state = pair.start()
    before = torch.get_rng_state()
    pair.run(state)
    assert torch.equal(before, torch.get_rng_state())


class Diary:
    """What the hooks were told, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.rows: list[dict[str, float]] = []

    def hooks(self) -> dict[str, Any]:
        return {
            "on_record": self.record,
            "on_evaluate": lambda step: self.events.append(f"evaluate {step}"),
            "on_checkpoint": lambda step: self.events.append(f"checkpoint {step}"),
        }

    def record(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        self.events.append(f"record {row['step']}")


def test_hooks_come_when_due_and_a_checkpoint_comes_last() -> None:
    diary = Diary()
    status = pair.run(pair.start(), record_every=4, evaluate_every=10, **diary.hooks())
    assert status == "finished"
    assert diary.events == [
        "record 4", "checkpoint 5", "record 8", "evaluate 10", "checkpoint 10",
        "record 12", "evaluate 12", "checkpoint 12",
    ]  # fmt: skip


def test_a_stop_finishes_the_step_and_checkpoints_it() -> None:
    diary, state = Diary(), pair.start()
    status = pair.run(state, record_every=4, should_stop=lambda: state.step == 6, **diary.hooks())
    assert status == "stopped"
    assert diary.events == ["record 4", "checkpoint 5", "checkpoint 6"]
    assert pair.run(state, record_every=4, **diary.hooks()) == "finished"
    assert diary.events[3:] == ["record 8", "checkpoint 10", "record 12", "evaluate 12", "checkpoint 12"]


def test_a_finished_run_has_nothing_to_do() -> None:
    diary, state = Diary(), pair.start()
    pair.run(state)
    assert pair.run(state, **diary.hooks()) == "finished"
    assert diary.events == []


def test_rows_count_both_clocks_and_do_not_depend_on_interruptions() -> None:
    whole, parts, state = Diary(), Diary(), pair.start()
    pair.run(pair.start(), record_every=2, **whole.hooks())
    pair.run(state, record_every=2, should_stop=lambda: state.step in (3, 7), **parts.hooks())
    pair.run(state, record_every=2, should_stop=lambda: state.step in (3, 7), **parts.hooks())
    pair.run(state, record_every=2, **parts.hooks())
    assert len(whole.rows) == 6
    for a, b in zip(whole.rows, parts.rows, strict=True):
        assert a.pop("seconds_per_step") > 0
        assert b.pop("seconds_per_step") > 0
        assert a == b
        # Two discriminator updates of eight images each.
        assert a["images_seen"] == 16 * a["step"]


def test_the_clock_stands_still_during_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    diary, plain = Diary(), pair.batches()

    def batches(step: int, update: int) -> Any:
        now[0] += 1.0
        return plain(step, update)

    hooks = diary.hooks() | {"on_evaluate": lambda step: now.__setitem__(0, now[0] + 1000)}
    train(pair.start(), batches, pair.SETTINGS, pair.LOSS, hooks=Hooks(record_every=4, evaluate_every=3, **hooks))
    # Three batches a step, one second each.
    assert [row["seconds_per_step"] for row in diary.rows] == [3.0, 3.0, 3.0]


def poisoned(at: int, value: float) -> Any:
    """The trivial world, with a real image that is not finite at one step."""
    plain = pair.batches()

    def batches(step: int, update: int) -> Any:
        image, y = plain(step, update)
        return (image * value if step == at else image), y

    return batches


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_first_such_step(tmp_path: Path, value: float) -> None:
    state, diary = pair.start(), Diary()
    hooks = diary.hooks() | {"on_checkpoint": lambda step: save_checkpoint(tmp_path, step, state.state_dict()) and None}
    with pytest.raises(RunError, match=r"loss is nan at step 7; lower the learning"):
        train(state, poisoned(7, value), pair.SETTINGS, pair.LOSS, hooks=Hooks(record_every=4, **hooks))
    assert diary.events == ["record 4"]
    found = latest_state(tmp_path)
    assert found is not None
    assert found.path.name == "state-000005.pt"
    state.load_state_dict(found.state)
    state.check_finite()


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_weight_that_is_not_finite_is_not_checkpointed(part: str) -> None:
    state = pair.start()
    saved: list[int] = []

    def spoil(row: dict[str, float]) -> None:
        if row["step"] == 10:
            with torch.no_grad():
                getattr(state, part).embed.weight[0, 0] = float("inf")

    with pytest.raises(RunError, match=f"a weight of the {part} is not finite at step 10"):
        pair.run(state, record_every=1, on_record=spoil, on_checkpoint=saved.append)
    assert saved == [5]


def test_a_full_disk_ends_the_run_with_one_line_and_an_older_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(step: int) -> None:
        if step == 10:
            monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        save_checkpoint(tmp_path, step, state.state_dict())

    state = pair.start()
    with pytest.raises(RunError, match="No space left on device"):
        pair.run(state, on_checkpoint=save)
    assert [path.name for path in tmp_path.iterdir()] == ["state-000005.pt"]


class WithoutFloat64(torch.Tensor):
    """As on an accelerator that has no float64: widening fails until the tensor is on the CPU."""

    transfers = 0

    def double(self, *_: object, **__: object) -> torch.Tensor:
        raise TypeError("this device has no float64")

    def cpu(self, *_: object, **__: object) -> torch.Tensor:
        WithoutFloat64.transfers += 1
        return self.as_subclass(torch.Tensor)


def test_metrics_are_read_in_one_transfer_and_widened_on_the_cpu() -> None:
    WithoutFloat64.transfers = 0
    pending: list[tuple[int, Metrics]] = [
        (
            step,
            {
                name: torch.tensor(float(value)).as_subclass(WithoutFloat64)
                for name, value in (("a_loss", 0.1), ("b", step))
            },
        )
        for step in (1, 2)
    ]
    found = read_metrics(pending)
    assert found == {"a_loss": torch.tensor(0.1).item(), "b": 2.0}
    assert WithoutFloat64.transfers == 1
