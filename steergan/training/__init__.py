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
from steergan.training.engine import PLAIN, REFERENCE, Engine, check_device, compilation_notice
from steergan.training.forwards import Batch
from steergan.training.latents import LatentLaw, Latents, draw_latents
from steergan.training.loop import Batches, Row, Step, train
from steergan.training.parallel import ALONE, Processes, is_first_to_tell, joined, launched, own_device
from steergan.training.protocols import Discriminator, Generator
from steergan.training.record import JsonLines
from steergan.training.state import RunState
from steergan.training.step import Part, Updates, discriminator_update, generator_update

__all__ = [
    "ALONE",
    "PLAIN",
    "REFERENCE",
    "Batch",
    "Batches",
    "Discriminator",
    "Engine",
    "ExponentialAverage",
    "Generator",
    "JsonLines",
    "LatentLaw",
    "Latents",
    "LatestState",
    "Part",
    "Processes",
    "Row",
    "RunState",
    "Step",
    "Updates",
    "check_device",
    "compilation_notice",
    "discriminator_update",
    "draw_latents",
    "generator_update",
    "is_first_to_tell",
    "joined",
    "latest_state",
    "launched",
    "load_state",
    "load_weights",
    "own_device",
    "save_checkpoint",
    "save_state",
    "save_weights",
    "train",
]
