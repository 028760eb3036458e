"""Sets are written piece by piece, resumed at a piece, without what is damaged, in little memory."""

import json
import os
import resource
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from steergan.data import arrays, loading
from steergan.data.arrays import npy_header
from steergan.data.images import SPLITS, Labels, Pixels
from steergan.data.plan import Piece, PixelRows, Plan
from steergan.data.prepared import folder_for, prepared_manifests, read_prepared
from steergan.data.sampler import batch
from steergan.data.writing import write_prepared
from steergan.errors import DataError
from steergan.recipe.data import Patches
from tests.data.child import in_child
from tests.data.pieces import (
    IDENTITY,
    SHAPE,
    Load,
    contents,
    partial_folder,
    piece,
    plan_of,
    refuse,
    rows,
    stop,
    whole_plan,
)
from tests.full_disk import largest_file


def test_splits_hold_the_pieces_in_order(cache: Path) -> None:
    made = write_prepared(whole_plan(), IDENTITY, {"files": 7})
    for split, numbers in zip(SPLITS, (range(5), range(5, 7)), strict=True):
        images = made.splits[split]
        np.testing.assert_array_equal(images.images, np.concatenate([rows(k)[0] for k in numbers]))
        np.testing.assert_array_equal(images.labels, np.concatenate([rows(k)[1] for k in numbers]))
        assert isinstance(images.images.base, np.memmap)
    assert made.manifest["splits"]["held_out"]["per_class"] == [106, 105]
    assert made.manifest["originals"] == {"files": 7}
    assert made.refused == []


class Deadly:
    """Rows behind whose first block the process is killed."""

    shape = (103, *SHAPE)

    def __getitem__(self, part: slice, /) -> Pixels:
        if part.start:  # the first images of this piece are on disk
            os.kill(os.getpid(), signal.SIGKILL)
        return rows(3)[0][part]


def test_after_kill_9_it_goes_on_with_the_torn_piece_and_gives_the_same_bytes(
    cache: Path, expected: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "HELD", 64 * 192)  # so that a piece is written in two goes
    deadly = Piece("slide-3.png", 103, lambda: (Deadly(), rows(3)[1]))
    plan = plan_of([piece(0), piece(1), piece(2), deadly, piece(4)], [piece(5), piece(6)])
    assert in_child(lambda: write_prepared(plan, IDENTITY, {})) == -signal.SIGKILL
    torn = (partial_folder() / "train-images.npy").stat().st_size
    assert torn > len(npy_header((0, *SHAPE))) + 303 * 192
    fresh = {k: piece(k) for k in (3, 4)}
    done = [piece(k, lambda: pytest.fail("read again")) for k in range(3)]
    made = write_prepared(plan_of([*done, fresh[3], fresh[4]], [piece(5), piece(6)]), IDENTITY, {})
    assert contents(made.folder) == expected
    assert not partial_folder().exists()


@pytest.mark.parametrize("stopped_at", range(7))
def test_after_ctrl_c_it_goes_on(cache: Path, expected: Mapping[str, bytes], stopped_at: int) -> None:
    pieces = [piece(k, stop if k == stopped_at else None) for k in range(7)]
    with pytest.raises(KeyboardInterrupt):
        write_prepared(plan_of(pieces[:5], pieces[5:]), IDENTITY, {})
    assert read_prepared(folder_for(IDENTITY)) is None
    assert list(prepared_manifests()) == []
    assert contents(write_prepared(whole_plan(), IDENTITY, {}).folder) == expected


def test_refused_pieces_are_named_and_the_rest_is_kept(cache: Path) -> None:
    def broken() -> tuple[Pixels, Labels]:
        raise OSError(5, "Input/output error")

    pieces = [piece(0), piece(1, refuse("/far/slide-1.png: not a readable image\n(cut off)")), piece(2, broken)]
    made = write_prepared(plan_of(pieces, [piece(5)]), IDENTITY, {})
    assert made.refused == [
        {"name": "slide-1.png", "reason": "not a readable image\\n(cut off)"},
        {"name": "slide-2.png", "reason": "[Errno 5] Input/output error"},
    ]
    np.testing.assert_array_equal(made.splits["train"].images, rows(0)[0])
    again = read_prepared(folder_for(IDENTITY))
    assert again is not None
    assert again.refused == made.refused


def test_a_class_that_comes_out_empty_is_refused_with_the_first_reason(cache: Path) -> None:
    only_a = piece(0, lambda: (rows(0)[0], np.zeros(100, np.int64)))
    plan = plan_of([only_a, piece(1, refuse("no stain"))], [piece(5)], advice="do this")
    with pytest.raises(DataError, match=r"class b has no image to train on; left out: slide-1\.png: no stain; mend"):
        write_prepared(plan, IDENTITY, {})
    with pytest.raises(DataError, match="class a has no image to hold out; do this"):
        write_prepared(plan_of([piece(0)], [], advice="do this"), {**IDENTITY, "seed": 1}, {})


def test_a_set_is_divided_when_all_images_are_there(cache: Path) -> None:
    def divide(labels: Labels) -> tuple[Labels, Labels]:
        return np.flatnonzero(np.arange(len(labels)) % 3 > 0), np.flatnonzero(np.arange(len(labels)) % 3 == 0)

    plan = plan_of([piece(k) for k in range(3)], [], divide=divide)
    made = write_prepared(plan, IDENTITY, {})
    images, labels = (np.concatenate([rows(k)[i] for k in range(3)]) for i in (0, 1))
    for split, chosen in zip(SPLITS, divide(labels), strict=True):
        np.testing.assert_array_equal(made.splits[split].images, images[chosen])
        np.testing.assert_array_equal(made.splits[split].labels, labels[chosen])
    assert made.folder is not None
    assert not [path.name for path in made.folder.iterdir() if "pool" in path.name or "journal" in path.name]


def test_one_sequence_under_both_splits_is_written_once(cache: Path) -> None:
    reads: list[int] = []

    def read() -> tuple[Pixels, Labels]:
        reads.append(0)
        return rows(0)

    pieces = [piece(0, read)]
    made = write_prepared(plan_of(pieces, pieces), IDENTITY, {})
    assert reads == [0]
    assert made.splits["train"].checksum == made.splits["held_out"].checksum
    assert made.folder is not None
    assert os.path.samefile(made.folder / "train-images.npy", made.folder / "held_out-images.npy")


def test_without_hard_links_it_is_copied(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.link", lambda *paths: (_ for _ in ()).throw(OSError("no links here")))
    pieces = [piece(0)]
    made = write_prepared(plan_of(pieces, pieces), IDENTITY, {})
    np.testing.assert_array_equal(made.splits["held_out"].images, rows(0)[0])


def test_progress_counts_images_inside_pieces_and_starts_where_it_goes_on(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "HELD", 64 * 192)
    reports: list[tuple[int, int]] = []

    with pytest.raises(KeyboardInterrupt):
        write_prepared(plan_of([piece(0), piece(1, stop)], [piece(5)]), IDENTITY, {})
    plan = plan_of([piece(0), piece(1)], [piece(5)])
    write_prepared(plan, IDENTITY, {}, lambda done, total: reports.append((done, total)))
    assert reports == [(n, 306) for n in (164, 201, 265, 306)]


def test_full_disk_is_one_line_and_what_was_prepared_is_kept(cache: Path, expected: Mapping[str, bytes]) -> None:
    full = pytest.raises(DataError, match=r"cannot be written \(.*\); .*; what is prepared so far is kept")
    with largest_file(50_000), full as caught:
        write_prepared(whole_plan(), IDENTITY, {})
    assert "\n" not in str(caught.value)
    entries = (partial_folder() / "train-journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["piece"] for line in entries] == ["slide-0.png", "slide-1.png"]
    assert contents(write_prepared(whole_plan(), IDENTITY, {}).folder) == expected


def test_a_second_process_waits_and_uses_what_the_first_one_made(cache: Path) -> None:
    began, made = threading.Event(), []

    def slow() -> tuple[Pixels, Labels]:
        began.set()
        other.join(0.3)
        assert other.is_alive()  # it waits
        return rows(0)

    def second() -> None:
        began.wait(120)
        untouched = plan_of([piece(0, lambda: pytest.fail("read again"))], [])
        made.append(write_prepared(untouched, IDENTITY, {}))

    other = threading.Thread(target=second)
    other.start()
    mine = write_prepared(plan_of([piece(0, slow)], [piece(5)]), IDENTITY, {})
    other.join(120)
    assert made[0].splits["train"].checksum == mine.splits["train"].checksum


class Tiles:
    """A thousand images that need the memory of 64."""

    shape = (1000, 3, 256, 256)
    tile = np.random.default_rng(0).integers(0, 256, (64, 3, 256, 256), np.uint8)

    def __getitem__(self, part: slice, /) -> Pixels:
        return self.tile[: len(range(1000)[part])]


def prepare_in_little_memory() -> None:
    """Write, share and draw from 197 MB of images in 60 MB; the control shows that the bound is one."""
    labels = np.arange(1000) % 2
    tiles = Piece("x", 1000, lambda: (Tiles(), labels))
    divided = np.arange(64, 1000), np.arange(64)
    plan = Plan(Tiles.shape[1:], ("a", "b"), {"train": [tiles], "held_out": ()}, "", lambda y: divided, advice="none")
    status = Path("/proc/self/status").read_text().splitlines()
    in_use = next(int(line.split()[1]) for line in status if line.startswith("VmData")) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (in_use + 60 * 2**20,) * 2)
    made = write_prepared(plan, {"name": "patches"}, {})
    loading.IN_MEMORY = 0
    half = loading.take(made, Patches(fraction=0.5), "train")
    assert len(half) == 468
    assert half.images.nbytes > 80e6
    assert batch(made.splits["train"], 4, 0, 0, 0)[0].shape == (4, 3, 256, 256)
    with pytest.raises(MemoryError):
        np.array(made.splits["train"].images)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds and tells memory so")
def test_a_large_set_is_prepared_shared_and_drawn_from_in_less_memory_than_it_has(cache: Path) -> None:
    assert in_child(prepare_in_little_memory) == 0


@pytest.mark.parametrize("file", ["manifest.json", "train-images.npy", "held_out-labels.npy"])
def test_a_finished_set_that_was_damaged_is_made_again(cache: Path, expected: Mapping[str, bytes], file: str) -> None:
    made = write_prepared(whole_plan(), IDENTITY, {})
    assert made.folder is not None
    (made.folder / file).write_bytes((made.folder / file).read_bytes()[:-200] + bytes(100))
    assert read_prepared(made.folder) is None
    assert contents(write_prepared(whole_plan(), IDENTITY, {}).folder) == expected


class Breaking:
    """Rows that turn out to be damaged behind the first ten."""

    shape = (20, *SHAPE)

    def __getitem__(self, part: slice, /) -> Pixels:
        if range(20)[part].stop > 10:
            raise DataError("a damaged image")
        return rows(0)[0][part]


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of ten images."""
    monkeypatch.setattr(arrays, "MOST", 10)


def strict(*loads: Load) -> Plan:
    """A plan of a piece a split that leaves nothing out."""
    train, held_out = (piece(k, load) for k, load in enumerate(loads))
    return plan_of([train], [held_out], advice="")


def test_a_plan_that_breaks_off_leaves_nothing(cache: Path, few_at_once: None) -> None:
    def broken() -> tuple[PixelRows, Labels]:
        return Breaking(), np.zeros(20, np.int64)

    for plan in (
        plan_of([Piece("train", 20, broken)], [piece(1)], advice=""),
        strict(lambda: rows(0), refuse("a damaged image")),
    ):
        with pytest.raises(DataError, match="a damaged image"):
            write_prepared(plan, IDENTITY, {})
        assert list((cache / "prepared").iterdir()) == []


def test_a_plan_that_leaves_nothing_out_may_lack_a_class_and_says_nothing_of_refusals(cache: Path) -> None:
    zeros = np.zeros(100, np.int64)
    made = write_prepared(strict(lambda: (rows(0)[0], zeros), lambda: rows(1)), IDENTITY, {})
    assert made.manifest["splits"]["train"]["per_class"] == [100, 0]
    assert "refused" not in made.manifest
    assert made.refused == ()


def test_a_set_that_another_process_finished_first_is_used(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One of a version without this lock."""
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "other"))
    other = write_prepared(whole_plan(), IDENTITY, {"by": "the other"})
    monkeypatch.setenv("STEERGAN_CACHE", str(cache))

    def meanwhile() -> tuple[Pixels, Labels]:
        assert other.folder is not None
        shutil.copytree(other.folder, folder_for(IDENTITY))
        return rows(6)

    mine = write_prepared(
        plan_of([piece(k) for k in range(5)], [piece(5), piece(6, meanwhile)]), IDENTITY, {"by": "this one"}
    )
    assert mine.manifest["originals"] == {"by": "the other"}
    np.testing.assert_array_equal(mine.splits["held_out"].images, np.concatenate([rows(5)[0], rows(6)[0]]))
    assert [path.name for path in (cache / "prepared").iterdir()] == [folder_for(IDENTITY).name]


def test_a_set_that_cannot_be_read_back_is_reported(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damage(folder: Path) -> None:
        (folder / "train-labels.npy").write_bytes(b"")

    monkeypatch.setattr("steergan.data.writing.settle", damage)
    with pytest.raises(DataError, match="can't be read back"):
        write_prepared(whole_plan(), IDENTITY, {})
