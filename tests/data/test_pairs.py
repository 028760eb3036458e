"""Pairs from files: pixels, channels, sizes and splits; and one line where they are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan.data import load, prepare, survey
from steergan.errors import DataError
from steergan.recipe.data import Pairs

COLOURS = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)


def settings(path: Path, **more: Any) -> Pairs:
    return Pairs.model_validate({"path": str(path), **more})


def save(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def first(array: NDArray[Any]) -> NDArray[Any]:
    """Channels first."""
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


@pytest.fixture
def two_folders(tmp_path: Path) -> Path:
    """Gray inputs, coloured outputs."""
    for k in range(5):
        save(tmp_path / "input" / f"{k}.png", COLOURS[k, :, :, 0])
        save(tmp_path / "target" / f"{k}.bmp", COLOURS[5 + k])
    return tmp_path


def test_the_maps_data_are_read_as_they_are_downloaded(cache: Path, tmp_path: Path) -> None:
    """`maps/train/1.jpg`, `maps/val/1.jpg`: the photograph on the left, the map on the right."""
    photograph, street = np.full((60, 60, 3), (40, 90, 30), np.uint8), np.full((60, 60, 3), (240, 230, 220), np.uint8)
    for split, count in (("train", 3), ("val", 2)):
        for k in range(1, count + 1):
            save(tmp_path / split / f"{k}.jpg", np.concatenate([photograph, street], axis=1))
    wanted = settings(tmp_path, input="right", size=32)
    assert (survey(wanted).train, survey(wanted).held_out, survey(wanted).inputs) == (3, 2, 3)
    prepared = prepare(wanted)
    assert prepared.manifest["inputs"] == 3
    assert [prepared.splits[split].images.shape for split in ("train", "held_out")] == [(3, 6, 32, 32), (2, 6, 32, 32)]
    means = prepared.splits["held_out"].images.mean((0, 2, 3))
    np.testing.assert_allclose(means, [240, 230, 220, 40, 90, 30], atol=3)
    left = load(settings(tmp_path, size=32), "held_out").images.mean((0, 2, 3))
    np.testing.assert_allclose(left, [40, 90, 30, 240, 230, 220], atol=3)


def test_inputs_and_outputs_have_channels_of_their_own(cache: Path, two_folders: Path) -> None:
    prepared = prepare(settings(two_folders, split="none"))
    assert prepared.manifest["inputs"] == 1
    for k, pair in enumerate(prepared.splits["train"].images):
        np.testing.assert_array_equal(pair, np.concatenate([first(COLOURS[k, :, :, 0]), first(COLOURS[5 + k])]))


def test_a_seeded_share_or_whole_sub_folders_are_held_out(cache: Path, tmp_path: Path) -> None:
    for k in range(12):
        save(tmp_path / f"slide{k % 3}" / f"{k}.png", np.concatenate([COLOURS[k], COLOURS[k]], axis=1))
    sizes = [len(load(settings(tmp_path, held_out=0.25), split)) for split in ("train", "held_out")]
    assert sizes == [9, 3]
    held_out = load(settings(tmp_path, split="group", held_out=0.3), "held_out")
    of_slide = [{COLOURS[k].tobytes() for k in range(slide, 12, 3)} for slide in range(3)]
    assert {np.ascontiguousarray(one[:3].transpose(1, 2, 0)).tobytes() for one in held_out.images} in of_slide


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(DataError) as error:
        prepare(settings(path, **more))
    return str(error.value).removeprefix(f"{path}: ")


def test_what_is_in_the_way_is_one_line(two_folders: Path) -> None:
    save(two_folders / "input" / "5.png", COLOURS[0])
    save(two_folders / "target" / "0.bmp", COLOURS[0, :6])
    save(two_folders / "input" / "1.png", COLOURS[1, :, :, 0].astype(np.uint16) * 200)
    found = refused(two_folders)
    for words in (
        "without a partner: 1 (input/5.png), give each input the output of its name",
        "whose input and output differ in size: 1 (0: 8 x 8 and 8 x 6), pairs have to lie on each other pixel by pixel",
        "of another size than 8 x 8, the commonest: 1 (target/0.bmp: 8 x 6)",
        "of more than 8 bits a channel: 1 (input/1.png: uint16",
    ):
        assert words in found
    assert "\n" not in found


def test_files_without_halves_are_named(tmp_path: Path) -> None:
    save(tmp_path / "1.png", np.zeros((8, 15), np.uint8))
    assert "of an odd width: 1 (1.png: 15 x 8), a file with two images side by side has halves" in refused(tmp_path)


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        (["train/1", "val/1"], {"split": "random"}, 'folders say what is held out, and data.split = "random"'),
        (["train/1", "val/1", "more/1"], {}, "folders say what is held out, and pairs beside them; leave out one"),
        (["val/1"], {}, "all pairs lie in folders of held-out ones; add a folder train"),
        (["1"], {}, "1 pair; 2 are needed: one to train on, one to hold out"),
        (["1", "2"], {"split": "group"}, '1 sub-folder of pairs, which data.split = "group" holds out; 2 are needed'),
    ],
)
def test_splits_that_are_none_are_refused(tmp_path: Path, names: list[str], more: dict[str, str], message: str) -> None:
    for name in names:
        save(tmp_path / f"{name}.png", np.zeros((8, 16), np.uint8))
    assert refused(tmp_path, **more).startswith(message)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "1.png", np.zeros((8, 16), np.uint8))
    for path, message in (("", "needs data.path"), (str(tmp_path / "1.png"), 'is a file; data.name = "pairs" needs a')):
        with pytest.raises(DataError, match=message):
            prepare(Pairs(path=path))
