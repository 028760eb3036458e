"""How the runs of a study are run.

Most are trained in threads of this process: a fresh interpreter takes seconds to import torch.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from steergan.errors import RunError
from steergan.recipe import write_recipe
from steergan.results import read_results
from steergan.run.folder import RunFolder
from steergan.study import Run, read_study, run_study, runs, steps_done
from steergan.study.worker import LOG, Event, Log, Task, train_run
from tests.commands import invoke
from tests.processes import warm_for_fresh
from tests.study.listener import Listener


class Thread(threading.Thread):
    """A process for the study, and a thread in truth."""

    exitcode = 0

    def terminate(self) -> None:
        self.join()


def launch_thread(run: Run, task: Task) -> runs.Worker:
    ours, theirs = multiprocessing.Pipe()
    thread = Thread(target=train_run, args=(task, theirs), daemon=True)
    thread.start()
    return runs.Worker(run, thread, ours, time.monotonic())


@pytest.fixture
def trained(blank_curves: None, tiny_study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny study; its runs are trained in threads."""
    monkeypatch.setattr(runs, "launch", launch_thread)
    return tiny_study()


def test_failing_run_does_not_stop_the_others_and_what_was_stopped_goes_on(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, record = tmp_path / "out", tmp_path / "claims" / "tiny.json"
    first, _, last = read_study(trained).runs
    ours, theirs = multiprocessing.Pipe()
    ours.send("stop")
    train_run(Task(first.recipe, root / first.folder, "cpu", None, 1), theirs)
    assert ours.recv() == Event("stopped")
    assert steps_done(first, root) == 0  # asked before its first step, it left at once
    ours, theirs = multiprocessing.Pipe()
    ours.send("stop")
    monkeypatch.setattr(Log, "leave_requested", lambda self: False)
    train_run(Task(first.recipe, root / first.folder, "cpu", None, 1), theirs)
    assert ours.recv() == Event("stopped")
    assert steps_done(first, root) == 1
    listed = invoke("study", trained, "--out", root, "--dry-run")
    assert f"{root / first.folder}  1 of 2 steps\n" in listed.output
    assert not (root / last.folder).exists()

    found = invoke("study", trained, "--out", root, "--device", "cpu", "--record", record)
    assert found.exit_code == 1, found.output
    assert "steergan: none-seed0 failed: data.fraction = 1e-05 leaves" in found.output
    assert "| C4 in D  | 1      |" in found.output
    assert "| none     | 0 of 1 |" in found.output
    assert "goes on after step 1" in (root / first.folder / LOG).read_text()
    assert "step 2 of 2  images_seen 16" in (root / last.folder / LOG).read_text()
    (claim,) = read_results(record.parent)
    assert claim.protocol["generator_steps"] == [2]

    again = run_study(read_study(trained), root, report=(listener := Listener()))
    assert listener.lines[0] == "2 of 3 runs are finished already"
    assert len(again.finished) == 2
    assert list(again.failed) == ["none-seed0"]
    assert listener.seen[-1][:3] == (4, 4, 2), "the failed run's steps are not waited for"


def test_run_of_another_recipe_in_the_way_is_refused_before_anything_starts(trained: Path, tmp_path: Path) -> None:
    grid = read_study(trained)
    other = RunFolder(tmp_path / "out" / grid.runs[2].folder)
    other.path.mkdir(parents=True)
    other.recipe.write_text(write_recipe(grid.runs[0].recipe))
    with pytest.raises(RunError, match="another recipe"):
        run_study(grid, tmp_path / "out", report=Listener())
    assert not (tmp_path / "out" / grid.runs[0].folder).exists()


def test_process_that_dies_is_a_failure_with_a_reason(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Thread):
        exitcode = -9

    def launch(run: Run, task: Task) -> runs.Worker:
        ours, theirs = multiprocessing.Pipe()
        thread = Killed(target=theirs.close)
        thread.start()
        return runs.Worker(run, thread, ours, 0.0)

    monkeypatch.setattr(runs, "launch", launch)
    outcome = run_study(read_study(trained), tmp_path / "out", jobs=2, report=Listener())
    assert len(outcome.failed) == 3
    assert outcome.failed["none-seed0"] == "its process died (signal 9; there may have been too little memory)"


def test_wish_to_stop_reaches_the_running_and_cancels_the_waiting(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()

    def train(task: Task, connection: Connection) -> None:
        connection.send(Event("step", 1))
        listener.stop = True
        assert connection.recv() == "stop"
        connection.send(Event("stopped"))
        connection.close()

    def launch(run: Run, task: Task) -> runs.Worker:
        ours, theirs = multiprocessing.Pipe()
        thread = Thread(target=train, args=(task, theirs))
        thread.start()
        return runs.Worker(run, thread, ours, 0.0)

    monkeypatch.setattr(runs, "launch", launch)
    outcome = run_study(read_study(trained), tmp_path / "out", jobs=2, report=listener)
    assert outcome.stopped
    assert outcome.failed == {}
    assert max(running for *_, running in listener.seen) == 2, "two at a time, and the third never began"


def test_ctrl_c_saves_what_runs_in_processes_of_its_own_and_exits_with_130(
    tiny_study: Callable[..., Path], tmp_path: Path
) -> None:
    path, root = tiny_study(steps=100_000), tmp_path / "out"
    first, saved = root / "cnn-in-d-seed0", "state-*[1-9]*.pt"  # whichever: only the newest two stay there

    def press_ctrl_c() -> None:
        while not (any(first.glob(saved)) or done.is_set()):
            time.sleep(0.05)
        if done.is_set():
            return
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    done = threading.Event()
    presser = threading.Thread(target=press_ctrl_c)
    presser.start()
    try:
        with warm_for_fresh():
            found = invoke("study", path, "--out", root, "--device", "cpu")
    finally:
        done.set()
        presser.join()
    assert found.exit_code == 130, found.output
    assert "steergan: stopped and saved; the same command goes on from here" in found.output
    assert multiprocessing.active_children() == []
    assert not (root / "c4-in-d-seed0").exists()
    assert 0 < steps_done(read_study(path).runs[0], root) < 100_000
