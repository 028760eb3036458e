"""Arrays on disk: headers, blocks, copies of rows, second names."""

from pathlib import Path

import numpy as np
import pytest

from steergan.data import arrays
from steergan.data.arrays import copy_rows, images_at_once, link, npy_header


def test_header_is_as_long_for_any_number_of_images() -> None:
    assert len({len(npy_header((n, 3, 256, 256))) for n in (0, 1, 10**9)}) == 1


@pytest.mark.parametrize(("shape", "count"), [((3, 256, 256), 64), ((1, 28, 28), 2000), ((3, 9000, 9000), 1)])
def test_large_images_are_few_at_once_and_never_none(shape: tuple[int, ...], count: int) -> None:
    assert images_at_once(shape) == count


def test_rows_are_copied_in_their_order_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 5), np.uint8)
    np.save(tmp_path / "a.npy", images)
    monkeypatch.setattr(arrays, "MOST", 4)
    rows = np.array([7, 0, 19, 3, 3, 11, 2])
    copy_rows(np.load(tmp_path / "a.npy", mmap_mode="r"), tmp_path / "b.npy", rows)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), images[rows])


def test_a_second_name_replaces_what_had_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    assert (tmp_path / "a").samefile(tmp_path / "b")
