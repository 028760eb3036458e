"""Each real folder is read once, whatever leads to it."""

import os
from pathlib import Path

import numpy as np

from steergan.data.tree import images_below, tree_below
from tests.data.messy import both, write_folders


def test_links_that_lead_back_are_read_once(cache: Path, tmp_path: Path) -> None:
    settings = write_folders(tmp_path / "x", ["a", "b"])
    outside = write_folders(tmp_path / "y", ["more"])
    for place, target in (("a/up", ".."), ("a/self", "."), ("b/other", "../a"), ("b/more", f"{outside.path}/more")):
        os.symlink(target, tmp_path / "x" / place)
    found = tree_below(tmp_path / "x")
    assert len(found.images) == 6
    assert len(found.back) == 3
    assert np.bincount(np.concatenate([one.labels for one in both(settings)])).tolist() == [2, 4]


def test_other_files_are_counted_by_their_endings(tmp_path: Path) -> None:
    write_folders(tmp_path, ["a", ".hidden", "@eaDir"])
    for name in ("a/x.TXT", "y.txt", "README", "a/.z"):
        (tmp_path / name).write_text("")
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink("nowhere", tmp_path / "broken.png")
    found = tree_below(tmp_path)
    assert found.others == {".txt": 2, "without ending": 1, ".png": 2}
    assert found.hidden == 3
    assert [path.name for path in found.images] == ["0.png", "1.png"]


def test_images_below_a_folder_are_sorted_and_a_file_is_there_once(tmp_path: Path) -> None:
    write_folders(tmp_path, ["b", "a"])
    os.link(tmp_path / "a/0.png", tmp_path / "a/9.png")
    os.symlink("../a/1.png", tmp_path / "a/00.png")
    wanted = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    assert [path.relative_to(tmp_path).as_posix() for path in images_below(tmp_path)] == wanted


def test_many_links_between_folders_are_no_maze(tmp_path: Path) -> None:
    names = [str(k) for k in range(12)]
    write_folders(tmp_path, names, 1)
    for name in names:
        for other in names:
            os.symlink(f"../{other}", tmp_path / name / f"to{other}")
    found = tree_below(tmp_path)
    assert (len(found.images), len(found.back)) == (12, 144)
