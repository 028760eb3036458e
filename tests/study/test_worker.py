"""A run in a process of its own: what it tells the study."""

import multiprocessing
from pathlib import Path

from steergan.study.worker import Event, Log


def test_run_stops_when_nobody_listens_any_more(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    log = Log(tmp_path, theirs)
    assert not log.stop_requested()
    ours.close()
    assert log.stop_requested()
    log.say(Event("step", 1))
    assert log.stop_requested()
