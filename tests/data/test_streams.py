"""Streams of pieces go on behind the last whole one, and never trust what differs from the journal."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from steergan.data.writing import write_prepared
from tests.data.pieces import IDENTITY, SHAPE, Load, contents, partial_folder, piece, plan_of, refuse, stop, whole_plan


@pytest.mark.parametrize("damage", ["images cut", "images altered", "journal torn", "label altered", "another plan"])
def test_what_a_power_cut_left_is_not_trusted(cache: Path, expected: Mapping[str, bytes], damage: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_prepared(plan_of([piece(0), piece(1), piece(2, stop)], []), IDENTITY, {})
    images, journal = partial_folder() / "train-images.npy", partial_folder() / "train-journal.jsonl"
    if damage == "images cut":
        images.write_bytes(images.read_bytes()[:-1000])
    elif damage == "images altered":
        images.write_bytes(images.read_bytes()[:-1000] + bytes(1000))
    elif damage == "journal torn":
        journal.write_bytes(journal.read_bytes()[:-20])
    elif damage == "label altered":
        journal.write_text(journal.read_text().replace("[0, 1, 0", "[0, 0, 0"))
    else:
        journal.write_text(journal.read_text().replace("slide-0", "slide-9"))
    assert contents(write_prepared(whole_plan(), IDENTITY, {}).folder) == expected


def test_a_refusal_is_remembered_when_it_goes_on(cache: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_prepared(plan_of([piece(0, refuse("damaged")), piece(1, stop)], [piece(5)]), IDENTITY, {})
    pieces = [piece(0, lambda: pytest.fail("read again")), piece(1), piece(2)]
    made = write_prepared(plan_of(pieces, [piece(5)]), IDENTITY, {})
    assert [one["name"] for one in made.refused] == ["slide-0.png"]


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (lambda: (np.zeros((4, 3, 9, 8), np.uint8), np.zeros(4, np.int64)), r"\(3, 9, 8\) came; \(3, 8, 8\)"),
        (lambda: (np.zeros((4, *SHAPE), np.uint8), np.zeros(3, np.int64)), "3 images"),
        (lambda: (np.zeros((4, *SHAPE), np.uint8), np.full(4, 2)), "labels from 2 to 2; there are 2 classes"),
    ],
)
def test_pieces_unlike_the_plan_are_refused(cache: Path, load: Load, reason: str) -> None:
    made = write_prepared(plan_of([piece(0), piece(1, load)], [piece(5)]), IDENTITY, {})
    [refused] = made.refused
    assert refused["name"] == "slide-1.png"
    assert re.search(reason, refused["reason"])
