"""What is tried on an accelerator: on the CPU, where it has to hold, and where a fault has to be seen."""

import subprocess
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from benchmarks import accelerator
from benchmarks.__main__ import benchmarks
from steergan.penalties import r1_penalty

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"


def test_gradients_certificates_and_traces_hold() -> None:
    for attempt in (accelerator.certificate, accelerator.traced):
        assert attempt("C4", "cpu")[0]
    assert accelerator.gradients("C8", "float32", "cpu")[0]


def test_wrong_second_derivatives_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(score_B: Tensor, image: Tensor, weight: float) -> Tensor:
        return r1_penalty(score_B, image, weight) * (1.0 if image.dtype == torch.float64 else 1.01)

    monkeypatch.setattr("benchmarks.accelerator.r1_penalty", wrong)
    assert not accelerator.gradients("C4", "float32", "cpu")[0]


def test_a_check_that_raises_is_a_fault_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> tuple[bool, str]:
        raise RuntimeError("no kernel image\nis available")

    for name in ("gradients", "certificate", "traced", "resumed"):
        monkeypatch.setattr(accelerator, name, wrong)
    found = CliRunner().invoke(benchmarks, ["accelerator", "--device", "cpu"])
    assert found.exit_code == 1
    lines = found.output.splitlines()
    assert len(lines) == 5 * len(accelerator.GROUPS) + 2
    assert lines[0] == "FAULT  trivial, float32: RuntimeError: no kernel image is available"


def test_the_script_is_one_that_bash_can_read() -> None:
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
