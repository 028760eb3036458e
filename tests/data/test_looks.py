"""A messy folder: all faults in one line, remedies that work, and whatever is done to the images said."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan.data import account_of, load, prepare, survey
from steergan.data.folder import read_image
from steergan.errors import DataError
from steergan.recipe.data import Folder
from tests.data.messy import SIDE, picture, write_messy


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_messy(tmp_path_factory.mktemp("messy") / "pets")


def test_all_faults_stand_in_one_line_with_counts_and_remedies(cache: Path, messy: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepare(Folder(path=str(messy)))
    message = str(caught.value)
    assert "\n" not in message
    assert "6 faults, 35 images" in message
    assert "not readable: 4 (cats/cut.png: " in message
    assert "and 1 more), mend or remove them, or leave them out by data.skip_damaged = true" in message
    assert f"of another size than {SIDE} x {SIDE}, the commonest: 1 (cats/wide.png: 14 x 10)" in message
    assert "of more than 8 bits a channel: 1 (dogs/deep.png: uint16, " in message


def test_the_remedies_of_the_message_work_and_all_that_was_done_is_said(cache: Path, messy: Path) -> None:
    settings = Folder(path=str(messy), fit="crop", range="dtype", skip_damaged=True)
    made = prepare(settings)
    train, held_out = made.splits["train"], made.splits["held_out"]
    assert train.image_shape == (3, SIDE, SIDE)
    assert len(train) + len(held_out) == 31
    account = account_of(made, settings)
    assert {one.name for one in account.left_out} == {
        "cats/cut.png", "cats/pages.tif", "dogs/empty.png", "dogs/script.png", "cats/link.png", "dogs/hard.png",
    }  # fmt: skip
    assert set(account.notes) == {
        "sub-folders are classes",
        "files of other kinds, not looked at: 1 .txt",
        "hidden files and folders, not looked at: 1",
        "links to folders that are read already, not followed: 1",
        "see-through, laid on data.background: 1",
        "made RGB of CMYK: 1",
        "turned upright, as their EXIF notes say: 1",
        "gray beside colour, made RGB: 2",
        f"of other sizes, made {SIDE} x {SIDE} (crop): 1",
        "all that their type can hold becomes 0 to 255; uint16: 1",
    }
    assert account.text(2).splitlines()[:3] == [
        "class  name  training  held out  left out",
        "    0  cats        12         3         3",
        "    1  dogs        13         3         3",
    ]
    assert survey(settings).account == account


@pytest.fixture
def own(cache: Path, tmp_path: Path) -> Path:
    """A folder for images, beside the cache."""
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_a_size_makes_squares_of_all(own: Path, fit: str) -> None:
    for k, shape in enumerate([(20, 30, 3), (30, 20, 3), (10, 10, 3), (64, 64, 3)]):
        picture(k, *shape).save(own / f"{k}.png")
    settings = Folder.model_validate({"path": str(own), "size": 16, "fit": fit})
    assert load(settings, "train").image_shape == (3, 16, 16)
    assert f"of other sizes, made 16 x 16 ({fit}): 4, 1 of them enlarged" in survey(settings).account.notes


def test_squares_need_no_choice_and_rectangles_do(own: Path) -> None:
    for k, side in enumerate((8, 12, 32)):
        picture(k, side, side, 3).save(own / f"{k}.png")
    assert load(Folder(path=str(own), size=16), "train").image_shape == (3, 16, 16)
    picture(9, 8, 12, 3).save(own / "wide.png")
    with pytest.raises(DataError, match=r"no squares, which data\.size = 16 alone would need: 1 \(wide\.png: 12 x 8\)"):
        load(Folder(path=str(own), size=16), "train")


def test_every_key_makes_another_set_and_none_of_them_the_old_one(own: Path) -> None:
    for k in range(4):
        picture(k, 8, 8, 4).save(own / f"{k}.png")
    keys: list[dict[str, object]] = [
        {}, {"size": 16}, {"fit": "crop"}, {"range": "dtype"}, {"range": [0, 200]}, {"background": "white"},
        {"skip_damaged": True},
    ]  # fmt: skip
    made = [prepare(Folder.model_validate({"path": str(own), **more})) for more in keys]
    assert len({one.folder for one in made}) == len(keys)
    identity = {"name", "rule_version", "seed", "held_out", "kind", "originals_sha256"}
    assert {"fit", "range", "background", "skip_damaged", "size"}.isdisjoint(made[0].manifest)
    assert identity <= made[0].manifest.keys()
    assert made[4].manifest["range"] == [0, 200]


def test_minmax_is_of_all_files_and_a_range_of_several_types_is_refused(own: Path) -> None:
    values = [np.full((4, 4), low, np.uint16) for low in (1000, 2000, 3000, 1500)]
    for k, of_file in enumerate(values):
        Image.fromarray(of_file).save(own / f"{k}.png")
    images = np.concatenate(
        [load(Folder(path=str(own), range="minmax"), split).images for split in ("train", "held_out")]
    )
    assert sorted(images[:, 0, 0, 0].tolist()) == [0, 64, 128, 255]  # 255 (v - 1000) / 2000, rounded to even
    picture(0, 4, 4).save(own / "bytes.png")
    with pytest.raises(DataError, match=r"not of uint16 as the others: 1 \(bytes\.png: uint8"):
        load(Folder(path=str(own), range="minmax"), "train")
    with pytest.raises(DataError, match=r'"dtype" \(all that such files can hold\), which alone suits several types'):
        load(Folder(path=str(own)), "train")
    assert len(load(Folder(path=str(own), range="dtype"), "train")) == 4


def test_both_passes_over_the_files_are_heard_as_one(own: Path) -> None:
    for k in range(5):
        picture(k).save(own / f"{k}.png")
    heard: list[tuple[int, int]] = []
    prepare(Folder(path=str(own)), lambda done, total: heard.append((done, total)))
    assert heard == [(1, 10), (2, 10), (3, 10), (4, 10), (5, 10), (9, 10), (10, 10)]


def test_nothing_but_damaged_files_is_refused_though_they_may_be_skipped(own: Path) -> None:
    (own / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"none of 1 images can be read; a\.png: not a readable image"):
        load(Folder(path=str(own), skip_damaged=True), "train")


def test_a_class_of_damaged_files_alone_is_refused(own: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/b"):
        (own / name).mkdir(parents=True)
        picture(len(name)).save(own / name / "0.png")
    (own / "test/b/0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="class b has no image to hold out"):
        load(Folder(path=str(own), skip_damaged=True), "train")


def test_background_lies_behind_see_through_pixels(own: Path) -> None:
    clear = np.zeros((2, 4, 4), np.uint8)
    clear[..., 0], clear[0, :, 3] = 100, 255
    clear[1, :, 3] = 51  # a fifth
    Image.fromarray(clear).save(own / "0.png")
    Image.fromarray(clear).save(own / "1.png")
    black, white = (load(Folder(path=str(own), background=one), "train").images[0] for one in ("black", "white"))
    assert black[:, :, 0].tolist() == [[100, 20], [0, 0], [0, 0]]
    assert white[:, :, 0].tolist() == [[100, 224], [0, 204], [0, 204]]
    np.testing.assert_array_equal(read_image(own / "0.png"), black)
