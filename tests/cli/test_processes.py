"""`train` under torchrun: the same run, one voice, and what is left when a process is killed."""

import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.distributed.launcher.api import elastic_launch
from torch.distributed.run import config_from_args, parse_args

from steergan_cli.main import main
from tests.processes import PATIENCE, forked, launched, started, wait_until, write_to

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


def torchrun(words: list[str], folder: Path) -> None:
    """What `torchrun -m steergan_cli WORDS` does, but for its two workers being forked."""
    write_to(folder / "stdout.txt", folder / "stderr.txt")
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    asked = parse_args([*rendezvous, "--nproc-per-node", "2", "--start-method", "fork", "-m", "steergan_cli"])
    config, *_ = config_from_args(asked)
    elastic_launch(config, entrypoint=work)(words, folder)


def work(words: list[str], folder: Path) -> None:
    (folder / f"rank-{os.environ['RANK']}").write_text(str(os.getpid()))
    main(words)


def test_a_killed_process_ends_the_run_in_one_line_and_the_run_resumes_on_one(
    tmp_path: Path, tiny_recipe: Path
) -> None:
    out = tmp_path / "run"
    with forked(torchrun, training(tiny_recipe, out, MANY), tmp_path) as launcher:
        wait_until(lambda: saved(out) > 0, launcher.is_alive)
        os.kill(int((tmp_path / "rank-1").read_text()), signal.SIGKILL)
        launcher.join(PATIENCE)
        assert launcher.exitcode == 1
    said = (
        "steergan: another process of this run has ended; what was saved before is whole, and the same command goes "
        "on from there"
    )
    # torchrun ends the other one, too, and may do so before it has noticed.
    assert ours((tmp_path / "stderr.txt").read_text()) in ([said], [])
    about = json.loads((out / "run.json").read_text())
    assert about["processes"] == [{"from_step": 0, "count": 2}]

    last = saved(out) + 4  # a shorter way to the end of the same run
    resolved = out / "resolved.toml"
    resolved.write_text(resolved.read_text().replace(f"steps = {MANY}", f"steps = {last}"))
    (tmp_path / "again").mkdir()
    with started(tmp_path / "again", *training(tiny_recipe, out, last)) as again:
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


def test_pairs_are_trained_on_two_processes_as_on_one(tmp_path: Path, pair_recipe: Path, pair_run: Path) -> None:
    out = tmp_path / "run"
    with forked(torchrun, ["train", str(pair_recipe), "--out", str(out), "--device", "cpu"], tmp_path) as launcher:
        launcher.join(PATIENCE)
        assert launcher.exitcode == 0, (tmp_path / "stderr.txt").read_text()
    for name in ("generator", "discriminator"):
        divided, alone = (load_file(run / f"{name}.safetensors") for run in (out, pair_run))
        for key, value in alone.items():
            assert torch.allclose(divided[key], value, atol=1e-5), key
