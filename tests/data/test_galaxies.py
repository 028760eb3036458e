"""Cut-outs of bright sources: which, where their centre is, and never on both sides of a split."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan.data import load, prepare, survey
from steergan.data.galaxies import find_galaxies, find_sources, plan_galaxies
from steergan.errors import DataError
from steergan.recipe.data import Galaxies

SIZE = 16
Picture = NDArray[np.uint8]


def settings(path: Path | str = "", **more: object) -> Galaxies:
    return Galaxies.model_validate({"path": str(path), "size": SIZE, **more})


def sky_with(*centres: tuple[float, float], width: int = 160, height: int = 80, spread: float = 4.0) -> Picture:
    """Round, coloured sources on a dark sky with noise."""
    y, x = np.mgrid[:height, :width]
    light = sum(np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * spread**2)) for row, column in centres)
    noise = np.random.default_rng(0).normal(0, 3, (height, width, 3))
    colour = np.array([200.0, 160.0, 120.0])
    return (12 + noise + colour * np.asarray(light)[..., None]).clip(0, 255).astype(np.uint8)


def write(path: Path, picture: Picture) -> Path:
    Image.fromarray(picture).save(path)
    return path


def places(picture: Picture, images: Picture) -> list[tuple[int, int]]:
    """Top and left of cut-outs that must be whole parts of a picture."""
    # numpy's stubs forget that several axes may slide
    windows = np.lib.stride_tricks.sliding_window_view(picture, (SIZE, SIZE), axis=(0, 1))  # type: ignore[call-overload]
    corners = [np.argwhere((windows[..., 0, 0] == image[:, 0, 0]).all(axis=2)) for image in images]
    found = [
        [place for place in likely if (windows[tuple(place)] == image).all()]
        for image, likely in zip(images, corners, strict=True)
    ]
    assert all(len(where) == 1 for where in found)
    return [(int(top), int(left)) for ((top, left),) in found]


def share_a_pixel(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] - other[0]) < SIZE and abs(one[1] - other[1]) < SIZE


def test_every_source_gives_one_cut_out_with_its_centre_in_the_middle(cache: Path, tmp_path: Path) -> None:
    centres = [(20.5, 30.5), (40.5, 100.5), (60.5, 50.5)]
    picture = sky_with(*centres)
    made = prepare(settings(write(tmp_path / "sky.png", picture), split="none"))
    images = made.splits["train"]
    assert places(picture, images.images) == [(row - 7.5, column - 7.5) for row, column in centres]
    assert images.class_names == ("galaxies",)
    assert made.splits["held_out"].checksum == images.checksum


def test_centroids_of_sources_are_found_within_a_fraction_of_a_pixel() -> None:
    wanted = [(20.2, 30.7), (41.0, 100.4), (60.6, 50.0)]
    found = find_sources(sky_with(*wanted).mean(axis=-1))
    np.testing.assert_allclose(found.centres, wanted, atol=0.2)


def test_a_turned_sky_has_the_turned_sources() -> None:
    brightness = sky_with((20.2, 30.7), (41, 100.4), (60.6, 50)).mean(axis=-1)
    whole, turned = find_sources(brightness), find_sources(np.rot90(brightness))
    expected = np.stack([brightness.shape[1] - 1 - whole.centres[:, 1], whole.centres[:, 0]], axis=1)
    np.testing.assert_allclose(sorted(turned.centres.tolist()), sorted(expected.tolist()), atol=1e-9)
    assert turned.smaller == whole.smaller


def test_noise_alone_has_no_sources_and_dots_are_counted_as_too_small() -> None:
    noise = np.random.default_rng(1).normal(20, 5, (200, 200))
    assert len(find_sources(noise).centres) == find_sources(noise).smaller == 0
    dotted = noise.copy()
    dotted[50:53, 50:53] = dotted[120:123, 150:153] = 250
    found = find_sources(dotted)
    assert (len(found.centres), found.smaller) == (0, 2)


def test_sources_that_reach_over_the_border_are_left_out_and_counted(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "sky.png", sky_with((40, 80), (5, 40), (76, 120), (40, 3)))
    made = prepare(settings(path, split="none"))
    assert len(made.splits["train"]) == 1
    assert "each of 1 sources" in made.manifest["rule"]
    assert "3 too near the border" in made.manifest["rule"]


@pytest.mark.parametrize("split", ["auto", "right"])
def test_the_right_is_held_out_and_what_reaches_over_is_left_out(cache: Path, tmp_path: Path, split: str) -> None:
    # The border is at column 120: the third source's cut-out reaches into that of the fourth.
    picture = sky_with((20, 30), (60, 70), (40, 112), (40, 126), (15, 112), spread=1.8)
    made = prepare(settings(write(tmp_path / "sky.png", picture), split=split, held_out=0.25))
    train, held_out = (places(picture, made.splits[part].images) for part in ("train", "held_out"))
    assert [left + SIZE // 2 for _, left in held_out] == pytest.approx([126], abs=1)
    assert sorted(left + SIZE // 2 for _, left in train) == pytest.approx([30, 70, 112], abs=1)
    assert "and 1 that overlap them left out" in made.manifest["rule"]
    assert prepare(settings(tmp_path / "sky.png", split="right", held_out=0.25, seed=9)).folder == made.folder


def test_random_splits_are_seeded_and_share_no_pixel(cache: Path, tmp_path: Path) -> None:
    grid = [(row, column) for row in (15, 28, 41, 54, 67) for column in range(15, 150, 13)]
    picture = sky_with(*grid, spread=1.8, width=400, height=300)
    path = write(tmp_path / "sky.png", picture)
    divisions = []
    for seed in (0, 1):
        made = prepare(settings(path, split="random", seed=seed))
        train, held_out = (places(picture, made.splits[part].images) for part in ("train", "held_out"))
        assert len(held_out) == 11  # a fifth of 55
        assert not any(share_a_pixel(one, other) for one in train for other in held_out)
        assert 0 < len(train) < 44
        assert f"and {44 - len(train)} that overlap them left out" in made.manifest["rule"]
        divisions.append(held_out)
    assert divisions[0] != divisions[1]


def test_the_bundled_photograph_has_hundreds_and_is_read_the_same_twice(cache: Path) -> None:
    asked = settings(size=0)
    made = prepare(asked)
    assert [images.image_shape for images in made.splits.values()] == [(3, 32, 32)] * 2
    train, held_out = (len(images) for images in made.splits.values())
    assert train > 200
    assert held_out > 40
    assert made.manifest["originals"]["sha256"].keys() == {"hubble_deep_field.jpg"}
    again = plan_galaxies(find_galaxies(asked), asked)
    np.testing.assert_array_equal(again.pieces["train"][0].load()[0][:], made.splits["train"].images)
    assert (survey(asked).train, survey(asked).held_out) == (train, held_out)
    centre, edge = made.splits["train"].images[..., 14:18, 14:18], made.splits["train"].images[..., 0, :]
    assert centre.mean() > 3 * edge.mean()


def test_gray_photographs_give_one_channel(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "sky.png", sky_with((40, 40), (40, 140))[..., 0])
    assert load(settings(path), "train").image_shape == (1, SIZE, SIZE)


def test_galaxies_in_a_disk_are_black_around_it(cache: Path) -> None:
    whole, disk = load(settings(), "train"), load(settings(disk=True), "train")
    inside = np.hypot(*(np.indices((SIZE, SIZE)) - 7.5)) <= SIZE / 2
    assert disk.images[..., ~inside].max() == 0
    np.testing.assert_array_equal(disk.images[..., inside], whole.images[..., inside])


def test_what_cannot_be_cut_is_refused_in_one_line(cache: Path, tmp_path: Path) -> None:
    blank = write(tmp_path / "blank.png", np.full((64, 64, 3), 12, np.uint8))
    small = write(tmp_path / "small.png", sky_with((6, 6), width=15, height=12))
    left = write(tmp_path / "left.png", sky_with((40, 40)))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    faults = {
        blank: r"no source to cut out \(0 smaller than 50 pixels and 0 too near the border\); bright sources on a dark",
        small: r"15 x 12 pixels; a cut-out needs 16 x 16: lower data\.size",
        left: r"of 1 sources none is for the held_out split .*choose another data\.held_out",
        broken: "not a readable image",
        tmp_path: r'a folder; data\.name = "galaxies" wants one photograph',
        tmp_path / "none.png": "no such file or folder",
    }
    for path, fault in faults.items():
        with pytest.raises(DataError, match=fault) as raised:
            prepare(settings(path))
        assert "\n" not in str(raised.value)
    with pytest.raises(DataError, match="2 are needed"):
        prepare(settings(left, split="random"))
