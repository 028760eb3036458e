"""ANHIR's lung lesions, in folders and names as they come, with a colour for each stain and a tint for each lesion."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan.data import image_kind, load, originals_found, prepare
from steergan.data.anhir import stains_in
from steergan.errors import DataError
from steergan.recipe.data import Anhir

STAINS = {"Cc10-5": 40, "CD31-3": 80, "He": 120, "Ki67-7": 160, "proSPC-4": 200}
SIZE = 32


def settings(path: Path | str = "", **more: object) -> Anhir:
    return Anhir.model_validate({"path": str(path), "size": SIZE, **more})


def slide(stain: int, lesion: int, width: int, height: int) -> Image.Image:
    """Tissue on the left half; red is the stain, blue the lesion."""
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[:, : width // 2] = (stain, 60, 50 * lesion)
    return Image.fromarray(picture)


def write_lesions(root: Path, lesions: int = 3) -> Path:
    for lesion in range(1, lesions + 1):
        for scale, (width, height) in {"5": (150, 70), "10": (300, 140)}.items():
            folder = root / f"lung-lesion_{lesion}" / f"scale-{scale}pc"
            folder.mkdir(parents=True)
            for stain, red in STAINS.items():
                name = f"29-041-Izd2-w35-{stain}-les{lesion}.jpg"
                slide(red, lesion, width, height).save(folder / name, quality=95)
            (folder / "29-041-Izd2-w35-He-les1.csv").write_text("landmarks")
    return root


def lesions_of(images: NDArray[Any]) -> set[int]:
    """Lesions that the left pixels of patches show."""
    return set(np.round(images[:, 2, :, 0].mean(axis=1) / 50).astype(int).tolist())


PER_SLIDE = 3 * 2 + 5 * 4
"""Patches with foreground of a stain and lesion: columns that reach into the left half, at both scales."""


def test_stain_is_the_class_and_lesions_stay_together(cache: Path, tmp_path: Path) -> None:
    made = prepare(settings(write_lesions(tmp_path / "ANHIR")))
    assert made.refused == []
    for images in made.splits.values():
        assert images.class_names == ("Cc10", "CD31", "He", "Ki67", "proSPC")
        red = images.images[:, 0, :, 0].mean(axis=1)
        np.testing.assert_allclose(red, np.array(list(STAINS.values()))[images.labels], atol=8)
    train, held_out = (lesions_of(made.splits[split].images) for split in ("train", "held_out"))
    assert not train & held_out
    assert train | held_out == {1, 2, 3}
    assert made.manifest["splits"]["held_out"]["per_class"] == [PER_SLIDE] * 5
    assert made.manifest["splits"]["train"]["per_class"] == [2 * PER_SLIDE] * 5
    assert "held out by lesion: lung-lesion_" in made.manifest["rule"]


def test_papers_split_is_a_seeded_exact_quarter_of_the_patches(cache: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "ANHIR")
    made = prepare(settings(root, split="random", held_out=0.25))
    assert [len(images) for images in made.splits.values()] == [3 * 5 * PER_SLIDE - 98, 98]  # a quarter of 390 is 97.5
    assert lesions_of(made.splits["held_out"].images) == {1, 2, 3}
    other = prepare(settings(root, split="random", held_out=0.25, seed=1))
    assert other.splits["held_out"].checksum != made.splits["held_out"].checksum


def test_a_slide_of_unknown_stain_is_refused_by_name(cache: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "ANHIR")
    odd = root / "lung-lesion_2" / "scale-5pc"
    (odd / "29-041-Izd2-w35-He-les2.jpg").rename(odd / "29-041-Izd2-w35-Masson-les2.jpg")
    slide(9, 2, 150, 70).save(odd / "29-041-He-Ki67-les2.jpg")
    slide(9, 2, 20, 70).save(odd / "29-041-CD31-les2.jpg")
    made = prepare(settings(root, split="none"))
    assert {one["name"]: one["reason"] for one in made.refused} == {
        "lung-lesion_2/scale-5pc/29-041-Izd2-w35-Masson-les2.jpg":
            "no known stain in its name; one of Cc10, CD31, He, Ki67, proSPC is wanted",
        "lung-lesion_2/scale-5pc/29-041-He-Ki67-les2.jpg":
            "more than one stain (He, Ki67) in its name; one of Cc10, CD31, He, Ki67, proSPC is wanted",
        "lung-lesion_2/scale-5pc/29-041-CD31-les2.jpg": "20 x 70 pixels; a patch needs 32 x 32: lower data.size",
    }
    assert made.manifest["splits"]["train"]["per_class"] == [78, 78, 72, 78, 78]


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("29-041-Izd2-w35-Cc10-5-les1", [0]),
        ("29_039_CD31_les3", [1]),
        ("29-040-U-35W-h&e-les1", [2]),
        ("HE", [2]),
        ("29-041-Izd2-w35-KI67-les2", [3]),
        ("29-041-proSPC4-les2", [4]),
        ("health-les1", []),
        ("heart-cell-hematoxylin", []),
        ("He-Ki67", [2, 3]),
    ],
)
def test_stains_are_recognised_by_how_words_begin(stem: str, expected: list[int]) -> None:
    assert stains_in(stem) == expected


def test_one_lesion_can_only_be_split_at_random(cache: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "ANHIR", lesions=1)
    with pytest.raises(DataError, match=r'one lesion, lung-lesion_1; two are needed .*data\.split = "random"'):
        prepare(settings(root))
    assert len(load(settings(root, split="random"), "held_out")) == PER_SLIDE


def test_a_missing_stain_is_refused(cache: Path, tmp_path: Path) -> None:
    root = write_lesions(tmp_path / "ANHIR")
    for path in root.glob("*/*/*proSPC*"):
        path.unlink()
    with pytest.raises(DataError, match="no slide has proSPC in its name; at least one of each of Cc10, CD31"):
        prepare(settings(root))


def test_it_is_found_in_data_folders(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"anhir: no originals in STEERGAN_DATA .*wanted: .*lung-lesion_1/scale-"):
        prepare(settings())
    write_lesions(tmp_path / "data" / "ANHIR" / "dataset")
    assert [(found.name, len(found.originals.files)) for found in originals_found()] == [("anhir", 30)]
    first = prepare(settings())
    monkeypatch.setenv("STEERGAN_DATA", "")
    assert prepare(settings()).folder == first.folder  # prepared before, its originals gone


def test_kind_is_known_without_files(cache: Path) -> None:
    assert image_kind(Anhir()) == ((3, 128, 128), 5)
    assert image_kind(Anhir(size=64)) == ((3, 64, 64), 5)
