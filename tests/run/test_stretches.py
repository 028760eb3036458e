"""Who computed which steps: what a run that goes on keeps of its records."""

import pytest

from steergan.run.stretches import Stretch, kept_until, with_next


def entries(*steps: int) -> tuple[Stretch, ...]:
    return tuple(Stretch(from_step=step) for step in steps)


@pytest.mark.parametrize(
    ("past", "step", "kept", "after"),
    [
        ((0, 5), 9, (0, 5), (0, 5, 9)),
        ((0, 5), 5, (0, 5), (0, 5)),  # the entry of 5 computed nothing
        ((0, 5), 3, (0,), (0, 3)),  # back to an older checkpoint
        ((0,), 0, (0,), (0,)),
        ((4,), 2, (4,), (0,)),  # a record without a beginning
    ],
)
def test_an_entry_begins_where_the_checkpoint_was(
    past: tuple[int, ...], step: int, kept: tuple[int, ...], after: tuple[int, ...]
) -> None:
    still = kept_until(entries(*past), step)
    assert still == entries(*kept)
    assert tuple(entry.from_step for entry in with_next(still, Stretch(), step)) == tuple(sorted(after))
