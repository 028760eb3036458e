"""A state that is saved and taken back goes on as if nothing had happened."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from steergan.errors import RunError
from steergan.training import JsonLines, RunState, latest_state, load_state, save_state
from tests.processes import forked, wait_until
from tests.training import plain_pair as pair
from tests.training import steered_pair as steered
from tests.training.states import differences, frozen_copy


def test_every_part_of_the_state_moves() -> None:
    state = pair.start()
    pair.run(state, pair.SETTINGS.model_copy(update={"steps": 4}))
    middle = frozen_copy(state.state_dict())
    pair.run(state)
    moved = " ".join(differences(middle, state.state_dict()))
    for part in ("step", "generator.norm.running_var", "average", "generator_optimizer", "discriminator_optimizer"):
        assert f"state.{part}" in moved


def test_a_pair_that_lacks_what_training_asks_is_refused_in_one_line() -> None:
    class Silent(torch.nn.Linear):
        z_dim = 4

    class Empty(torch.nn.Flatten):
        pass

    whole: Any = pair.PlainGenerator()
    silent: Any = Silent(4, 4)
    empty: Any = Empty()
    with pytest.raises(RunError, match=r"^Silent lacks .*: classes \(number of labels\), image_shape .*, elements"):
        RunState.start(silent, pair.PlainDiscriminator(), pair.SETTINGS)
    with pytest.raises(RunError, match=r"^Empty has no parameters"):
        RunState.start(whole, empty, pair.SETTINGS)


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_resuming_is_never_having_stopped_to_the_last_bit(tmp_path: Path, stop: int) -> None:
    whole = pair.start()
    pair.run(whole)
    first = pair.start()
    pair.run(first, should_stop=lambda: first.step == stop)
    save_state(tmp_path / "state.pt", first.state_dict())
    second = pair.start(pair.SETTINGS.model_copy(update={"seed": 99}))
    assert differences(second.state_dict(), first.state_dict()) != []
    second.load_state_dict(load_state(tmp_path / "state.pt"))
    pair.run(second)
    assert differences(second.state_dict(), whole.state_dict()) == []


def test_resuming_a_steered_pair_is_never_having_stopped(tmp_path: Path) -> None:
    def start(seed: int) -> RunState:
        torch.manual_seed(seed)
        return RunState.start(steered.SteeredGenerator(), steered.SteeredDiscriminator(), pair.SETTINGS)

    whole, first, second = start(0), start(0), start(1)
    pair.run(whole)
    pair.run(first, should_stop=lambda: first.step == 4)
    save_state(tmp_path / "state.pt", first.state_dict())
    second.load_state_dict(load_state(tmp_path / "state.pt"))
    pair.run(second)
    assert "discriminator.first.spectral.u" in " ".join(differences(start(0).state_dict(), whole.state_dict()))
    assert differences(second.state_dict(), whole.state_dict()) == []


def test_a_run_killed_by_the_system_resumes_to_the_same_bits(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    # Far more steps than it will get to do; it is killed while it works on one.
    with forked(pair.work, tmp_path, 100_000) as process:
        wait_until(lambda: len(record.rows()) >= 12, process.is_alive)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
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
    assert differences(resumed.state_dict(), whole.state_dict()) == []


def test_a_checkpoint_of_other_networks_is_refused() -> None:
    other = RunState.start(steered.SteeredGenerator(), steered.SteeredDiscriminator(), pair.SETTINGS)
    with pytest.raises(RunError, match="of other networks than this recipe's") as caught:
        other.load_state_dict(pair.start().state_dict())
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_its_parts_is_refused() -> None:
    with pytest.raises(RunError, match="of other networks"):
        pair.start().load_state_dict({"step": 3})
