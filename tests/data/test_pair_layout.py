"""Which files are pairs, and which image of a pair is the input."""

from pathlib import Path

import pytest

from steergan.data.pair_layout import PairLayout, read_pairs
from steergan.errors import DataError

SIDES = ["A/1", "A/2", "B/1", "B/2"]


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.png").write_bytes(b"")
    return root


def told(layout: PairLayout, root: Path) -> list[tuple[str, str, str | None, str]]:
    """Input, output, split and source of every pair."""
    return [
        (p.input.relative_to(root).as_posix()[:-4], p.output.relative_to(root).as_posix()[:-4], p.split, p.source)
        for p in layout.pairs
    ]


@pytest.mark.parametrize(
    ("names", "wanted", "expected"),
    [
        (["1", "2"], "", [("1", "1", None, ""), ("2", "2", None, "")]),
        (["slide a/1", "slide b/1"], "right", [("slide a/1", "slide a/1", None, "slide a"),
                                               ("slide b/1", "slide b/1", None, "slide b")]),
        (["train/1", "val/1"], "", [("train/1", "train/1", "train", ""), ("val/1", "val/1", "held_out", "")]),
        (["train/p7/1", "test/p8/1"], "",
         [("test/p8/1", "test/p8/1", "held_out", "p8"), ("train/p7/1", "train/p7/1", "train", "p7")]),
        (SIDES, "", [("A/1", "B/1", None, ""), ("A/2", "B/2", None, "")]),
        (SIDES, "B", [("B/1", "A/1", None, ""), ("B/2", "A/2", None, "")]),
        (["he/p7/1", "ki67/p7/1"], "ki67", [("ki67/p7/1", "he/p7/1", None, "p7")]),
        (["masks/1", "target/1"], "", [("masks/1", "target/1", None, "")]),
        (["trainA/1", "trainB/1", "testA/1", "testB/1"], "B",
         [("testB/1", "testA/1", "held_out", ""), ("trainB/1", "trainA/1", "train", "")]),
        (["A/train/1", "A/val/1", "B/train/1", "B/val/1"], "",
         [("A/val/1", "B/val/1", "held_out", ""), ("A/train/1", "B/train/1", "train", "")]),
        (["train/input/1", "train/output/1", "val/input/2", "val/output/2"], "",
         [("val/input/2", "val/output/2", "held_out", ""), ("train/input/1", "train/output/1", "train", "")]),
    ],
)  # fmt: skip
def test_pairs_are_read_as_they_lie(
    tmp_path: Path, names: list[str], wanted: str, expected: list[tuple[str, str, str | None, str]]
) -> None:
    layout = read_pairs(files(tmp_path, *names), wanted)
    assert told(layout, tmp_path) == expected
    assert not layout.faults
    assert layout.half == (None if expected[0][0] != expected[0][1] else wanted or "left")


def test_files_without_a_partner_are_faults_by_name(tmp_path: Path) -> None:
    layout = read_pairs(files(tmp_path, *SIDES, "B/3"))
    assert [(fault.kind, fault.name) for fault in layout.faults] == [("without a partner", "B/3.png")]
    assert len(layout.pairs) == 2


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        (["he/1", "ki67/1"], "", 'which is the input, he or ki67? say data.input = "he" or "ki67"'),
        (["a/1", "b/1", "c/1"], "a", "a, b and c are 3 folders; two were wanted, inputs and outputs"),
        (
            ["1"],
            "he",
            'data.input = "he", and not two folders of which one is called so, in it or in each split',
        ),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, names: list[str], wanted: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        read_pairs(files(tmp_path, *names), wanted)
    assert str(refused.value) == f"{tmp_path}: {message}"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    files(tmp_path, *SIDES)
    (tmp_path / "A" / "1.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"A/1.png and A/1.jpg have one name; rename or remove one of them"):
        read_pairs(tmp_path)
