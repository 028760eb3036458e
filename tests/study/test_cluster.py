"""Runs as jobs: of submitit's local executor in processes of their own, and of a Slurm cluster that is made up."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import Popen
from typing import Any, cast

import pytest
import submitit
from submitit.core.submission import process_job

from steergan.errors import RunError
from steergan.run.folder import RunFolder
from steergan.seals import read_table
from steergan.study import SlurmSettings, cluster, read_study, run_on_cluster, slurm_executor, steps_done
from steergan.study.cluster import TrainJob
from steergan.study.worker import Event, Task
from tests.commands import invoke
from tests.processes import WARM, write_to
from tests.study.listener import Listener

TinyStudy = Callable[..., Path]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SECONDS_PER_LOOK", 0.05)


class WarmExecutor(submitit.LocalExecutor):
    """submitit's local executor, whose jobs need not import torch."""

    def _submit_command(self, command: str) -> submitit.LocalJob[Any]:
        process = WARM.Process(target=work, args=(self.folder,), daemon=True)
        process.start()
        as_popen = cast("Popen[bytes]", Polled(process))
        return submitit.LocalJob(folder=self.folder, job_id=str(process.pid), process=as_popen)


class Polled:
    """A process as submitit asks for its end."""

    def __init__(self, process: ForkServerProcess) -> None:
        self.process = process

    def poll(self) -> int | None:
        return self.process.exitcode


def work(folder: Path) -> None:
    """What the process of a job does."""
    log = folder / f"{os.getpid()}.log"
    write_to(log, log)
    os.environ.update(SUBMITIT_EXECUTOR="local", SUBMITIT_LOCAL_JOB_ID=str(os.getpid()))
    process_job(folder)


def test_jobs_train_in_processes_of_their_own_and_a_failing_one_is_reported(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def local(root: Path, settings: SlurmSettings, **_: object) -> submitit.Executor:
        assert settings == SlurmSettings("gpu", 30, 0, 2, {"account": "me"})
        return WarmExecutor(root / cluster.LOGS)

    monkeypatch.setattr("steergan.study.slurm_executor", local)
    path, root = tiny_study(), tmp_path / "out"
    left_out = '    { label = "CNN in D", set = { "discriminator.group" = "trivial" } },\n'
    path.write_text(path.read_text().replace(left_out, ""))  # a process less to wait for
    asked = ["--slurm", "--partition", "gpu", "--time", 30, "--memory", 2, "--slurm-set", "account=me"]
    found = invoke("study", path, "--out", root, *asked)
    assert found.exit_code == 1, found.output
    assert "submitting 2 jobs" in found.output
    assert "steergan: none-seed0 failed: data.fraction = 1e-05 leaves" in found.output
    assert "| C4 in D | 1      |" in found.output
    numbers = read_table(root / cluster.JOBS)
    assert sorted(numbers) == ["c4-in-d-seed0", "none-seed0"]
    assert str(os.getpid()) not in numbers.values()


def test_job_whose_time_is_up_saves_its_step_and_asks_to_be_queued_again(tiny_study: TinyStudy, tmp_path: Path) -> None:
    first = read_study(tiny_study(steps=100_000)).runs[0]
    task = Task(first.recipe, tmp_path / "out" / first.folder, "cpu", None, 1)
    number = getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}")
    asked: list[int] = []

    def tell_that_time_is_up() -> None:
        while not (any(task.folder.glob("state-*[1-9]*.pt")) or done.is_set()):
            time.sleep(0.02)
        if not done.is_set():
            os.kill(os.getpid(), number)

    done = threading.Event()
    teller = threading.Thread(target=tell_that_time_is_up)
    before = signal.signal(number, lambda caught, _: asked.append(caught))  # in submitit's place
    teller.start()
    try:
        end = TrainJob()(task)
    finally:
        done.set()
        teller.join()
        signal.signal(number, before)
    assert (asked, end) == ([number], Event("stopped"))
    assert 0 < steps_done(first, tmp_path / "out") < 100_000
    again = TrainJob().checkpoint(task)
    assert isinstance(again.function, TrainJob)
    assert again.args == (task,)


def test_job_that_cannot_save_in_time_goes_back_into_the_queue_all_the_same(
    tmp_path: Path, tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}")

    def leave(caught: int, _: object) -> None:
        sys.exit(-1)

    def train_run(task: Task, channel: cluster.JobChannel) -> None:
        os.kill(os.getpid(), number)
        time.sleep(30)

    monkeypatch.setattr(cluster, "train_run", train_run)
    monkeypatch.setattr(cluster, "GRACE", 1)
    first = read_study(tiny_study()).runs[0]
    before = signal.signal(number, leave)
    try:
        with pytest.raises(SystemExit):
            TrainJob()(Task(first.recipe, tmp_path / first.folder, "cpu", None, 1))
        assert signal.getsignal(number) is leave
    finally:
        signal.signal(number, before)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in PATH with the commands of a cluster: jobs get number 42, and the state that the file `state` says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    sacct = f'printf "JobID|State|NodeList\\n"; for i in 0 1 2; do printf "42_$i|$(cat {folder}/state)|node1\\n"; done'
    commands = {"srun": "exit 1", "sbatch": 'cp "$1" "$(dirname "$0")/submitted"; echo Submitted batch job 42'}
    for name, text in {**commands, "sacct": sacct}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "state").write_text("RUNNING")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(submitit.SlurmJob, "_results_timeout_s", 0)
    submitit.SlurmJob.watcher.clear()
    return folder


def test_jobs_are_one_array_that_asks_for_what_was_said_and_are_found_again(
    tiny_study: TinyStudy, tmp_path: Path, slurm: Path
) -> None:
    grid, root = read_study(tiny_study()), tmp_path / "out"
    settings = SlurmSettings("gpu", 90, 1, 16, {"account": "me", "mail-type": "END"})
    executor = slurm_executor(root, settings, name="mine", jobs=2, threads=4)
    outcome = run_on_cluster(grid, root, executor, report=Listener(leave_at=1))
    assert (outcome.stopped, outcome.finished, outcome.failed) == (True, [], {})
    script = (slurm / "submitted").read_text()
    assert " --cpus-per-task=4 " in next(line for line in script.splitlines() if line.startswith("srun"))
    asked = {line.removeprefix("#SBATCH --") for line in script.splitlines()}
    assert {
        "array=0-2%2", "partition=gpu", "time=90", "gpus-per-node=1", "mem=16G", "cpus-per-task=4", "account=me",
        "mail-type=END", "job-name=steergan-mine", f"signal=USR2@{cluster.WARNING}",
    } <= asked  # fmt: skip
    assert read_table(root / cluster.JOBS) == {run.folder: f"42_{i}" for i, run in enumerate(grid.runs)}

    (slurm / "submitted").unlink()
    later = Listener(leave_at=1)
    assert run_on_cluster(grid, root, executor, report=later).stopped
    assert "3 jobs of an earlier call have not ended" in later.lines[0]
    assert not (slurm / "submitted").exists()


def test_job_that_was_killed_is_a_failure_and_is_submitted_again_by_the_next_call(
    tiny_study: TinyStudy, tmp_path: Path, slurm: Path
) -> None:
    grid, root = read_study(tiny_study()), tmp_path / "out"
    finished = RunFolder(root / grid.runs[2].folder)
    finished.path.mkdir(parents=True)
    finished.generator.write_bytes(b"")
    executor = slurm_executor(root, SlurmSettings(), name="mine", jobs=2, threads=1)
    (slurm / "state").write_text("OUT_OF_MEMORY")
    for _ in range(2):
        (slurm / "submitted").unlink(missing_ok=True)
        submitit.SlurmJob.watcher.clear()
        listener = Listener()
        outcome = run_on_cluster(grid, root, executor, report=listener)
        assert (slurm / "submitted").exists()
        assert outcome.finished == ["c4-in-d-seed0"]
        assert sorted(outcome.failed) == ["cnn-in-d-seed0", "none-seed0"]
        assert "job 42_0 ended without a result (OUT_OF_MEMORY); see " in outcome.failed["cnn-in-d-seed0"]
        assert listener.lines[:2] == ["1 of 3 runs are finished already", "submitting 2 jobs"]
        assert listener.seen[-1][:3] == (2, 2, 1)


def test_refusal_of_the_cluster_and_lost_numbers_are_one_line(
    tiny_study: TinyStudy, tmp_path: Path, slurm: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, root = tiny_study(), tmp_path / "out"
    (slurm / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2; exit 1\n")
    found = invoke("study", path, "--out", root, "--slurm", "--partition", "none")
    assert found.exit_code == 1
    assert "the cluster refused the jobs: sbatch: error: invalid partition" in found.output
    (root / cluster.JOBS).write_text("{")
    found = invoke("study", path, "--out", root, "--slurm")
    assert found.exit_code == 1
    assert "jobs.json: cannot be read" in found.output


def test_ctrl_c_leaves_the_jobs_alone_and_says_how_to_come_back(
    tiny_study: TinyStudy, tmp_path: Path, slurm: Path
) -> None:
    root = tmp_path / "out"

    def press_ctrl_c() -> None:
        while not (root / cluster.JOBS).exists() and not done.is_set():
            time.sleep(0.02)
        if not done.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    done = threading.Event()
    presser = threading.Thread(target=press_ctrl_c)
    presser.start()
    try:
        found = invoke("study", tiny_study(), "--out", root, "--slurm")
    finally:
        done.set()
        presser.join()
    assert found.exit_code == 130, found.output
    assert "steergan: the jobs go on without this command" in found.output
    assert "the same command comes back to them" in found.output


def test_machine_without_slurm_or_submitit_is_told_what_to_do(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="srun is not found"):
        slurm_executor(tmp_path, SlurmSettings(), name="mine", jobs=1, threads=1)
    monkeypatch.setitem(sys.modules, "submitit", None)
    found = invoke("study", tiny_study(), "--out", tmp_path / "out", "--slurm")
    assert found.exit_code == 2
    assert 'pip install "steergan[slurm]"' in found.output
