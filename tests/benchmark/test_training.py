"""What is timed is training itself."""

from pathlib import Path

import pytest
import torch

from steergan.benchmark import own_pair
from steergan.benchmark.training import (
    CHECKPOINT,
    DISCRIMINATOR,
    GENERATOR,
    SAMPLING,
    STEP,
    actions_of,
    random_batch,
    step_of,
    training_of,
)
from steergan.recipe import Recipe
from steergan.timing import calls_of
from tests.benchmark.tiny import CLASSES, SHAPE, recipe


def settings(seed: int = 0) -> Recipe:
    return recipe(seed=seed)


def test_rivals_see_the_same_images_and_another_seed_sees_others() -> None:
    pair = own_pair(settings(), SHAPE, CLASSES)
    first, again, other = (random_batch(pair, settings(seed), "cpu") for seed in (0, 0, 1))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert -1 <= first[0].min() < -0.9
    assert 0.9 < first[0].max() <= 1


def weights(network: object) -> list[torch.Tensor]:
    return [p.detach().clone() for _, p in network.named_parameters()]  # type: ignore[attr-defined]


def moved(before: list[torch.Tensor], network: object) -> bool:
    return not all(map(torch.equal, before, weights(network)))


def test_every_action_does_what_it_is_called(tmp_path: Path) -> None:
    pair = own_pair(settings(), SHAPE, CLASSES)
    actions = actions_of(pair, settings(), "cpu", tmp_path)
    assert set(actions) == {STEP, DISCRIMINATOR, GENERATOR, SAMPLING, CHECKPOINT}
    for name, trains in {
        DISCRIMINATOR: (False, True), GENERATOR: (True, False), STEP: (True, True), SAMPLING: (False, False),
    }.items():  # fmt: skip
        before = [weights(network) for network in pair]
        found = actions[name]()
        assert tuple(map(moved, before, pair)) == trains, name
    assert isinstance(found, torch.Tensor)
    assert found.shape == (settings().training.batch_size, *SHAPE)
    actions[CHECKPOINT]()
    assert [path.name for path in tmp_path.iterdir()] == ["state-000001.pt"]


@pytest.mark.parametrize("precision", ["tf32", "float32"])
def test_a_step_is_that_of_training_in_the_precision_that_the_recipe_says(precision: str) -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    chosen = settings()
    chosen = chosen.model_copy(
        update={"performance": chosen.performance.model_copy(update={"precision": precision, "prefetch": 0})}
    )
    pair, twin = (own_pair(chosen, SHAPE, CLASSES) for _ in range(2))
    seen: list[bool] = []
    pair.discriminator.register_forward_pre_hook(  # type: ignore[attr-defined]
        lambda module, inputs: seen.append(torch.backends.cuda.matmul.allow_tf32)
    )
    step_of(pair, chosen, "cpu")()
    assert set(seen) == {precision == "tf32"}
    assert torch.backends.cuda.matmul.allow_tf32 == before
    _, step, batch = training_of(twin, chosen, "cpu")
    step(lambda *_: batch)
    assert all(map(torch.equal, weights(pair.generator), weights(twin.generator)))


@pytest.mark.parametrize(
    ("every", "updates", "steps"), [(1, 2, 1), (4, 1, 4), (4, 2, 2), (3, 2, 3)], ids=lambda number: str(number)
)
def test_calls_hold_whole_rounds_of_lazy_penalties(every: int, updates: int, steps: int, tmp_path: Path) -> None:
    chosen = settings()
    chosen = chosen.model_copy(
        update={
            "loss": chosen.loss.model_copy(update={"penalty_every": every}),
            "training": chosen.training.model_copy(update={"discriminator_updates": updates}),
        }
    )
    pair = own_pair(chosen, SHAPE, CLASSES)
    actions = actions_of(pair, chosen, "cpu", tmp_path)
    for action in (actions[STEP], step_of(pair, chosen, "cpu")):
        assert calls_of(action) == steps
    actions[STEP]()
    actions[CHECKPOINT]()
    assert [path.name for path in tmp_path.iterdir()] == [f"state-{steps:06d}.pt"]
