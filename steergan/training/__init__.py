"""What happens to two given networks: updates, loop, average, checkpoints, records."""

from steergan.extras import needed_by

with needed_by("steergan.training"):
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
    from steergan.training.inputs import Inputs
    from steergan.training.latents import LatentLaw, Latents, draw_latents
    from steergan.training.loop import Hooks, Row, train
    from steergan.training.own_loop import discriminator_update, generator_update
    from steergan.training.parallel import ALONE, Processes, is_first_to_tell, joined, launched, own_device
    from steergan.training.protocols import Discriminator, Generator
    from steergan.training.rates import rate_factor, same_rates
    from steergan.training.record import JsonLines, figure_in
    from steergan.training.state import DivergenceError, RunState
    from steergan.training.step import Batch, Batches, Step
    from steergan.training.updates import Updates

__all__ = [
    "ALONE",
    "PLAIN",
    "REFERENCE",
    "Batch",
    "Batches",
    "Discriminator",
    "DivergenceError",
    "Engine",
    "ExponentialAverage",
    "Generator",
    "Hooks",
    "Inputs",
    "JsonLines",
    "LatentLaw",
    "Latents",
    "LatestState",
    "Processes",
    "Row",
    "RunState",
    "Step",
    "Updates",
    "check_device",
    "compilation_notice",
    "discriminator_update",
    "draw_latents",
    "figure_in",
    "generator_update",
    "is_first_to_tell",
    "joined",
    "latest_state",
    "launched",
    "load_state",
    "load_weights",
    "own_device",
    "rate_factor",
    "same_rates",
    "save_checkpoint",
    "save_state",
    "save_weights",
    "train",
]
