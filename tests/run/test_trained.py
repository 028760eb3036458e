"""`steergan.load`: a run in a notebook."""

from pathlib import Path

import pytest
import torch

import steergan
from steergan import run as runs
from steergan.errors import RunError


def test_samples_are_those_of_the_command(tiny_run: Path) -> None:
    run = steergan.load(tiny_run)
    images = run.sample(4, classes=[1, 0], truncation=0.5, seed=3)
    for i in range(4):
        wanted = runs.sample(tiny_run, [3 + i], [1 - i % 2], 0.5)[0, 0]
        assert int((images[i].int() - wanted.int()).abs().max()) <= 1
    assert torch.equal(run.sample(2, classes=run.class_names[1]), run.sample(2, classes=1))
    assert "step 6" in repr(run)


def test_networks_are_proved(tiny_run: Path) -> None:
    run = steergan.load(str(tiny_run))
    assert [found.verdict for found in run.verify(quick=True)] == ["proved", "proved"]
    assert not run.generator.training
    assert not run.discriminator.training


def test_bad_input_is_one_line(tiny_run: Path, tmp_path: Path) -> None:
    run = steergan.load(tiny_run)
    with pytest.raises(RunError, match="the classes are"):
        run.sample(1, classes="unicorns")
    with pytest.raises(RunError, match="does not exist"):
        run.sample(1, classes=99)
    with pytest.raises(RunError, match="at least 1"):
        run.sample(0)
    with pytest.raises(RunError, match="not a run folder"):
        steergan.load(tmp_path)
