"""What happens to two given networks: updates, loop, average, checkpoints, records."""

from steergan.training.checkpoint import (
    LatestState,
    latest_state,
    load_state,
    load_weights,
    save_checkpoint,
    save_state,
    save_weights,
)
from steergan.training.ema import ExponentialAverage
from steergan.training.latents import LatentLaw, Latents, draw_latents
from steergan.training.loop import Batches, Row, train
from steergan.training.protocols import Discriminator, Generator
from steergan.training.record import JsonLines
from steergan.training.state import RunState
from steergan.training.step import Batch, discriminator_update, generator_update

__all__ = [
    "Batch",
    "Batches",
    "Discriminator",
    "ExponentialAverage",
    "Generator",
    "JsonLines",
    "LatentLaw",
    "Latents",
    "LatestState",
    "Row",
    "RunState",
    "discriminator_update",
    "draw_latents",
    "generator_update",
    "latest_state",
    "load_state",
    "load_weights",
    "save_checkpoint",
    "save_state",
    "save_weights",
    "train",
]
