"""Who is told what, and who may stop a run."""

import pytest

from steergan.run.reporting import Silence, Stopped, Unheard, stage_before_training
from tests.notes import Notes


def test_a_stage_before_training_is_told_and_left_when_the_user_wants_to() -> None:
    notes = Notes(leave_at="samples")
    stage_before_training(notes, "classifier", 1, 2)
    with pytest.raises(Stopped):
        stage_before_training(notes, "samples", 1, 4)
    assert notes.stages == {"classifier": [(1, 2)], "samples": [(1, 4)]}


def test_a_stop_before_the_first_step_is_an_interrupt_to_who_does_not_know_it() -> None:
    assert issubclass(Stopped, KeyboardInterrupt)


def test_a_process_that_is_not_the_first_tells_nobody_and_stops_with_the_others() -> None:
    notes = Notes(stop_after=2, leave_at="data")
    unheard = Unheard(notes)
    unheard.message("a line")
    unheard.progress({"step": 1}, 1, 2)
    unheard.stage("data", 1, 2)
    assert (notes.messages, notes.rows, notes.stages) == ([], [], {})
    assert [unheard.stop_requested(), unheard.stop_requested()] == [False, True]
    assert not unheard.leave_requested()
    notes.stage("data", 1, 2)
    assert unheard.leave_requested()


def test_silence_never_stops() -> None:
    silence = Silence()
    silence.message("a line")
    silence.stage("data", 1, 1)
    silence.progress({}, 1, 1)
    assert not silence.stop_requested()
    assert not silence.leave_requested()
