"""What was hashed is not hashed again until it changes."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from steergan.data import prepare, stamps
from steergan.data.originals import Originals
from steergan.data.stamps import file_hashes, is_verified, mark_verified
from steergan.errors import DataError
from steergan.files import file_sha256
from steergan.recipe.data import Npz

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 1, 16, 16), dtype=np.uint8)


@pytest.fixture
def counted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files that are hashed; every set counts as large."""
    hashed: list[str] = []

    def hash_one(path: Path) -> str:
        hashed.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr(stamps, "WORTH_KEEPING", 0)
    monkeypatch.setattr(stamps, "file_sha256", hash_one)
    return hashed


def old_file(path: Path, content: str, age: int = 100) -> Path:
    path.write_text(content)
    changed = path.stat().st_mtime_ns - age * 10**9
    os.utime(path, ns=(changed, changed))
    return path


def test_hashes_are_kept_until_a_file_changes(counted: list[str], tmp_path: Path) -> None:
    files = (old_file(tmp_path / "a", "one"), old_file(tmp_path / "b", "two"))
    first = Originals("x", tmp_path, files).checksum()
    assert Originals("x", tmp_path, files).checksum() == first
    assert counted == ["a", "b"]
    old_file(tmp_path / "b", "TWO", age=50)
    assert Originals("x", tmp_path, files).checksum() != first
    assert counted == ["a", "b", "b"]


def test_a_file_that_was_just_written_is_hashed_again(counted: list[str], tmp_path: Path) -> None:
    """Another change may bear the same time."""
    (tmp_path / "a").write_text("one")
    assert [file_hashes(tmp_path, (tmp_path / "a",)) for _ in range(2)] == [[file_sha256(tmp_path / "a")]] * 2
    assert counted == ["a", "a"]


@pytest.mark.parametrize("notes", ["", "[]", "{}"])
def test_damaged_notes_are_made_again(counted: list[str], cache: Path, tmp_path: Path, notes: str) -> None:
    file = old_file(tmp_path / "a", "one")
    first = file_hashes(tmp_path, (file,))
    [kept] = (cache / "hashes").iterdir()
    kept.write_text(notes)
    assert file_hashes(tmp_path, (file,)) == first


def test_a_cache_that_cannot_be_written_only_costs_time(
    counted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = old_file(tmp_path / "a", "one")
    monkeypatch.setenv("STEERGAN_CACHE", str(file))
    assert file_hashes(tmp_path, (file,)) == [file_sha256(file)]


def test_a_missing_file_is_refused(counted: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        file_hashes(tmp_path, (tmp_path / "none",))


def test_small_sets_leave_no_notes(cache: Path, tmp_path: Path) -> None:
    file_hashes(tmp_path, (old_file(tmp_path / "a", "one"),))
    assert not cache.exists()


def test_verified_means_unchanged(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    assert not is_verified(tmp_path, ("a",))
    mark_verified(tmp_path, ("a",))
    assert is_verified(tmp_path, ("a",))
    assert not is_verified(tmp_path, ("a", "b"))
    (tmp_path / "a").write_text("TWO")  # at once, and of the same size
    assert not is_verified(tmp_path, ("a",))


@pytest.fixture
def settings(cache: Path, tmp_path: Path) -> Npz:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.arange(50) % 2)
    return Npz(path=str(tmp_path / "x.npz"), fraction=0.5)


def test_pixels_are_hashed_once(settings: Npz, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(settings)
    monkeypatch.setattr("steergan.data.prepared.checksum", lambda *arrays: pytest.fail("hashed again"))
    assert len(prepare(settings).splits["train"]) == 40


def test_a_set_that_was_copied_elsewhere_is_checked_and_trusted_again(
    settings: Npz, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepare(settings)
    assert made.folder is not None
    os.utime(made.folder / "train-images.npy", (1, 1))
    calls: list[int] = []

    def mark(folder: Path, names: Sequence[str]) -> None:
        calls.append(1)
        mark_verified(folder, names)

    monkeypatch.setattr("steergan.data.prepared.mark_verified", mark)
    assert prepare(settings).splits["train"].checksum == made.splits["train"].checksum
    prepare(settings)
    assert calls == [1]
