"""`dataset.json` of StyleGAN's tool: its labels are the classes, and what is wrong with it is one line."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steergan.data import kinds_of, load, survey
from steergan.data.label_table import read_labels, stays_inside
from steergan.errors import DataError
from steergan.recipe.data import Folder
from tests.data.messy import both, picture

NAMES = [f"0000{k // 8}/img{k:08}.png" for k in range(12)]
LABELS = [[name, k % 3] for k, name in enumerate(NAMES)]


def write_tool(root: Path, labels: Any = LABELS) -> Folder:
    """Twelve images as the tool writes them, in sub-folders that mean nothing."""
    for k, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(k).save(root / name)
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))
    return Folder(path=str(root), held_out=0.25)


def test_classes_are_the_labels_and_every_image_has_its_own(cache: Path, tmp_path: Path) -> None:
    train, held_out = both(write_tool(tmp_path / "x"))
    assert train.class_names == ("0", "1", "2")
    found = {
        image.tobytes(): label
        for part in (train, held_out)
        for image, label in zip(part.images, part.labels, strict=True)
    }
    assert found == {np.asarray(picture(k)).transpose(2, 0, 1).tobytes(): k % 3 for k in range(12)}
    notes = survey(write_tool(tmp_path / "x")).account.notes
    assert list(notes) == ["classes are the labels in dataset.json"]


def test_other_labels_make_another_set(cache: Path, tmp_path: Path) -> None:
    before = load(write_tool(tmp_path / "x"), "train")
    after = load(write_tool(tmp_path / "x", [[name, k % 2] for k, name in enumerate(NAMES)]), "train")
    assert (before.classes, after.classes) == (3, 2)


def test_without_labels_all_is_one_class_whatever_the_sub_folders(cache: Path, tmp_path: Path) -> None:
    settings = write_tool(tmp_path / "faces", None)
    train, held_out = both(settings)
    assert (train.class_names, len(train) + len(held_out)) == (("faces",), 12)
    assert kinds_of(settings).size == (8, 8)


def test_a_file_by_two_names_is_one_image_unless_labels_differ(cache: Path, tmp_path: Path) -> None:
    settings = write_tool(tmp_path / "x", [*LABELS, ["00001/twice.png", 0]])
    os.link(tmp_path / "x" / NAMES[0], tmp_path / "x/00001/twice.png")
    assert sum(map(len, both(settings))) == 12
    write_tool(tmp_path / "x", [*LABELS, ["00001/twice.png", 1]])
    with pytest.raises(DataError, match="in two classes by links: 1"):
        load(settings, "train")


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (LABELS[:-2], r"not in dataset\.json: 2 \(00001/img00000010\.png; .*, add them to it, or move them away$"),
        ([*LABELS, ["00003/gone.png", 0]], r"in dataset\.json, and no image: 1 \(00003/gone\.png\), add them, or"),
        ([*LABELS, [".hidden.png", 0]], r"in dataset\.json, and no image: 1 \(\.hidden\.png\)"),
        ([*LABELS, ["\ud800\0.png", 0]], "leaves the folder"),
        ([*LABELS, ["\ud800.png", 0]], r"in dataset\.json, and no image: 1"),
        ([*LABELS, ["../x.png", 0]], r"'\.\./x\.png' leaves the folder; names of images below it were wanted$"),
        ([*LABELS, ["/etc/x.png", 0]], "leaves the folder"),
        ([*LABELS, ["C:\\x.png", 0]], "leaves the folder"),
        ([*LABELS, ["./" + NAMES[0], 0]], "comes twice; one label for every image was wanted$"),
        ([*LABELS[:-1], [NAMES[-1], 2.0]], r"img00000011\.png' has the label 2\.0; an integer from 0 was wanted$"),
        ([*LABELS[:-1], [NAMES[-1], True]], "has the label True; an integer"),
        ([*LABELS[:-1], [NAMES[-1], -1]], "has the label -1; an integer"),
        ([*LABELS[:-1], [NAMES[-1], [0, 1]]], r"has the label \[0, 1\]; an integer"),
        ([*LABELS[:-1], [NAMES[-1], 10**12]], "no image has the label 3, and one has 1000000000000; number"),
        ([[name, 1] for name in NAMES], "no image has the label 0"),
        ([*LABELS, ["x.png"]], r"\['x\.png'\] in labels; .*null\} was wanted$"),
        ([*LABELS, [7, 0]], r"\[7, 0\] in labels"),
        ({}, r"labels are \{\}"),
        ([], r"labels are \[\]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(cache: Path, tmp_path: Path, labels: Any, line: str) -> None:
    settings = write_tool(tmp_path / "x", labels)
    with pytest.raises(DataError, match=line) as refused:
        load(settings, "train")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[", '{"labels"', "\ufeff{}", "[1]", "7", "{}", "[" * 100_000])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=r"dataset\.json: (cannot be read|no labels in it).*was wanted"):
        read_labels(tmp_path / "dataset.json")


def test_names_that_leave_a_folder_on_any_system() -> None:
    assert all(map(stays_inside, ["a.png", "a/b.png", "..a/b..png", "a b/ö.png"]))
    assert not any(map(stays_inside, ["", "/a", "..", "a/../../b", "a\\..\\..\\b", "\\a", "C:a", "//host/a", "a\0"]))
