"""`train` under torchrun: the same run, one voice, and what is left when a process is killed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from tests.processes import PATIENCE, ROOT, launched, started, wait_until

MANY = 100_000
"""More steps than anybody waits for."""


def training(recipe: Path, out: Path, steps: int) -> list[str]:
    where = ["--out", str(out), "--device", "cpu"]
    return ["train", str(recipe), *where, "--set", f"training.steps={steps}", "--set", f"evaluation.every={MANY}"]


def ours(output: str) -> list[str]:
    """What went wrong, in our words and not in torchrun's."""
    lines = [line for line in output.splitlines() if line.startswith("steergan:")]
    return [line for line in lines if "building the convolution kernels" not in line]


def saved(out: Path) -> int:
    """The newest checkpoint's step; 0 if there is none."""
    return max((int(path.stem.removeprefix("state-")) for path in out.glob("state-*.pt")), default=0)


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
    tmp_path: Path, tiny_recipe: Path
) -> None:
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    launcher = subprocess.Popen(
        [*torchrun, "-m", "steergan_cli", *training(tiny_recipe, out, MANY)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: saved(out) > 0, lambda: launcher.poll() is None)
    workers = children(launcher.pid)
    assert len(workers) == 2
    second = next(pid for pid in workers if b"\0RANK=1\0" in b"\0" + Path(f"/proc/{pid}/environ").read_bytes())
    os.kill(second, signal.SIGKILL)
    _, errors = launcher.communicate(timeout=PATIENCE)
    assert launcher.returncode != 0
    assert ours(errors) == [
        "steergan: another process of this run has ended; what was saved before is whole, and the same command goes "
        "on from there"
    ]
    about = json.loads((out / "run.json").read_text())
    assert about["processes"] == [{"from_step": 0, "count": 2}]

    last = saved(out) + 4  # a shorter way to the end of the same run
    resolved = out / "resolved.toml"
    resolved.write_text(resolved.read_text().replace(f"steps = {MANY}", f"steps = {last}"))
    with started(tmp_path, *training(tiny_recipe, out, last)) as again:
        code, told, errors = again.end()
    assert code == 0, errors
    assert "goes on after step" in told
    assert (out / "generator.safetensors").exists()
    two, one = json.loads((out / "run.json").read_text())["processes"]
    assert (two["count"], one["count"]) == (2, 1)
    assert 0 < one["from_step"] < last
    steps = [json.loads(line)["step"] for line in (out / "stats.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == last


def test_bad_input_is_told_once_and_leaves_nothing(tmp_path: Path, tiny_recipe: Path) -> None:
    """Two processes with a store and the variables of torchrun."""
    out = tmp_path / "run"
    store = TCPStore("127.0.0.1", 0, is_master=True)
    with ExitStack() as stack:
        pair = []
        for rank in (0, 1):
            (tmp_path / str(rank)).mkdir()
            own = launched(store.port, rank)
            words = [*training(tiny_recipe, out, 10), "--set", "training.batch_size=5"]
            pair.append(stack.enter_context(started(tmp_path / str(rank), *words, environment=own)))
        ended = [command.end() for command in pair]
    assert [code for code, *_ in ended] == [2, 2]
    assert ours("".join(errors for *_, errors in ended)) == [
        "steergan: training.batch_size = 5 can't be divided by 2 (2 processes); choose a multiple of 2"
    ]
    assert not out.exists()


def test_a_stop_signal_saves_and_exits_as_ctrl_c_does(tmp_path: Path, tiny_recipe: Path) -> None:
    out = tmp_path / "run"
    with started(tmp_path, *training(tiny_recipe, out, MANY)) as command:
        command.wait_until(lambda: saved(out) > 0)
        os.kill(command.pid, signal.SIGTERM)
        code, *_ = command.end()
    assert code == 130
    assert list(out.glob("state-*.pt"))
    assert not (out / "generator.safetensors").exists()
