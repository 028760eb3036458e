"""A zip file is the folder in it, unpacked once; what is wrong with it is one line, and nothing is left behind."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, survey
from steergan.data.unpacking import resolve_images, unpacked
from steergan.errors import DataError, RunError
from steergan.recipe import validate
from steergan.recipe.data import Folder
from tests.data.messy import both
from tests.data.test_label_table import LABELS, NAMES, write_tool


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tool_files(root: Path) -> dict[str, bytes]:
    """What the tool writes, by name."""
    write_tool(root)
    return {name: (root / name).read_bytes() for name in (*NAMES, "dataset.json")}


def test_a_zip_file_holds_the_set_of_its_folder(cache: Path, tmp_path: Path) -> None:
    files = tool_files(tmp_path / "x")
    path = zipped(tmp_path / "x.zip", {**files, "__MACOSX/._a.png": b"", ".DS_Store": b"", "notes.txt": b"words"})
    of_folder, of_zip = both(Folder(path=str(tmp_path / "x"))), both(Folder(path=str(path)))
    for ours, theirs in zip(of_folder, of_zip, strict=True):
        assert ours.checksum == theirs.checksum
        assert theirs.class_names == ("0", "1", "2")


def test_a_set_of_classes_or_splits_can_be_zipped_and_a_folder_around_it_is_entered(
    cache: Path, tmp_path: Path
) -> None:
    files = tool_files(tmp_path / "x")
    inner = {f"pets/{split}/{'cats' if k % 2 else 'dogs'}/{k}.png": files[name]
             for split in ("train", "test") for k, name in enumerate(NAMES)}  # fmt: skip
    found = survey(Folder(path=str(zipped(tmp_path / "x.zip", inner))))
    assert (found.class_names, found.train, found.held_out) == (("cats", "dogs"), 12, 12)
    around = {f"set/{name}": content for name, content in files.items()}
    assert survey(Folder(path=str(zipped(tmp_path / "y.zip", around)))).class_names == ("0", "1", "2")


def test_slides_may_be_zipped(cache: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", tool_files(tmp_path / "x"))
    table = {"name": "patches", "path": str(path), "size": 4, "foreground": 0, "split": "none"}
    images = load(validate({"name": "x", "data": table}, "test").data, "train")
    assert (images.class_names, len(images)) == (("0", "1", "2"), 12 * 4)


def test_it_is_unpacked_once_and_again_when_a_file_is_lost(cache: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", tool_files(tmp_path / "x"))
    folder = unpacked(path)
    assert folder.is_relative_to(cache)
    before = (folder / NAMES[3]).stat().st_ino
    assert resolve_images(str(path)) == folder
    assert (folder / NAMES[3]).stat().st_ino == before
    (folder / NAMES[4]).write_bytes(b"")
    (folder / NAMES[5]).unlink()
    unpacked(path)
    assert {name: (folder / name).read_bytes() for name in NAMES} == {
        n: (tmp_path / "x" / n).read_bytes() for n in NAMES
    }
    assert [left.name for left in folder.parent.iterdir()] == ["x"]


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png", "..\\x.png", "C:/x.png"])
def test_names_that_leave_it_are_refused(cache: Path, tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "x.zip", {**tool_files(tmp_path / "x"), name: b""})
    with pytest.raises(
        DataError, match=r"x\.zip: .*leaves the folder into which it is unpacked; zip the images by rel"
    ):
        unpacked(path)
    assert not (cache / "unpacked").exists()


def test_damaged_files_are_one_line_and_leave_nothing(cache: Path, tmp_path: Path) -> None:
    files = tool_files(tmp_path / "x")
    whole = zipped(tmp_path / "whole.zip", files).read_bytes()
    where = whole.index(files[NAMES[5]][:40]) + 60
    damaged = {
        "empty": b"",
        "other": b"PK, but no zip file",
        "cut": whole[: len(whole) // 2],
        "changed": whole[:where] + bytes(b ^ 255 for b in whole[where : where + 8]) + whole[where + 8 :],
        "method": whole.replace(b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0"),
        "secret": whole.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0"),
    }
    assert damaged["method"] != whole != damaged["secret"]
    for name, content in damaged.items():
        (tmp_path / f"{name}.zip").write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}\.zip: not a readable zip file \(.+\); make it again") as refused:
            survey(Folder(path=str(tmp_path / f"{name}.zip")))
        assert "\n" not in str(refused.value)
    assert list((cache / "unpacked").rglob("*.png")) == []
    assert list((cache / "unpacked").rglob("*.partial")) == []


def test_a_zip_file_without_images_is_refused(cache: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"dataset.json": json.dumps({"labels": LABELS}).encode(), "a.txt": b""})
    with pytest.raises(DataError, match=r"x\.zip: no images in it; .* files were wanted"):
        unpacked(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(cache: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for content in ("1", "2"):
            archive.writestr("a.png", content)
    with pytest.raises(DataError, match=r"'a\.png' comes twice"):
        unpacked(tmp_path / "x.zip")


def test_a_cache_that_cannot_hold_it_is_one_line(cache: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", tool_files(tmp_path / "x"))
    cache.write_text("a file")
    with pytest.raises(RunError, match=r"cannot be written .*STEERGAN_CACHE"):
        unpacked(path)


def test_images_of_a_zip_file_are_trained_on_in_the_same_order(cache: Path, tmp_path: Path) -> None:
    first = load(Folder(path=str(zipped(tmp_path / "x.zip", tool_files(tmp_path / "x")))), "train")
    turned = dict(reversed(tool_files(tmp_path / "x").items()))
    second = load(Folder(path=str(zipped(tmp_path / "y.zip", turned))), "train")
    np.testing.assert_array_equal(first.images, second.images)
