"""Rows that are taken when they are asked for."""

import numpy as np

from steergan.data.plan import ChosenRows, whole_piece


def test_chosen_rows_are_those_of_the_array_in_their_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 4, 5), np.uint8)
    rows = ChosenRows(images, np.array([7, 2, 2, 0]))
    assert rows.shape == (4, 3, 4, 5)
    np.testing.assert_array_equal(rows[1:], images[[2, 2, 0]])
    piece = whole_piece("train", rows, np.arange(4))
    loaded, labels = piece.load()
    assert (piece.name, piece.count, loaded) == ("train", 4, rows)
    np.testing.assert_array_equal(labels, np.arange(4))
