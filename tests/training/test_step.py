"""A step is the updates in their order, on fresh draws, and what can't go well is refused before the first."""

from typing import Any

import pytest
import torch

from steergan.errors import RecipeError, RunError
from steergan.losses import OBJECTIVES
from steergan.networks import Discriminator, DiscriminatorSpec
from steergan.penalties import mixed_images
from steergan.randomness import stream_seed, torch_stream
from steergan.recipe import AugmentationSettings, LossSettings
from steergan.training import (
    Engine,
    Inputs,
    Processes,
    RunState,
    Step,
    discriminator_update,
    draw_latents,
    generator_update,
)
from steergan.training.loop import read_metrics
from tests.training import plain_pair as pair
from tests.training.states import differences

SMALL = DiscriminatorSpec(group="C4", widths=(4,))


def test_a_step_is_the_discriminators_updates_then_the_generators_on_fresh_draws() -> None:
    settings, state = pair.SETTINGS.model_copy(update={"steps": 1}), pair.start()
    rows: list[dict[str, float]] = []
    pair.run(state, settings, record_every=1, on_record=rows.append)

    by_hand, objective = pair.start(), OBJECTIVES[pair.LOSS.name]._replace(r1_weight=0.1)
    networks = by_hand.generator, by_hand.discriminator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(settings.seed, "networks", 1))
        for update in (0, 1, 2):
            latents = draw_latents(by_hand.generator, 8, torch_stream(settings.seed, f"training/{update}", 1))
            inputs = Inputs(*pair.batches()(1, update), *latents)
            if update < 2:
                last = discriminator_update(*networks, by_hand.discriminator_optimizer, objective, inputs)
        last |= generator_update(*networks, by_hand.generator_optimizer, objective, inputs)
    by_hand.average.update(1)
    by_hand.step = 1

    assert differences(by_hand.state_dict(), state.state_dict()) == []
    assert rows[0].pop("seconds_per_step") > 0
    assert rows[0] == {"step": 1, "images_seen": 16} | {name: value.item() for name, value in last.items()}
    assert set(last) == {"discriminator_loss", "generator_loss", "real_score", "fake_score", "r1"}


@pytest.mark.parametrize("every", [2, 3])
def test_lazy_penalties_are_those_of_every_kth_update_and_k_times_as_strong(every: int) -> None:
    """Two discriminator updates a step: the first of all updates has its penalty, then every k-th."""
    settings = pair.SETTINGS.model_copy(update={"steps": 3, "ema_rampup": 0.0})
    loss = LossSettings(name="hinge", r1_weight=0.2, r2_weight=0.1, penalty_every=every)
    lazy, rows = pair.start(settings), list[dict[str, float]]()
    pair.run(lazy, settings, loss, record_every=1, on_record=rows.append)

    by_hand, plain = pair.start(settings), OBJECTIVES["hinge"]
    strong = plain._replace(r1_weight=every * 0.2, r2_weight=every * 0.1)
    networks, penalised = (by_hand.generator, by_hand.discriminator), [False] * 3
    with torch.random.fork_rng(devices=[]):
        for step in (1, 2, 3):
            torch.manual_seed(stream_seed(settings.seed, "networks", step))
            for update in (0, 1, 2):
                latents = draw_latents(by_hand.generator, 8, torch_stream(settings.seed, f"training/{update}", step))
                inputs = Inputs(*pair.batches()(step, update), *latents)
                if update < 2:
                    due = (2 * (step - 1) + update) % every == 0
                    penalised[step - 1] |= due
                    objective = strong if due else plain
                    discriminator_update(*networks, by_hand.discriminator_optimizer, objective, inputs)
            generator_update(*networks, by_hand.generator_optimizer, plain, inputs)
            by_hand.average.update(step)
            by_hand.step = step
    assert differences(by_hand.state_dict(), lazy.state_dict()) == []
    assert [("r1" in row, "r2" in row) for row in rows] == [(due, due) for due in penalised]


def test_the_newest_of_every_metric_is_recorded() -> None:
    first, last = {"loss": torch.tensor(1.0), "r1": torch.tensor(2.0)}, {"loss": torch.tensor(3.0)}
    assert read_metrics([(1, first), (2, last)]) == {"loss": 3.0, "r1": 2.0}
    with pytest.raises(RunError, match="r1 is nan at step 1"):
        read_metrics([(1, {**first, "r1": torch.tensor(float("nan"))}), (2, last)])


def test_wgan_gp_looks_at_other_mixes_in_every_update(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def noting(real: torch.Tensor, fake: torch.Tensor, mix_B: torch.Tensor) -> torch.Tensor:
        seen.append(mix_B)
        return mixed_images(real, fake, mix_B)

    monkeypatch.setattr("steergan.training.updates.mixed_images", noting)
    settings = pair.SETTINGS.model_copy(update={"steps": 50})
    pair.run(pair.start(), settings, LossSettings(name="wasserstein", r1_weight=0.0, wgan_gp_weight=10.0))
    shares = torch.stack(seen)
    assert shares.shape == (100, 8)
    assert shares.unique().numel() == 800
    assert 0 <= shares.min() < 0.02
    assert 0.98 < shares.max() <= 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("made", ["by hand", "by steergan, without", "by steergan, of half turns"])
def test_rotations_with_a_discriminator_that_cannot_guess_them_are_refused_before_the_first_step(made: str) -> None:
    judge: Any = pair.PlainDiscriminator()
    if made != "by hand":
        judge = Discriminator(SMALL, (1, 4, 4), 2, rotations=0 if made.endswith("without") else 2)
    generator, seen = pair.PlainGenerator(), list[Any]()
    state = RunState.start(generator, judge, pair.SETTINGS, AugmentationSettings(rotation_discriminator=1.0))
    judge.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    with pytest.raises(RecipeError, match=f"{type(judge).__name__} has (none|2); set it to 0"):
        pair.run(state)
    assert seen == []
    assert state.step == 0


def test_a_discriminator_with_a_head_for_four_rotations_is_taken() -> None:
    judge = Discriminator(SMALL, (1, 4, 4), 2, rotations=4)
    state = RunState.start(
        pair.PlainGenerator(), judge, pair.SETTINGS, AugmentationSettings(rotation_discriminator=1.0)
    )
    assert "rotation_discriminator" in Step(state, pair.SETTINGS, pair.LOSS)(pair.batches())


def test_a_batch_norm_that_would_see_one_process_s_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processes, "check_agreement", lambda self, values: None)
    with pytest.raises(RunError, match=r"BatchNorm1d would normalise by one process's part of a batch"):
        Step(pair.start(), pair.SETTINGS, pair.LOSS, engine=Engine(processes=Processes(0, 2)))


def test_orthogonal_regularisation_needs_layers_of_ours() -> None:
    loss = LossSettings(orthogonal_weight=0.1)
    with pytest.raises(RecipeError, match=r"orthogonal_weight = 0.1: PlainGenerator has no layer of steergan.layers"):
        Step(pair.start(), pair.SETTINGS, loss)
