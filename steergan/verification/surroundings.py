"""The process around a network: what a forward may change in it is put back; modes are set whatever `train` does."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from steergan.randomness import seed_torch

Module = TypeVar("Module", bound=nn.Module)


def in_mode(module: Module, training: bool) -> Module:
    """A module, set to training or evaluation; `train` of published ones may return nothing."""
    module.train(training)
    return module


def deterministic() -> tuple[bool, bool]:
    """Whether torch refuses operations that are not deterministic, and whether it only warns of them."""
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


@contextmanager
def undisturbed() -> Iterator[None]:
    """What a process has of its own (seeds, default dtype, gradients on or off, threads) is afterwards as before."""
    dtype, gradients, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    strict = deterministic()
    python, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002  # what networks draw from
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if deterministic() != strict:  # saying it again would import torch's compiler, which takes seconds
            torch.use_deterministic_algorithms(strict[0], warn_only=strict[1])
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Inside, torch, numpy and Python draw the same numbers each time; outside, they go on as if nothing had been."""
    with undisturbed():
        seed_torch(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        yield
