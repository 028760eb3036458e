"""Large sets: written piece by piece, resumed at a piece, without what is damaged, in little memory."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steergan.data.images import Labels, Piece, PiecewisePlan, Pixels, Split
from steergan.data.piecewise import npy_header, write_piecewise
from steergan.data.prepared import folder_for, prepared_manifests, read_prepared
from steergan.errors import DataError

IDENTITY = {"name": "patches", "seed": 0}
SHAPE = (3, 8, 8)
Load = Callable[[], tuple[Pixels, Labels]]


def rows(k: int) -> tuple[Pixels, Labels]:
    """Images and labels of piece k: 100 + k images of two classes."""
    count = 100 + k
    return np.random.default_rng(k).integers(0, 256, (count, *SHAPE), np.uint8), np.arange(count) % 2


def piece(k: int, load: Load | None = None) -> Piece:
    return Piece(f"slide-{k}.png", 100 + k, load or (lambda: rows(k)))


def plan_of(train: list[Piece], held_out: list[Piece], **more: object) -> PiecewisePlan:
    return PiecewisePlan(SHAPE, ("a", "b"), {"train": train, "held_out": held_out}, "a rule", **more)  # type: ignore[arg-type]


def whole_plan() -> PiecewisePlan:
    return plan_of([piece(k) for k in range(5)], [piece(5), piece(6)])


def refuse(reason: str) -> Load:
    def load() -> tuple[Pixels, Labels]:
        raise DataError(reason)

    return load


def contents(folder: Path | None) -> dict[str, bytes]:
    """Arrays and manifest of a set; the stamp has times in it."""
    assert folder is not None
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "verified.json"}


@pytest.fixture
def expected(cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What an uninterrupted preparation of `whole_plan` writes."""
    monkeypatch.setenv("STEERGAN_CACHE", str(cache / "elsewhere"))
    found = contents(write_piecewise(whole_plan(), IDENTITY, {}, None).folder)
    monkeypatch.setenv("STEERGAN_CACHE", str(cache))
    return found


def partial_folder() -> Path:
    return folder_for(IDENTITY).with_name(f".{folder_for(IDENTITY).name}.partial")


def test_splits_hold_the_pieces_in_order(cache: Path) -> None:
    made = write_piecewise(whole_plan(), IDENTITY, {"files": 7}, None)
    for split, numbers in (("train", range(5)), ("held_out", (5, 6))):
        images = made.splits[split]  # type: ignore[index]
        np.testing.assert_array_equal(images.images, np.concatenate([rows(k)[0] for k in numbers]))
        np.testing.assert_array_equal(images.labels, np.concatenate([rows(k)[1] for k in numbers]))
        assert isinstance(images.images.base, np.memmap)
    assert made.manifest["splits"]["held_out"]["per_class"] == [106, 105]
    assert made.manifest["originals"] == {"files": 7}
    assert made.refused == []


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import numpy as np
from tests.data.test_piecewise import IDENTITY, piece, plan_of, rows
from steergan.data.piecewise import write_piecewise

class Deadly:
    def __init__(self, images): self.images = images
    shape = property(lambda self: self.images.shape)
    def __getitem__(self, part):
        if part.start:  # the first images of this piece are on disk
            os.kill(os.getpid(), signal.SIGKILL)
        return self.images[part]

deadly = piece(3, lambda: (Deadly(rows(3)[0]), rows(3)[1]))
write_piecewise(plan_of([piece(0), piece(1), piece(2), deadly, piece(4)], [piece(5), piece(6)]), IDENTITY, {{}}, None)
"""


def test_after_kill_9_it_goes_on_with_the_torn_piece_and_gives_the_same_bytes(
    cache: Path, expected: dict[str, bytes]
) -> None:
    code = KILLED.format(tests=str(Path(__file__).parents[2]))
    killed = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ), capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    torn = (partial_folder() / "train-images.npy").stat().st_size
    assert torn > len(npy_header((0, *SHAPE))) + 303 * 192
    fresh = {k: piece(k) for k in (3, 4)}
    done = [piece(k, lambda: pytest.fail("read again")) for k in range(3)]
    made = write_piecewise(plan_of([*done, fresh[3], fresh[4]], [piece(5), piece(6)]), IDENTITY, {}, None)
    assert contents(made.folder) == expected
    assert not partial_folder().exists()


@pytest.mark.parametrize("stopped_at", range(7))
def test_after_ctrl_c_it_goes_on(cache: Path, expected: dict[str, bytes], stopped_at: int) -> None:
    def stop() -> tuple[Pixels, Labels]:
        raise KeyboardInterrupt

    pieces = [piece(k, stop if k == stopped_at else None) for k in range(7)]
    with pytest.raises(KeyboardInterrupt):
        write_piecewise(plan_of(pieces[:5], pieces[5:]), IDENTITY, {}, None)
    assert read_prepared(folder_for(IDENTITY)) is None
    assert list(prepared_manifests()) == []
    assert contents(write_piecewise(whole_plan(), IDENTITY, {}, None).folder) == expected


@pytest.mark.parametrize("damage", ["images cut", "images altered", "journal torn", "label altered", "another plan"])
def test_what_a_power_cut_left_is_not_trusted(cache: Path, expected: dict[str, bytes], damage: str) -> None:
    def stop() -> tuple[Pixels, Labels]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_piecewise(plan_of([piece(0), piece(1), piece(2, stop)], []), IDENTITY, {}, None)
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
    assert contents(write_piecewise(whole_plan(), IDENTITY, {}, None).folder) == expected


def test_refused_pieces_are_named_and_the_rest_is_kept(cache: Path) -> None:
    def broken() -> tuple[Pixels, Labels]:
        raise OSError(5, "Input/output error")

    pieces = [piece(0), piece(1, refuse("/far/slide-1.png: not a readable image\n(cut off)")), piece(2, broken)]
    made = write_piecewise(plan_of(pieces, [piece(5)]), IDENTITY, {}, None)
    assert made.refused == [
        {"name": "slide-1.png", "reason": "not a readable image (cut off)"},
        {"name": "slide-2.png", "reason": "[Errno 5] Input/output error"},
    ]
    np.testing.assert_array_equal(made.splits["train"].images, rows(0)[0])
    again = read_prepared(folder_for(IDENTITY))
    assert again is not None
    assert again.refused == made.refused


def test_a_refusal_is_remembered_when_it_goes_on(cache: Path) -> None:
    def stop() -> tuple[Pixels, Labels]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_piecewise(plan_of([piece(0, refuse("damaged")), piece(1, stop)], [piece(5)]), IDENTITY, {}, None)
    pieces = [piece(0, lambda: pytest.fail("read again")), piece(1), piece(2)]
    made = write_piecewise(plan_of(pieces, [piece(5)]), IDENTITY, {}, None)
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
    made = write_piecewise(plan_of([piece(0), piece(1, load)], [piece(5)]), IDENTITY, {}, None)
    [refused] = made.refused
    assert refused["name"] == "slide-1.png"
    assert re.search(reason, refused["reason"])


def test_a_class_that_comes_out_empty_is_refused_with_the_first_reason(cache: Path) -> None:
    only_a = piece(0, lambda: (rows(0)[0], np.zeros(100, np.int64)))
    plan = plan_of([only_a, piece(1, refuse("no stain"))], [piece(5)], advice="do this")
    with pytest.raises(DataError, match=r"class b has no image to train on; left out: slide-1\.png: no stain; mend"):
        write_piecewise(plan, IDENTITY, {}, None)
    with pytest.raises(DataError, match="class a has no image to hold out; do this"):
        write_piecewise(plan_of([piece(0)], [], advice="do this"), {**IDENTITY, "seed": 1}, {}, None)


def test_a_set_is_divided_when_all_images_are_there(cache: Path) -> None:
    def divide(labels: Labels) -> tuple[Labels, Labels]:
        return np.flatnonzero(np.arange(len(labels)) % 3 > 0), np.flatnonzero(np.arange(len(labels)) % 3 == 0)

    plan = plan_of([piece(k) for k in range(3)], [], divide=divide)
    made = write_piecewise(plan, IDENTITY, {}, None)
    images, labels = (np.concatenate([rows(k)[i] for k in range(3)]) for i in (0, 1))
    for split, chosen in zip(("train", "held_out"), divide(labels), strict=True):
        np.testing.assert_array_equal(made.splits[split].images, images[chosen])  # type: ignore[index]
        np.testing.assert_array_equal(made.splits[split].labels, labels[chosen])  # type: ignore[index]
    assert made.folder is not None
    assert not [path.name for path in made.folder.iterdir() if "pool" in path.name or "journal" in path.name]


def test_one_sequence_under_both_splits_is_written_once(cache: Path) -> None:
    reads: list[int] = []
    pieces = [piece(0, lambda: (reads.append(0), rows(0))[1])]
    made = write_piecewise(plan_of(pieces, pieces), IDENTITY, {}, None)
    assert reads == [0]
    assert made.splits["train"].checksum == made.splits["held_out"].checksum
    assert made.folder is not None
    assert os.path.samefile(made.folder / "train-images.npy", made.folder / "held_out-images.npy")


def test_without_hard_links_it_is_copied(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.link", lambda *paths: (_ for _ in ()).throw(OSError("no links here")))
    pieces = [piece(0)]
    made = write_piecewise(plan_of(pieces, pieces), IDENTITY, {}, None)
    np.testing.assert_array_equal(made.splits["held_out"].images, rows(0)[0])


def test_progress_counts_images_inside_pieces_and_starts_where_it_goes_on(cache: Path) -> None:
    reports: list[tuple[int, int]] = []

    def stop() -> tuple[Pixels, Labels]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_piecewise(plan_of([piece(0), piece(1, stop)], [piece(5)]), IDENTITY, {}, None)
    plan = plan_of([piece(0), piece(1)], [piece(5)])
    write_piecewise(plan, IDENTITY, {}, lambda done, total: reports.append((done, total)))
    assert reports == [(n, 306) for n in (164, 201, 201, 265, 306, 306)]


def test_full_disk_is_one_line_and_what_was_prepared_is_kept(cache: Path, expected: dict[str, bytes]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # the kernel refuses to make a file longer
    try:
        with pytest.raises(DataError, match=r"cannot be written \(.*\); .*; what is prepared so far is kept") as caught:
            write_piecewise(whole_plan(), IDENTITY, {}, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    entries = (partial_folder() / "train-journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["piece"] for line in entries] == ["slide-0.png", "slide-1.png"]
    assert contents(write_piecewise(whole_plan(), IDENTITY, {}, None).folder) == expected


def test_a_second_process_waits_and_uses_what_the_first_one_made(cache: Path) -> None:
    began, made = threading.Event(), []

    def slow() -> tuple[Pixels, Labels]:
        began.set()
        other.join(0.3)
        assert other.is_alive()  # it waits
        return rows(0)

    def second() -> None:
        began.wait(10)
        untouched = plan_of([piece(0, lambda: pytest.fail("read again"))], [])
        made.append(write_piecewise(untouched, IDENTITY, {}, None))

    other = threading.Thread(target=second)
    other.start()
    mine = write_piecewise(plan_of([piece(0, slow)], [piece(5)]), IDENTITY, {}, None)
    other.join(10)
    assert made[0].splits["train"].checksum == mine.splits["train"].checksum


def test_header_is_as_long_for_any_number_of_images() -> None:
    counts: list[Split | int] = [0, 1, 10**9]
    assert len({len(npy_header((n, 3, 256, 256))) for n in counts}) == 1


MEMORY = """
import resource
import numpy as np
from steergan.data import loading
from steergan.data.images import Piece, PiecewisePlan
from steergan.data.piecewise import write_piecewise
from steergan.data.prepared import folder_for, read_prepared
from steergan.data.sampler import batch
from steergan.recipe.data import Patches

N, SHAPE, MEGABYTES = 1000, (3, 256, 256), 60
tile = np.random.default_rng(0).integers(0, 256, (64, *SHAPE), np.uint8)

class Rows:
    shape = (N, *SHAPE)
    def __getitem__(self, part):
        return tile[: len(range(N)[part])]

piece = Piece("x", N, lambda: (Rows(), np.arange(N) % 2))
divided = np.arange(64, N), np.arange(64)
plan = PiecewisePlan(SHAPE, ("a", "b"), {"train": [piece], "held_out": ()}, "", lambda y: divided)
in_use = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (in_use + MEGABYTES * 2**20,) * 2)
made = write_piecewise(plan, {"name": "patches"}, {}, None)
loading.IN_MEMORY = 0
half = loading.take(made, Patches(fraction=0.5), "train")
assert len(half) == 468 and half.images.nbytes > 80e6
images, labels = batch(made.splits["train"], 4, 0, 0, 0)
assert images.shape == (4, 3, 256, 256)
try:
    np.array(made.splits["train"].images)
except MemoryError:
    print("bounded")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds and tells memory so")
def test_a_large_set_is_prepared_shared_and_drawn_from_in_less_memory_than_it_has(cache: Path) -> None:
    """197 MB of images in 60 MB; the control shows that the bound is one."""
    command = [sys.executable, "-c", MEMORY]
    ran = subprocess.run(command, check=False, env=dict(os.environ), capture_output=True, text=True)
    assert ran.stdout.strip() == "bounded", ran.stderr


@pytest.mark.parametrize("file", ["manifest.json", "train-images.npy", "held_out-labels.npy"])
def test_a_finished_set_that_was_damaged_is_made_again(cache: Path, expected: dict[str, bytes], file: str) -> None:
    made = write_piecewise(whole_plan(), IDENTITY, {}, None)
    assert made.folder is not None
    (made.folder / file).write_bytes((made.folder / file).read_bytes()[:-200] + bytes(100))
    assert read_prepared(made.folder) is None
    assert contents(write_piecewise(whole_plan(), IDENTITY, {}, None).folder) == expected
