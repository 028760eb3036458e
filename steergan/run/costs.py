"""What a step costs, as stats.jsonl records it: seconds for a thousand real images, and the most memory so far."""

import torch

from steergan.recipe import TrainingSettings
from steergan.run.pace import memory_used
from steergan.training import Row


def costs(row: Row, training: TrainingSettings, device: torch.device) -> Row:
    """What is added to the row of a step.

    Args:
        row: of which `seconds_per_step` is looked at.
        training: how many real images a step shows to the discriminator.
        device: where the networks are.

    Returns:
        `seconds_per_thousand_images`; `memory_cpu` in bytes, the most that this process has held so far, where the
        system tells it; on CUDA `memory_gpu` in bytes, the most that its tensors have held so far.
    """
    images = training.batch_size * training.discriminator_updates
    found: Row = {"seconds_per_thousand_images": 1000 * row["seconds_per_step"] / images}
    places = {"memory_cpu": torch.device("cpu")} | ({"memory_gpu": device} if device.type == "cuda" else {})
    known = {name: memory_used(place) for name, place in places.items()}
    return found | {name: float(memory) for name, memory in known.items() if memory is not None}
