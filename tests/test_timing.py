"""Rivals are timed in turns, by a fair clock."""

import time

import pytest

from steergan import timing
from steergan.timing import Several, in_turns, ratio


def test_rivals_take_turns_and_the_warm_up_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = 0.0

    def action(name: str, seconds: float) -> None:
        nonlocal clock
        calls.append(name)
        clock += seconds * (100 if len(calls) <= 3 * timing.WARM_UP else 1)

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    told: list[tuple[int, int]] = []
    rivals = {name: lambda n=name, s=s: action(n, s) for name, s in {"a": 1.0, "b": 2.0, "c": 4.0}.items()}
    seconds = in_turns(rivals, 3, progress=lambda done, total: told.append((done, total)))
    assert calls == ["a", "b", "c"] * (3 + timing.WARM_UP)
    assert seconds == {"a": [1.0] * 3, "b": [2.0] * 3, "c": [4.0] * 3}
    assert told[-1] == (15, 15)


def test_of_several_at_once_the_mean_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = 0.0, 0

    def every_third_is_longer() -> None:
        nonlocal clock, calls
        clock += 1.0 + 3.0 * (calls % 3 == 0)
        calls += 1

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    assert in_turns({"step": Several(every_third_is_longer, 3)}, 4) == {"step": [2.0] * 4}
    assert calls == 3 * (4 + timing.WARM_UP)


def test_ratios_are_of_the_same_round() -> None:
    found = ratio({"a": [1.0, 20.0, 3.0], "b": [2.0, 10.0, 3.0]}, "a", "b")
    assert found.values == [0.5, 2.0, 1.0]
    assert (found.lower, found.centre, found.upper) == (0.75, 1.0, 1.5)


def test_a_protocol_says_what_was_not_counted() -> None:
    assert timing.counted(5) == f"5 in turns, after {timing.WARM_UP} that don't count"
