"""A user's own pair of plain torch networks, with batch norm and dropout, and a trivial world for it to learn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from steergan.randomness import torch_stream
from steergan.recipe import LossSettings, TrainingSettings
from steergan.training import Hooks, JsonLines, RunState, save_checkpoint, train

TARGETS = (-0.5, 0.5)
"""Every pixel of a real image of class k is TARGETS[k] plus a little noise."""
LOSS = LossSettings(name="relativistic-average", r1_weight=0.1)
SETTINGS = TrainingSettings(
    steps=12, batch_size=8, seed=3, discriminator_updates=2, generator_rate=2e-3, discriminator_rate=4e-3,
    ema_rampup=0.5, checkpoint_every=5,
)  # fmt: skip


class PlainGenerator(nn.Module):
    z_dim = 6
    classes = 2
    image_shape = (1, 4, 4)
    elements = 0

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(2, 8)
        self.hidden = nn.Linear(self.z_dim + 8, 32)
        self.norm = nn.BatchNorm1d(32)
        self.image = nn.Linear(32, 16)

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        assert element is None
        c = torch.cat([z, self.embed(y)], 1)
        return self.image(self.norm(self.hidden(c)).relu()).tanh().view(-1, 1, 4, 4)


class PlainDiscriminator(nn.Module):
    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.Softplus(), nn.Dropout(dropout))
        self.head = nn.Linear(32, 1)
        self.embed = nn.Embedding(2, 32)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        phi = self.features(image)
        return self.head(phi).squeeze(1) + (phi * self.embed(y)).sum(1)


def start(settings: TrainingSettings = SETTINGS) -> RunState:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return RunState.start(PlainGenerator(), PlainDiscriminator(), settings)


def batches(settings: TrainingSettings = SETTINGS) -> Callable[[int, int], tuple[Tensor, Tensor]]:
    def batch(step: int, update: int) -> tuple[Tensor, Tensor]:
        draw = torch_stream(settings.seed, f"data/{update}", step)
        y = torch.randint(2, (settings.batch_size,), generator=draw)
        noise = 0.1 * torch.randn(settings.batch_size, 1, 4, 4, generator=draw)
        return torch.tensor(TARGETS)[y].view(-1, 1, 1, 1) + noise, y

    return batch


def run(state: RunState, settings: TrainingSettings = SETTINGS, loss: LossSettings = LOSS, **hooks: Any) -> str:
    return train(state, batches(settings), settings, loss, hooks=Hooks(**hooks))


def work(folder: Path, steps: int) -> None:
    """Train in a process of its own, with checkpoints and a row for each step in a folder."""
    torch.set_num_threads(1)
    settings = SETTINGS.model_copy(update={"steps": steps})
    state = start(settings)
    run(
        state,
        settings,
        record_every=1,
        on_record=JsonLines(folder / "stats.jsonl").append,
        on_checkpoint=lambda step: save_checkpoint(folder, step, state.state_dict()) and None,
    )
