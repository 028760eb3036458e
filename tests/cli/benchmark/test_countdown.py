"""Where there is no terminal a benchmark says in lines how far it is, and not too often."""

import time

import pytest

from steergan_cli.benchmark.countdown import SECONDS_PER_LINE, Countdown


def test_lines_come_at_intervals_and_say_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    with Countdown("call") as countdown:
        for done in range(1, 5):
            clock += 0.6 * SECONDS_PER_LINE
            countdown(done, 8)
    assert capsys.readouterr().out.splitlines() == ["call 2 of 8, 0:00:54 left", "call 4 of 8, 0:00:36 left"]
