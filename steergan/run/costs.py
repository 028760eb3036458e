"""What a step costs, as stats.jsonl records it: seconds for a thousand real images, and the most memory so far."""

import sys

import torch

from steergan.recipe import TrainingSettings
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
    if (memory := most_memory()) is not None:
        found["memory_cpu"] = memory
    if device.type == "cuda":
        found["memory_gpu"] = float(torch.cuda.max_memory_allocated(device))
    return found


def most_memory() -> float | None:
    """Bytes that this process has held at most; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(used if sys.platform == "darwin" else 1024 * used)
