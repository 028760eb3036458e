"""`steergan resume`: Ctrl-C, and going on from there."""

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.commands import invoke
from tests.processes import started


@pytest.mark.usefixtures("blank_curves")
def test_interrupted_training_saves_and_goes_on_to_the_same_weights(tiny_recipe: Path, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    longer = ["--set", "training.steps=2000", "--set", "evaluation.every=2000"]
    with started(tmp_path, "train", tiny_recipe, "--out", stopped, "--device", "cpu", *longer) as training:
        saved_one = "state-*[1-9]*.pt"  # whichever: only the newest two stay there
        training.wait_until(lambda: any(stopped.glob(saved_one)))
        os.kill(training.pid, signal.SIGINT)
        code, out, err = training.end()
    assert code == 130, out + err
    assert f"stopped and saved; continue with: steergan resume {stopped}\n" in err
    saved = max(int(path.stem.removeprefix("state-")) for path in stopped.glob("state-*.pt"))
    assert 3 <= saved < 2000

    # A shorter way to the end of the same run, and the same run without a stop.
    resolved = stopped / "resolved.toml"
    resolved.write_text(resolved.read_text().replace("steps = 2000", f"steps = {saved + 2}"))
    resumed = invoke("resume", stopped, "--device", "cpu")
    assert resumed.exit_code == 0, resumed.output
    steps = ["--set", f"training.steps={saved + 2}", "--set", "evaluation.every=2000"]
    whole = tmp_path / "whole"
    trained = invoke("train", tiny_recipe, "--out", whole, *steps, "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    for name in ("generator.safetensors", "discriminator.safetensors"):
        one, other = load_file(stopped / name), load_file(whole / name)  # the files' headers have no fixed order
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
