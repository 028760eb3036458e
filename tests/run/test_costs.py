"""What a step costs."""

import json
from pathlib import Path

import pytest
import torch

from steergan.recipe import TrainingSettings
from steergan.run.costs import costs


def test_a_step_is_priced_by_the_real_images_that_it_shows() -> None:
    training = TrainingSettings(batch_size=50, discriminator_updates=4)
    found = costs({"step": 1, "seconds_per_step": 2.0}, training, torch.device("cpu"))
    assert found["seconds_per_thousand_images"] == 10.0
    assert "memory_gpu" not in found


def test_memory_of_an_accelerator_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 << 30)
    found = costs({"step": 1, "seconds_per_step": 2.0}, TrainingSettings(), torch.device("cuda"))
    assert found["memory_gpu"] == 3 << 30


def test_the_most_memory_never_falls() -> None:
    training = TrainingSettings()
    before = costs({"step": 1, "seconds_per_step": 2.0}, training, torch.device("cpu")).get("memory_cpu")
    block = torch.ones(1 << 22)
    after = costs({"step": 2, "seconds_per_step": 2.0}, training, torch.device("cpu")).get("memory_cpu")
    assert before is None or (after is not None and after >= before >= block.nbytes)


def test_every_row_of_a_run_has_its_costs(tiny_run: Path) -> None:
    rows = [json.loads(line) for line in (tiny_run / "stats.jsonl").read_text().splitlines()]
    assert all(row["seconds_per_thousand_images"] == pytest.approx(250 * row["seconds_per_step"]) for row in rows)
