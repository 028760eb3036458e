"""Prepared sets are whole or not there, never stale, and a fault of the cache folder is one line."""

import errno
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, prepare, prepared_found
from steergan.data.prepared import read_prepared, temporary_folder
from steergan.errors import DataError
from steergan.files import OTHER_CACHE, machine, own_name
from steergan.recipe.data import Npz
from tests.full_disk import largest_file

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 1, 16, 16), dtype=np.uint8)
LABELS = np.arange(200) % 2


@pytest.fixture
def settings(cache: Path, tmp_path: Path) -> Npz:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    return Npz(path=str(tmp_path / "x.npz"))


def test_manifest_says_what_was_made_and_how(settings: Npz, tmp_path: Path) -> None:
    prepared = prepare(settings)
    cache, [(folder, manifest)] = prepared_found()
    assert folder == prepared.folder
    assert folder.is_relative_to(cache)
    assert manifest["originals"]["files"] == 1
    assert manifest["originals"]["bytes"] == (tmp_path / "x.npz").stat().st_size
    assert manifest["splits"]["train"] == {
        "count": 160, "per_class": [80, 80], "bytes": 160 * 256, "sha256": prepared.splits["train"].checksum,
    }
    assert manifest["seed"] == 0
    assert manifest["held_out"] == 0.2
    assert "0.2 of every class held out" in manifest["rule"]


def test_progress_counts_the_images_of_both_splits(settings: Npz) -> None:
    reports: list[tuple[int, int]] = []
    prepare(settings, lambda done, total: reports.append((done, total)))
    assert reports == [(160, 200), (200, 200)]


@pytest.mark.parametrize("file", ["manifest.json", "train-images.npy", "held_out-labels.npy"])
@pytest.mark.parametrize("damage", ["cut", "altered", "missing"])
def test_damaged_set_is_made_again(settings: Npz, file: str, damage: str) -> None:
    prepared = prepare(settings)
    assert prepared.folder
    path = prepared.folder / file
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-100])
    elif damage == "altered":
        path.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
    assert read_prepared(prepared.folder) is None
    again = prepare(settings)
    assert again.splits["train"].checksum == prepared.splits["train"].checksum
    assert read_prepared(prepared.folder) is not None
    assert [path.name for path in prepared.folder.parent.iterdir()] == [prepared.folder.name]


def test_cache_that_cannot_be_written_is_one_line(settings: Npz, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", settings.path)  # a file
    with pytest.raises(DataError, match=r"cannot be written \(.*\); set STEERGAN_CACHE to a folder") as caught:
        prepare(settings, keep=True)
    assert "\n" not in str(caught.value)


def test_full_disk_is_one_line_and_leaves_nothing(settings: Npz, cache: Path) -> None:
    full = pytest.raises(DataError, match=r"cannot be written \(.*\); set STEERGAN_CACHE to a folder with room")
    with largest_file(10_000), full:
        load(settings, "train")
    assert list((cache / "prepared").iterdir()) == []
    assert len(load(settings, "train")) == 160


def test_other_faults_of_renaming_are_reported(settings: Npz, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(DataError, match="Read-only file system"):
        load(settings, "train")


@pytest.fixture
def unwritable(settings: Npz, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that takes nothing."""
    file = Path(settings.path).with_name("a-file")
    file.touch()
    monkeypatch.setenv("STEERGAN_CACHE", str(file))
    return file


def test_a_cache_that_takes_nothing_costs_time_and_is_named(
    settings: Npz, cache: Path, unwritable: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steergan.files._told", set())
    monkeypatch.setattr("steergan.data.loading.IN_MEMORY", 10)
    made = [load(settings.model_copy(update={"fraction": fraction}), "train") for fraction in (1.0, 0.5)]
    for said, then in zip(caplog.messages, ("images are prepared anew", "shares of images are copied"), strict=True):
        begins = rf"the cache {unwritable} cannot be written \(.*\)"
        assert re.fullmatch(f"{begins}: {then} in every run; {OTHER_CACHE}", said)
    monkeypatch.setenv("STEERGAN_CACHE", str(cache))
    for images, fraction in zip(made, (1.0, 0.5), strict=True):
        assert images.checksum == load(settings.model_copy(update={"fraction": fraction}), "train").checksum


def test_what_a_killed_process_left_goes_at_once(cache: Path) -> None:
    """A process that is gone, one of another machine a day ago, and one that may live."""
    final = cache / "prepared" / "npz-0123"
    final.parent.mkdir(parents=True)
    names = [f".{machine()}-{2**22 + 1}-00000000.partial", ".00000000-1-00000000.partial", own_name()]
    dead, old, alive = (final.with_name(name) for name in names)
    for folder in (dead, old, alive):
        folder.mkdir()
        (folder / "images.npy").touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    with temporary_folder(final) as fresh:
        assert fresh.is_dir()
    assert [path.exists() for path in (fresh, dead, old, alive)] == [False, False, False, True]
