"""What a forward does to the process is undone, and modes are set whatever `train` returns."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from steergan.verification import verify
from steergan.verification.surroundings import in_mode, seeded, undisturbed
from tests.verification.networks import IMAGE, Says


def test_what_a_forward_does_to_the_process_is_undone() -> None:
    def rude(layer: Any, x: Tensor) -> Any:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(True)
        torch.manual_seed(7)
        np.random.seed(7)  # noqa: NPY002
        random.seed(7)
        y = layer(IMAGE(x.mul_(2)))
        return y

    network = Says(rude)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]  # noqa: NPY002
    found = verify(network, 5, level=4, modes=("evaluation",))
    assert found.verdict == "proved", found.sentence  # the input, which it overwrites, is not that of the next forward
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[index]  # noqa: NPY002


def test_what_is_drawn_inside_is_the_same_each_time_and_nothing_outside() -> None:
    def draw() -> tuple[float, float, float]:
        return float(torch.rand(())), float(np.random.rand()), random.random()  # noqa: NPY002

    with seeded():
        first = draw()
    outside = draw()
    with seeded():
        assert draw() == first
    assert draw() != outside

    def fails() -> None:
        with undisturbed():
            torch.use_deterministic_algorithms(True)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert not torch.are_deterministic_algorithms_enabled()


def test_what_stays_as_it_was_is_not_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saying again which algorithms are allowed imports torch's compiler, which takes seconds."""
    monkeypatch.setattr("torch.use_deterministic_algorithms", None)
    with seeded():
        torch.rand(())


def test_a_module_whose_train_returns_nothing_is_set_all_the_same() -> None:
    class Silent(nn.Dropout):
        def train(self, mode: bool = True) -> None:  # type: ignore[override]
            super().train(mode)

    module = Silent()
    assert in_mode(module, training=False) is module
    assert not module.training
