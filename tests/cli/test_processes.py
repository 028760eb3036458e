"""`train` under torchrun: the same run, one voice, and what is left when a process is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STEPS = 400
SETTINGS = [
    "--set", "training.batch_size=4", "--set", "training.checkpoint_every=5", "--set", "evaluation.samples=16",
    "--set", "evaluation.every=100000", "--set", "generator.widths=[4,4,4]", "--set", "discriminator.widths=[4,4]",
    "--set", "generator.seed_width=2",
]  # fmt: skip


def torchrun(*arguments: str) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "steergan_cli", *arguments,
    ]  # fmt: skip


def training(out: Path, steps: int) -> list[str]:
    return [
        "train", "recipes/quickstart.toml", "--out", str(out), "--device", "cpu",
        *SETTINGS, "--set", f"training.steps={steps}",
    ]  # fmt: skip


def ours(output: str) -> list[str]:
    """What went wrong, in our words and not in torchrun's."""
    lines = [line for line in output.splitlines() if line.startswith("steergan:")]
    return [line for line in lines if "building the convolution kernels" not in line]


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it has ended
        if int(parent) == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers through /proc")
def test_a_killed_process_ends_the_run_in_one_line_and_the_run_resumes_on_one(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "run"
    launcher = subprocess.Popen(
        torchrun(*training(out, STEPS)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list(out.glob("state-*.pt")) and launcher.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = children(launcher.pid)
    assert len(workers) == 2
    second = next(
        pid for pid in workers if b"\0RANK=1\0" in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    )
    os.kill(second, signal.SIGKILL)
    _, errors = launcher.communicate(timeout=120)
    assert launcher.returncode != 0
    assert ours(errors) == [
        "steergan: another process of this run has ended; what was saved before is whole, and the same command goes "
        "on from there"
    ]
    about = json.loads((out / "run.json").read_text())
    assert about["processes"] == [{"from_step": 0, "count": 2}]
    resumed = subprocess.run(
        [sys.executable, "-m", "steergan_cli", *training(out, STEPS)],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on after step" in resumed.stdout + resumed.stderr
    assert (out / "generator.safetensors").exists()
    two, one = json.loads((out / "run.json").read_text())["processes"]
    assert (two["count"], one["count"]) == (2, 1)
    assert 0 < one["from_step"] < STEPS
    steps = [json.loads(line)["step"] for line in (out / "stats.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == STEPS


def test_bad_input_is_told_once_and_leaves_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "run"
    ended = subprocess.run(
        torchrun(*training(out, 10), "--set", "training.batch_size=5"),
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert ours(ended.stderr) == [
        "steergan: training.batch_size = 5 can't be divided by 2 (2 processes); choose a multiple of 2"
    ]
    assert not out.exists()


def test_a_stop_signal_saves_and_exits_as_ctrl_c_does(tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "steergan_cli", *training(out, 100_000)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(out.glob("state-*.pt")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(out.glob("state-*.pt"))
    assert not (out / "generator.safetensors").exists()
