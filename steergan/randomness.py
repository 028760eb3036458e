"""Random streams that are functions of (seed, stream, step), never of history.

Evaluation, sample grids and logging draw from streams of their own, so they can't disturb training; and a resumed run
draws what the uninterrupted one would have drawn.
"""

import hashlib

import numpy as np
import torch


def stream_seed(seed: int, stream: str, step: int = 0) -> int:
    """A 63-bit seed for one draw, the same on every machine.

    Args:
        seed: of the run.
        stream: a name; different uses take different names.
        step: of training, or whatever else counts.

    Examples:
        >>> stream_seed(0, "batch", 7)
        3759606055871170824
    """
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_torch(seed: int) -> None:
    """Seed torch's global streams as `torch.manual_seed` does, in less time.

    That formats a stack trace for every kind of device that is not in use, in milliseconds.

    Args:
        seed: of torch's global streams.

    Examples:
        >>> seed_torch(0)
        >>> first = torch.rand(())
        >>> seed_torch(0)
        >>> bool(torch.rand(()) == first)
        True
    """
    in_use = any(device.is_initialized() for device in (torch.cuda, torch.xpu, torch.mtia))
    if in_use or torch.backends.mps.is_available() or hasattr(torch, torch._C._get_privateuse1_backend_name()):
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def torch_stream(seed: int, stream: str, step: int = 0) -> torch.Generator:
    """A CPU generator; draw on the CPU and move the result, so that every device sees the same numbers."""
    return torch.Generator().manual_seed(stream_seed(seed, stream, step))


def numpy_stream(seed: int, stream: str, step: int = 0) -> np.random.Generator:
    """A numpy generator, of the stream that the arguments name."""
    return np.random.default_rng(stream_seed(seed, stream, step))
