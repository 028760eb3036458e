"""Walks in rows: once for all modes and inputs of which they say the same, and of no others."""

from steergan.verification import Record, exact, unknown, verify
from steergan.verification.composition import merged
from tests.verification.networks import lift


def test_rows_that_hold_in_both_modes_stand_once() -> None:
    found = verify(lift(), [5], level=2)
    assert all(r.mode == "" for r in found.records)
    assert len(set(found.records)) == len(found.records)
    assert {r.mode for r in verify(lift(), [5], modes=("training",), level=2).records if r.level} == {"training"}


def test_rows_are_merged_over_modes_and_inputs_but_not_across_both() -> None:
    small, large = ((5, 5),), ((6, 6),)
    holds = exact("it holds")
    rows = [Record(1, "a", holds, mode=mode, at=at) for mode in ("evaluation", "training") for at in (small, large)]
    assert merged(rows) == [Record(1, "a", holds, at=small + large)]
    doubts = [
        Record(1, "a", unknown("why"), mode="training", at=small),
        Record(1, "a", unknown("why"), mode="evaluation", at=large),
    ]
    assert merged(doubts) == doubts  # the training of the large one is not in doubt
