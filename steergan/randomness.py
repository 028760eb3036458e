"""Random streams that are functions of (seed, stream, step), never of history.

Evaluation, sample grids and logging draw from streams of their own, so they can't disturb training; and a resumed run
draws what the uninterrupted one would have drawn.
"""

import hashlib

import numpy as np
import torch


def stream_seed(seed: int, stream: str, step: int = 0) -> int:
    """A 63-bit seed for one draw, the same on every machine."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def torch_stream(seed: int, stream: str, step: int = 0) -> torch.Generator:
    """A CPU generator; draw on the CPU and move the result, so that every device sees the same numbers."""
    return torch.Generator().manual_seed(stream_seed(seed, stream, step))


def numpy_stream(seed: int, stream: str, step: int = 0) -> np.random.Generator:
    """The same for numpy."""
    return np.random.default_rng(stream_seed(seed, stream, step))
