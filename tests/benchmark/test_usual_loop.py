"""The loop that docs/training.md shows is ours, written out."""

from itertools import count

import pytest
import torch
from torch import Tensor

from steergan.benchmark.rivals import Pair
from steergan.benchmark.usual_loop import UsualLoop
from steergan.networks import make_discriminator, make_generator
from steergan.randomness import torch_stream
from steergan.recipe import Recipe
from steergan.training import Batch, Latents, RunState, Step, draw_latents
from tests.training.divided_runs import Wide

STEPS = 3
SHAPE = (1, 8, 8)


def recipe(**loss: object) -> Recipe:
    # Spectral norms iterate at every forward of the usual loop, and once an update of ours.
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "digits"},
            "generator": {"z_dim": 5, "embedding_dim": 4, "widths": [8, 6], "upsamplings": 1, "spectral_norm": False},
            "discriminator": {"widths": [6, 8], "spectral_norm": False},
            "loss": loss,
            "training": {
                "steps": STEPS, "batch_size": 6, "discriminator_updates": 2, "ema_rampup": 0, "ema_decay": 0.9,
            },
        }
    )  # fmt: skip


def wide_pair(settings: Recipe) -> Pair:
    """In float64, so that Adam does not make steps out of the rounding of gradients that are zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = make_generator(settings.generator, SHAPE, 2)
        return Pair(Wide(generator), Wide(make_discriminator(settings.discriminator, SHAPE, 2)))


class SameNumbers(UsualLoop):
    """Draws what `Step` draws."""

    def __init__(self, pair: Pair, settings: Recipe, batch: Batch) -> None:
        super().__init__(pair, settings, batch)
        self.seed, self.updates = settings.training.seed, self.recipe.training.discriminator_updates + 1
        self.drawn, self.pair = count(), pair

    def stream(self, name: str, number: int) -> torch.Generator:
        return torch_stream(self.seed, f"{name}/{number % self.updates}", 1 + number // self.updates)

    def latents(self) -> Latents:
        self.number = next(self.drawn)
        return draw_latents(self.pair.generator, len(self.y), self.stream("training", self.number))

    def shares(self) -> Tensor:
        return torch.rand(len(self.y), generator=self.stream("penalty", self.number)).double()


@pytest.mark.parametrize(
    "loss",
    [
        {"name": "relativistic-average", "r1_weight": 0.3},
        {"name": "hinge", "r1_weight": 0.3},
        {"name": "relativistic-pairing", "r1_weight": 0.3, "r2_weight": 0.2},
        {"name": "wasserstein", "r1_weight": 0.0, "wgan_gp_weight": 2.0},
        {"name": "relativistic-pairing", "r1_weight": 0.3, "r2_weight": 0.2, "penalty_every": 4},
    ],
    ids=lambda loss: f"{loss['name']}-{loss.get('penalty_every', 1)}",
)
def test_the_usual_loop_and_ours_come_to_the_same_weights(loss: dict[str, object]) -> None:
    settings = recipe(**loss)
    draw = torch.Generator().manual_seed(1)
    batch = torch.rand(6, *SHAPE, generator=draw, dtype=torch.float64) * 2 - 1, torch.arange(6) % 2
    loop = SameNumbers(wide_pair(settings), settings, batch)
    pair = wide_pair(settings)
    state = RunState.start(pair.generator, pair.discriminator, settings.training)
    step = Step(state, settings.training, settings.loss)
    start = [p.detach().clone() for p in loop.generator.parameters()]
    for _ in range(STEPS):
        loop()
        step(lambda *_: batch)
    for ours, theirs in (
        (state.generator, loop.generator),
        (state.discriminator, loop.discriminator),
        (state.average.network, loop.average),
    ):
        for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10, msg=name)
    moved = zip(start, loop.generator.parameters(), strict=True)
    assert max(float((before - after).detach().abs().max()) for before, after in moved) > 1e-4
