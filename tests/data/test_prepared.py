"""Prepared sets are whole or not there, never stale, and a fault of the cache folder is one line."""

import errno
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, prepare, prepared_found
from steergan.data.images import Pixels, Plan, Split
from steergan.data.prepared import folder_for, read_prepared, write_prepared
from steergan.errors import DataError
from steergan.recipe.data import DataSettings, Npz

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 1, 16, 16), dtype=np.uint8)
LABELS = np.arange(200) % 2
IDENTITY = {"name": "npz", "seed": 0}


@pytest.fixture
def settings(cache: Path, tmp_path: Path) -> DataSettings:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    return Npz(path=str(tmp_path / "x.npz"))


def plan_of(chunks: list[Pixels]) -> Plan:
    """A plan whose two splits hold the same chunks."""
    count = sum(map(len, chunks))
    labels: dict[Split, np.ndarray] = {"train": np.zeros(count, np.int64), "held_out": np.zeros(count, np.int64)}
    return Plan((1, 16, 16), ("0",), labels, lambda split: iter(chunks), "a rule")


def test_second_time_nothing_is_made_again(settings: DataSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(settings, "train")
    monkeypatch.setattr("steergan.data.loading.write_prepared", lambda *a: pytest.fail("prepared again"))
    again = load(settings, "train")
    assert again.checksum == first.checksum
    np.testing.assert_array_equal(again.images, first.images)
    assert isinstance(again.images.base, np.memmap)
    assert not again.images.flags.writeable


def test_manifest_says_what_was_made_and_how(settings: DataSettings, tmp_path: Path) -> None:
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


def test_progress_counts_the_images_of_both_splits(settings: DataSettings) -> None:
    reports: list[tuple[int, int]] = []
    prepare(settings, lambda done, total: reports.append((done, total)))
    assert reports == [(160, 200), (200, 200)]


def test_other_settings_make_another_set(settings: DataSettings) -> None:
    checksums = {load(settings.model_copy(update=u), "train").checksum for u in ({}, {"seed": 1}, {"held_out": 0.5})}
    assert len(checksums) == len(prepared_found()[1]) == 3


def test_changed_original_is_not_served_stale(settings: DataSettings) -> None:
    before = load(settings, "train")
    np.savez(settings.path, images=255 - IMAGES, labels=LABELS)
    np.testing.assert_array_equal(load(settings, "train").images, 255 - before.images)


@pytest.mark.parametrize("file", ["manifest.json", "train-images.npy", "held_out-labels.npy"])
@pytest.mark.parametrize("damage", ["cut", "altered", "missing"])
def test_damaged_set_is_made_again(settings: DataSettings, file: str, damage: str) -> None:
    prepared = prepare(settings)
    assert prepared.folder
    path = prepared.folder / file
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-100])
    elif damage == "altered":
        path.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
    if not (file == "manifest.json" and damage == "altered"):  # one letter of the rule is nothing to check
        assert read_prepared(prepared.folder) is None
    again = prepare(settings)
    assert again.splits["train"].checksum == prepared.splits["train"].checksum
    assert read_prepared(prepared.folder) is not None
    assert [path.name for path in prepared.folder.parent.iterdir()] == [prepared.folder.name]


def test_a_plan_that_breaks_off_leaves_nothing(cache: Path) -> None:
    def chunks(split: Split) -> Iterator[Pixels]:
        yield IMAGES[:10]
        raise DataError("a damaged image")

    plan = Plan((1, 16, 16), ("0",), dict.fromkeys(("train", "held_out"), np.zeros(20, np.int64)), chunks, "")
    with pytest.raises(DataError, match="a damaged image"):
        write_prepared(plan, IDENTITY, {}, None)
    assert list((cache / "prepared").iterdir()) == []


def test_two_processes_may_prepare_the_same_set(cache: Path) -> None:
    """The other one finishes while this one is in the middle."""
    other = plan_of([IMAGES[:30]])

    def chunks(split: Split) -> Iterator[Pixels]:
        yield IMAGES[:10]
        if split == "held_out":
            write_prepared(other, IDENTITY, {"by": "the other"}, None)
        yield IMAGES[10:30]

    mine = write_prepared(Plan((1, 16, 16), ("0",), other.labels, chunks, ""), IDENTITY, {"by": "this one"}, None)
    assert mine.manifest["originals"] == {"by": "the other"}
    np.testing.assert_array_equal(mine.splits["held_out"].images, IMAGES[:30])
    assert [path.name for path in (cache / "prepared").iterdir()] == [folder_for(IDENTITY).name]


def test_what_a_killed_process_left_goes_after_a_day(cache: Path) -> None:
    old, young = (cache / "prepared" / f".{folder_for(IDENTITY).name}-{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 90_000,) * 2)
    write_prepared(plan_of([IMAGES]), IDENTITY, {}, None)
    assert not old.exists()
    assert young.exists()


def test_cache_that_cannot_be_written_is_one_line(settings: DataSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", settings.path)  # a file
    with pytest.raises(DataError, match=r"cannot be written \(.*\); set STEERGAN_CACHE to a folder") as caught:
        load(settings, "train")
    assert "\n" not in str(caught.value)


def test_full_disk_is_one_line_and_leaves_nothing(settings: DataSettings, cache: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # the kernel refuses to make a file longer
    try:
        with pytest.raises(DataError, match=r"cannot be written \(.*\); set STEERGAN_CACHE to a folder with room"):
            load(settings, "train")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((cache / "prepared").iterdir()) == []
    assert len(load(settings, "train")) == 160


def test_other_faults_of_renaming_are_reported(settings: DataSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(DataError, match="Read-only file system"):
        load(settings, "train")


def test_a_set_that_cannot_be_read_back_is_reported(cache: Path) -> None:
    short = Plan((1, 16, 16), ("0",), plan_of([IMAGES]).labels, lambda split: iter([IMAGES[:9]]), "")
    with pytest.raises(DataError, match="can't be read back"):
        write_prepared(short, IDENTITY, {}, None)


def test_unknown_split_is_refused(settings: DataSettings) -> None:
    with pytest.raises(ValueError, match="held_out"):
        load(settings, "test")  # type: ignore[arg-type]
