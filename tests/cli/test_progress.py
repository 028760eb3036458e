"""What a user sees of a running training, and what Ctrl-C does to it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from steergan_cli import progress
from steergan_cli.progress import TerminalReporter, clock, figures, follow
from tests.processes import PATIENCE

ROW = {"step": 10, "discriminator_loss": 0.25, "generator_loss": 1.5, "real_score": 0.5, "fake_score": -12.25}


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is four seconds later, so that a tick is due at every second look."""
    times = iter(range(0, 10_000, 4))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(times)))


def test_figures_stand_in_columns_under_their_names() -> None:
    assert figures(ROW) == "D loss   +0.250  G loss   +1.500  real   +0.500  fake  -12.250"
    assert figures(ROW, ".2f") == "D loss 0.25  G loss 1.50  real 0.50  fake -12.25"
    assert figures({"step": 3, "r1": 0.125}) == "R1   +0.125"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00:00"), (60, "0:01:00"), (3725, "1:02:05"), (1e5, "27:46:40")])
def test_time_left_is_hours_minutes_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.usefixtures("slow_clock")
def test_off_a_terminal_a_tick_is_an_aligned_line_with_speed_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter(live=False)
    for step in range(10, 101, 10):
        reporter.progress(ROW, step, 100)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15] for line in lines] == [f"step {step:3} of 100" for step in (10, 30, 50, 70, 90, 100)]
    assert "2.50 step/s  0:00:28 left" in lines[1]
    assert len({line.index("D loss") for line in lines}) == 1


@pytest.mark.usefixtures("slow_clock")
def test_speed_of_a_continued_run_counts_from_where_it_went_on(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter(live=False)
    for step in (9010, 9020, 9030):
        reporter.progress(ROW, step, 10_000)
    assert "2.50 step/s" in capsys.readouterr().out


def test_on_a_terminal_one_line_is_redrawn_and_messages_stay_above_it(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter(live=True)
    with reporter.watching():
        reporter.progress(ROW, 10, 100)
        reporter.progress(ROW, 20, 100)
        reporter.message("step 20: Frechet distance 4.4")
    seen = capsys.readouterr()
    assert seen.out == "step 20: Frechet distance 4.4\n"
    last = re.split("[\r\n]", seen.err.strip("\r\n "))[-1]
    assert last.startswith("20/100 |██        | ")
    assert " left, D loss 0.25  G loss 1.50" in last


def test_first_interrupt_asks_to_stop_and_second_aborts(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    reporter = TerminalReporter(live=False)
    with reporter.watching():
        assert not reporter.stop_requested()
        os.kill(os.getpid(), signal.SIGINT)
        assert reporter.stop_requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopping after this step; Ctrl-C again aborts at once" in capfd.readouterr().err


HANGUP = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of POSIX")


@HANGUP
@pytest.mark.parametrize("nohup", [False, True])
def test_a_hangup_asks_to_stop_unless_it_is_ignored(nohup: bool, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
    try:
        reporter = TerminalReporter(live=False)
        with reporter.watching():
            os.kill(os.getpid(), signal.SIGHUP)
            assert reporter.stop_requested() == (not nohup)
        assert signal.getsignal(signal.SIGHUP) == (signal.SIG_IGN if nohup else signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, before)


RUN_IN_A_TERMINAL = """
import fcntl, signal, sys, termios, time
from pathlib import Path
from steergan_cli.progress import TerminalReporter
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
reporter = TerminalReporter(live=True)
with reporter.watching():
    reporter.message("ready")
    while not reporter.stop_requested():
        time.sleep(0.01)
    reporter.progress({}, 10, 100)
    reporter.message("step 10: written to nobody")
    Path(sys.argv[1]).write_text("saved")
"""


@HANGUP
def test_a_run_whose_terminal_is_closed_still_saves(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", RUN_IN_A_TERMINAL, str(tmp_path / "state")]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        assert os.read(ours, 5) == b"ready"
        os.close(ours)
        assert process.wait(PATIENCE) == 0
    assert (tmp_path / "state").read_text() == "saved"


@pytest.mark.parametrize(
    ("files", "said"), [(["state-00000003.pt"], "stopped and saved"), ([], "stopped; nothing was trained yet")]
)
def test_interrupted_run_exits_130_and_says_how_to_go_on(
    files: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in files:
        (tmp_path / name).touch()

    def training(report: TerminalReporter) -> Path:
        signal.raise_signal(signal.SIGINT)
        assert report.stop_requested()
        return tmp_path

    with pytest.raises(click.exceptions.Exit) as ended:
        follow(training)
    assert ended.value.exit_code == 130
    assert f"{said}; continue with: steergan resume {tmp_path}" in capfd.readouterr().err


def test_run_that_finished_before_it_could_stop_is_no_failure(tiny_run: Path) -> None:
    def training(report: TerminalReporter) -> Path:
        signal.raise_signal(signal.SIGINT)
        return tiny_run

    follow(training)


def test_off_a_terminal_a_long_stage_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    told = TerminalReporter(live=False)
    for done in range(1, 101):
        now[0] += 0.11
        told.stage("classifier", done, 100)
    assert capsys.readouterr().out.splitlines() == [
        "classifier: 47 of 100, 0:00:06 left",
        "classifier: 93 of 100, 0:00:01 left",
    ]


def test_a_stage_that_is_taken_up_is_timed_from_where_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    told = TerminalReporter(live=False)
    for done in range(60, 67):
        told.stage("classifier", done, 100)
        now[0] += 1
    assert capsys.readouterr().out.splitlines() == ["classifier: 65 of 100, 0:00:35 left"]
