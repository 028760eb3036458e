import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from steergan.errors import RunError
from steergan.losses import OBJECTIVES
from steergan.penalties import mixed_images
from steergan.randomness import stream_seed, torch_stream
from steergan.recipe import LossSettings
from steergan.training import (
    RunState,
    discriminator_update,
    draw_latents,
    generator_update,
    latest_state,
    load_state,
    save_checkpoint,
    save_state,
    train,
)


def learned_means(state: RunState, step: int, law: Any = "normal") -> list[float]:
    """The mean pixel of the averaged generator's images, class by class."""
    network = state.average.snapshot(step, torch.tensor([0, 1]), law=law)
    z = draw_latents(network, 200, torch_stream(0, "samples/0"), law=law).z
    with torch.no_grad():
        return [network(z, torch.full((200,), k)).mean().item() for k in (0, 1)]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_users_own_pair_learns_its_conditional_distribution(pair: ModuleType, name: str) -> None:
    settings = pair.SETTINGS.model_copy(update={"steps": 150, "batch_size": 32})
    penalty = {"wgan_gp_weight": 10.0, "r1_weight": 0.0} if name == "wasserstein" else {"r1_weight": 0.1}
    state = pair.start(settings)
    before = learned_means(state, 0)
    assert pair.run(state, settings, LossSettings(name=name, **penalty)) == "finished"  # type: ignore[arg-type]
    assert max(abs(a - b) for a, b in zip(before, pair.TARGETS, strict=True)) > 0.3
    assert learned_means(state, 150) == pytest.approx(pair.TARGETS, abs=0.1)


def test_bernoulli_latents_train_too(pair: ModuleType) -> None:
    settings = pair.SETTINGS.model_copy(update={"steps": 150, "batch_size": 32})
    state = pair.start(settings)
    pair.run(state, settings, latent_law="bernoulli")
    assert learned_means(state, 150, "bernoulli") == pytest.approx(pair.TARGETS, abs=0.1)


def test_training_again_gives_the_same_bits_and_another_seed_does_not(pair: ModuleType, compare: Any) -> None:
    states = []
    for seed in (3, 3, 4):
        settings = pair.SETTINGS.model_copy(update={"seed": seed})
        state = pair.start(pair.SETTINGS)
        pair.run(state, settings)
        states.append(state.state_dict())
    assert compare(states[0], states[1]) == []
    assert "state.generator.image.weight" in compare(states[0], states[2])


def test_every_part_of_the_state_moves(pair: ModuleType, compare: Any, copy_state: Any) -> None:
    state = pair.start()
    pair.run(state, pair.SETTINGS.model_copy(update={"steps": 4}))
    middle = copy_state(state.state_dict())
    pair.run(state)
    moved = " ".join(compare(middle, state.state_dict()))
    for part in ("step", "generator.norm.running_var", "average", "generator_optimizer", "discriminator_optimizer"):
        assert f"state.{part}" in moved


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_resuming_is_never_having_stopped_to_the_last_bit(
    pair: ModuleType, compare: Any, tmp_path: Path, stop: int
) -> None:
    whole = pair.start()
    pair.run(whole)
    first = pair.start()
    pair.run(first, should_stop=lambda: first.step == stop)
    save_state(tmp_path / "state.pt", first.state_dict())
    second = pair.start(pair.SETTINGS.model_copy(update={"seed": 99}))
    assert compare(second.state_dict(), first.state_dict()) != []
    second.load_state_dict(load_state(tmp_path / "state.pt"))
    pair.run(second)
    assert compare(second.state_dict(), whole.state_dict()) == []


def test_resuming_a_steered_pair_is_never_having_stopped(
    pair: ModuleType, steered: ModuleType, compare: Any, tmp_path: Path
) -> None:
    def start(seed: int) -> RunState:
        torch.manual_seed(seed)
        return RunState.start(steered.SteeredGenerator(), steered.SteeredDiscriminator(), pair.SETTINGS)

    whole, first, second = start(0), start(0), start(1)
    pair.run(whole)
    pair.run(first, should_stop=lambda: first.step == 4)
    save_state(tmp_path / "state.pt", first.state_dict())
    second.load_state_dict(load_state(tmp_path / "state.pt"))
    pair.run(second)
    assert "discriminator.first.spectral.u" in " ".join(compare(start(0).state_dict(), whole.state_dict()))
    assert compare(second.state_dict(), whole.state_dict()) == []


def test_a_run_killed_by_the_system_resumes_to_the_same_bits(pair: ModuleType, compare: Any, tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("plain_pair.py"))
    # Far more steps than it will get to do; it is killed while it works on one.
    process = subprocess.Popen([sys.executable, script, str(tmp_path), "100000"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    guard = threading.Timer(120, process.kill)
    guard.start()
    try:
        for line in process.stdout:
            if int(line.split()[1]) >= 12:
                os.kill(process.pid, signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL
    finally:
        guard.cancel()
        process.stdout.close()
    found = latest_state(tmp_path)
    assert found is not None
    reached = found.state["step"]
    assert reached >= 10
    assert reached % 5 == 0

    settings = pair.SETTINGS.model_copy(update={"steps": reached + 7})
    resumed, whole = pair.start(settings), pair.start(settings)
    resumed.load_state_dict(found.state)
    pair.run(resumed, settings)
    pair.run(whole, settings)
    assert compare(resumed.state_dict(), whole.state_dict()) == []


def test_evaluations_and_what_they_draw_do_not_change_the_training(pair: ModuleType, compare: Any) -> None:
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
    assert compare(plain.state_dict(), disturbed.state_dict()) == []


def test_training_gives_the_global_generator_back_as_it_was(pair: ModuleType) -> None:
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


def test_hooks_come_when_due_and_a_checkpoint_comes_last(pair: ModuleType) -> None:
    diary = Diary()
    status = pair.run(pair.start(), record_every=4, evaluate_every=10, **diary.hooks())
    assert status == "finished"
    assert diary.events == [
        "record 4", "checkpoint 5", "record 8", "evaluate 10", "checkpoint 10",
        "record 12", "evaluate 12", "checkpoint 12",
    ]  # fmt: skip


def test_a_stop_finishes_the_step_and_checkpoints_it(pair: ModuleType) -> None:
    diary, state = Diary(), pair.start()
    status = pair.run(state, record_every=4, should_stop=lambda: state.step == 6, **diary.hooks())
    assert status == "stopped"
    assert diary.events == ["record 4", "checkpoint 5", "checkpoint 6"]
    assert pair.run(state, record_every=4, **diary.hooks()) == "finished"
    assert diary.events[3:] == ["record 8", "checkpoint 10", "record 12", "evaluate 12", "checkpoint 12"]


def test_a_finished_run_has_nothing_to_do(pair: ModuleType) -> None:
    diary, state = Diary(), pair.start()
    pair.run(state)
    assert pair.run(state, **diary.hooks()) == "finished"
    assert diary.events == []


def test_rows_count_both_clocks_and_do_not_depend_on_interruptions(pair: ModuleType) -> None:
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


def test_a_step_is_the_discriminators_updates_then_the_generators_on_fresh_draws(
    pair: ModuleType, compare: Any
) -> None:
    settings, diary, state = pair.SETTINGS.model_copy(update={"steps": 1}), Diary(), pair.start()
    pair.run(state, settings, record_every=1, **diary.hooks())

    by_hand, objective = pair.start(), OBJECTIVES[pair.LOSS.name]
    networks = by_hand.generator, by_hand.discriminator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(settings.seed, "networks", 1))
        for update in (0, 1, 2):
            batch = pair.batches()(1, update)
            latents = draw_latents(by_hand.generator, 8, torch_stream(settings.seed, f"training/{update}", 1))
            if update < 2:
                optimizer = by_hand.discriminator_optimizer
                last = discriminator_update(*networks, optimizer, objective, batch, latents, r1_weight=0.1)
        last |= generator_update(*networks, by_hand.generator_optimizer, objective, batch, latents)
    by_hand.average.update(1)
    by_hand.step = 1

    assert compare(by_hand.state_dict(), state.state_dict()) == []
    assert diary.rows[0].pop("seconds_per_step") > 0
    assert diary.rows[0] == {"step": 1, "images_seen": 16} | {name: value.item() for name, value in last.items()}
    assert set(last) == {"discriminator_loss", "generator_loss", "real_score", "fake_score", "r1"}


def test_wgan_gp_looks_at_other_mixes_in_every_update(
    pair: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def noting(real: torch.Tensor, fake: torch.Tensor, mix_B: torch.Tensor) -> torch.Tensor:
        seen.append(mix_B)
        return mixed_images(real, fake, mix_B)

    monkeypatch.setattr("steergan.training.step.mixed_images", noting)
    settings = pair.SETTINGS.model_copy(update={"steps": 50})
    pair.run(pair.start(), settings, LossSettings(name="wasserstein", r1_weight=0.0, wgan_gp_weight=10.0))
    shares = torch.stack(seen)
    assert shares.shape == (100, 8)
    assert shares.unique().numel() == 800
    assert 0 <= shares.min() < 0.02
    assert 0.98 < shares.max() <= 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.05)


def test_the_clock_stands_still_during_hooks(pair: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    diary, plain = Diary(), pair.batches()

    def batches(step: int, update: int) -> Any:
        now[0] += 1.0
        return plain(step, update)

    hooks = diary.hooks() | {"on_evaluate": lambda step: now.__setitem__(0, now[0] + 1000)}
    train(pair.start(), batches, pair.SETTINGS, pair.LOSS, record_every=4, evaluate_every=3, **hooks)
    # Three batches a step, one second each.
    assert [row["seconds_per_step"] for row in diary.rows] == [3.0, 3.0, 3.0]


def poisoned(pair: ModuleType, at: int, value: float) -> Any:
    """The trivial world, with a real image that is not finite at one step."""
    plain = pair.batches()

    def batches(step: int, update: int) -> Any:
        image, y = plain(step, update)
        return (image * value if step == at else image), y

    return batches


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_first_such_step(
    pair: ModuleType, tmp_path: Path, value: float
) -> None:
    state, diary = pair.start(), Diary()
    hooks = diary.hooks() | {"on_checkpoint": lambda step: save_checkpoint(tmp_path, step, state.state_dict()) and None}
    with pytest.raises(RunError, match=r"loss is nan at step 7; the last good checkpoint is kept; lower the learning"):
        train(state, poisoned(pair, 7, value), pair.SETTINGS, pair.LOSS, record_every=4, **hooks)
    assert diary.events == ["record 4"]
    found = latest_state(tmp_path)
    assert found is not None
    assert found.path.name == "state-000005.pt"
    state.load_state_dict(found.state)
    state.check_finite()


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_weight_that_is_not_finite_is_not_checkpointed(pair: ModuleType, part: str) -> None:
    state, saved = pair.start(), []

    def spoil(row: dict[str, float]) -> None:
        if row["step"] == 10:
            with torch.no_grad():
                getattr(state, part).embed.weight[0, 0] = float("inf")

    with pytest.raises(RunError, match=f"a weight of the {part} is not finite at step 10"):
        pair.run(state, record_every=1, on_record=spoil, on_checkpoint=saved.append)
    assert saved == [5]


def test_a_full_disk_ends_the_run_with_one_line_and_an_older_checkpoint(
    pair: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(step: int) -> None:
        if step == 10:
            monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        save_checkpoint(tmp_path, step, state.state_dict())

    state = pair.start()
    with pytest.raises(RunError, match="No space left on device"):
        pair.run(state, on_checkpoint=save)
    assert [path.name for path in tmp_path.iterdir()] == ["state-000005.pt"]


def test_a_checkpoint_of_other_networks_is_refused(pair: ModuleType, steered: ModuleType) -> None:
    other = RunState.start(steered.SteeredGenerator(), steered.SteeredDiscriminator(), pair.SETTINGS)
    with pytest.raises(RunError, match="of other networks than this recipe's") as caught:
        other.load_state_dict(pair.start().state_dict())
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_its_parts_is_refused(pair: ModuleType) -> None:
    with pytest.raises(RunError, match="of other networks"):
        pair.start().load_state_dict({"step": 3})
