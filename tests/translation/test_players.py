"""Networks that translate and judge, in the loop that trains all others: maps of scores, L1, parts, dropout's noise."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.losses import OBJECTIVES
from steergan.penalties import per_image
from steergan.recipe import LossSettings, TrainingSettings
from steergan.training import Hooks, Inputs, RunState, Updates, train
from steergan.translation import PairJudge, Translator
from steergan.translation.players import kept

IN, OUT = (1, 8, 8), (3, 8, 8)


class Judge(nn.Module):
    """Input and output -> 4 x 4 scores."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 1, 2, stride=2))

    def forward(self, input: Tensor, output: Tensor) -> Tensor:
        scores: Tensor = self.layers(torch.cat([input, output], dim=1))
        return scores


class Noisy(nn.Module):
    """A translator with dropout, as a U-Net has it."""

    dropped, dropout = 3, 0.5

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 3, 1)

    def forward(self, image: Tensor, keep: Tensor) -> Tensor:
        made: Tensor = self.layer(image) * keep[:, :, None, None]
        return made


def players() -> tuple[Translator, PairJudge]:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, 3, 3, padding=1), nn.Tanh())
    return Translator(layers, IN, OUT), PairJudge(Judge(), IN, OUT)


def batch(step: int, update: int, count: int = 4) -> tuple[Tensor, Tensor]:
    """Outputs in three colours of their inputs, as bytes."""
    stream = torch.Generator().manual_seed(100 * step + update)
    inputs = torch.randint(0, 256, (count, *IN), generator=stream, dtype=torch.uint8)
    return torch.cat([inputs, 255 - inputs, inputs // 2], dim=1), inputs


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_trains_on_maps_and_l1_brings_translations_near(name: str) -> None:
    training = TrainingSettings(
        steps=12, batch_size=4, discriminator_updates=1, generator_rate=2e-2, beta1=0.5, beta2=0.99
    )
    loss = LossSettings(name=name, r1_weight=0.1, r2_weight=0.1, reconstruction_weight=100.0, discriminator_weight=0.5)  # type: ignore[arg-type]
    state = RunState.start(*players(), training)
    rows: list[Any] = []
    train(state, batch, training, loss, hooks=Hooks(record_every=1, on_record=rows.append))
    assert rows[-1]["reconstruction"] < 0.75 * rows[0]["reconstruction"]
    assert {"r1", "r2", "generator_loss"} <= rows[-1].keys()


def gradients(parts: int, player: str) -> list[Tensor]:
    """Of one player, of a batch in so many parts, without an optimizer that moves anything."""
    translator, judge = players()
    translator.double(), judge.double()
    objective = OBJECTIVES["relativistic-average"]._replace(
        r1_weight=0.5, reconstruction_weight=100.0, discriminator_weight=0.5
    )
    outputs, inputs = (x.double() / 127.5 - 1 for x in batch(1, 0))
    pieces = [
        Inputs(real, y, torch.empty(len(y), 0))
        for real, y in zip(outputs.chunk(parts), inputs.chunk(parts), strict=True)
    ]
    updates = Updates(translator, judge, objective)
    if player == "translator":
        optimizer = torch.optim.SGD(translator.parameters(), lr=0.0)
        updates.update_generator(optimizer, pieces)
        return [p.grad.clone() for p in translator.parameters() if p.grad is not None]
    optimizer = torch.optim.SGD(judge.parameters(), lr=0.0)
    updates.update_discriminator(optimizer, pieces)
    return [p.grad.clone() for p in judge.parameters() if p.grad is not None]


@pytest.mark.parametrize("player", ["translator", "judge"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(player: str) -> None:
    whole, parts = gradients(1, player), gradients(2, player)
    assert len(whole) == 4
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other)


def test_the_generators_gradient_is_that_of_the_loss_and_l1() -> None:
    translator, judge = players()
    translator.double(), judge.double()
    outputs, inputs = (x.double() / 127.5 - 1 for x in batch(1, 0))
    objective = OBJECTIVES["non-saturating"]._replace(reconstruction_weight=100.0)
    optimizer = torch.optim.SGD(translator.parameters(), lr=0.0)
    Updates(translator, judge, objective).update_generator(optimizer, [Inputs(outputs, inputs, torch.empty(4, 0))])
    found = [p.grad.clone() for p in translator.parameters() if p.grad is not None]
    made = translator.network(inputs)
    total = nn.functional.softplus(-judge.network(inputs, made)).mean() + 100 * (made - outputs).abs().mean()
    for one, other in zip(found, torch.autograd.grad(total, list(translator.parameters())), strict=True):
        torch.testing.assert_close(one, other)


def test_a_penalty_weighs_the_same_however_many_patches_there_are() -> None:
    torch.testing.assert_close(per_image(torch.ones(2, 1, 4, 4)), torch.ones(2))
    torch.testing.assert_close(per_image(torch.ones(2)), torch.ones(2))


def test_dropouts_noise_is_the_latent() -> None:
    translator = Translator(Noisy(), IN, OUT)
    assert translator.z_dim == 3
    z = torch.tensor([[-1.0, 1.0, -1.0]])
    made = translator(z, torch.ones(1, *IN))
    assert (made[0, [0, 2]] == 0).all()
    torch.testing.assert_close(made[0, 1], 2 * translator.network.layer(torch.ones(1, *IN))[0, 1])  # type: ignore[operator]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_so_many_are_left_out(share: float) -> None:
    keep = kept(torch.randn(100, 200, generator=torch.Generator().manual_seed(0)), share)
    torch.testing.assert_close(keep[keep > 0], torch.full_like(keep[keep > 0], 1 / (1 - share)))
    assert float((keep == 0).float().mean()) == pytest.approx(share, abs=0.01)
