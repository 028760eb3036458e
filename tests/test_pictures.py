"""Pictures of a run: what stands where in a grid, what the curves show, and that files are whole."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from steergan import pictures
from steergan.errors import RunError


def numbered(count: int, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """Images that differ in every pixel, channel and image, as far as 8 bits allow."""
    total = count * channels * height * width
    return (np.arange(total) * 7 % 251).astype(np.uint8).reshape(count, channels, height, width)


@given(
    count=st.integers(1, 7), columns=st.integers(1, 4), channels=st.sampled_from([1, 3]),
    height=st.integers(1, 5), width=st.integers(1, 5), scale=st.integers(1, 3), pad=st.integers(0, 3),
)  # fmt: skip
def test_every_image_stands_in_its_place_on_white(
    count: int, columns: int, channels: int, height: int, width: int, scale: int, pad: int
) -> None:
    images = numbered(count, channels, height, width)
    sheet = np.asarray(pictures.grid(images, columns, scale=scale, pad=pad)).copy()
    sheet = sheet.reshape(*sheet.shape[:2], channels)
    for index, image in enumerate(images):
        top = pad + index // columns * (height * scale + pad)
        left = pad + index % columns * (width * scale + pad)
        tile = sheet[top : top + height * scale, left : left + width * scale]
        np.testing.assert_array_equal(tile[scale - 1 :: scale, ::scale], np.moveaxis(image, 0, 2))
        assert (tile[::scale, ::scale] == tile[scale - 1 :: scale, scale - 1 :: scale]).all()
        tile[:] = 255
    assert (sheet == 255).all()


@pytest.mark.parametrize(("side", "factor"), [(8, 8), (16, 4), (28, 2), (32, 2), (33, 1), (64, 1), (200, 1)])
def test_small_images_are_enlarged_until_a_person_sees_them(side: int, factor: int) -> None:
    assert pictures.grid(numbered(1, 1, side, side), 1, pad=0).size == (side * factor, side * factor)


def test_two_channels_are_averaged() -> None:
    images = np.zeros((1, 2, 4, 4), dtype=np.uint8)
    images[:, 1] = 100
    shown = np.asarray(pictures.grid(images, 1, scale=1, pad=0))
    assert (shown == 50).all()


def test_of_more_channels_the_first_three_are_shown() -> None:
    images = numbered(1, 5, 4, 4)
    shown = np.asarray(pictures.grid(images, 1, scale=1, pad=0))
    np.testing.assert_array_equal(shown, np.moveaxis(images[0, :3], 0, 2))


@pytest.mark.parametrize("channels", [1, 3])
def test_labels_stand_left_of_their_rows_and_leave_the_images_alone(channels: int) -> None:
    images = numbered(6, channels, 32, 32)
    plain = np.asarray(pictures.grid(images, 2))
    labelled = np.asarray(pictures.grid(images, 2, labels=["one", "", "three"]))
    strip, rest = np.split(labelled, [labelled.shape[1] - plain.shape[1]], axis=1)
    np.testing.assert_array_equal(rest, plain)
    dark = (strip < 128).reshape(*strip.shape[:2], -1).any(axis=(1, 2))
    rows = [dark[2 + k * 66 : 2 + k * 66 + 64] for k in range(3)]
    assert [bool(row.any()) for row in rows] == [True, False, True]
    middle = np.flatnonzero(rows[0])
    assert abs((middle[0] + middle[-1]) / 2 - 32) < 8


def test_long_labels_are_cut_to_a_bearable_width() -> None:
    images = numbered(1, 1, 64, 64)
    assert pictures.grid(images, 1, labels=["adenocarcinoma of the colon " * 9]).width < 68 + 250


@pytest.mark.parametrize(
    ("images", "columns", "labels", "message"),
    [
        (np.zeros((1, 1, 4, 4), dtype=np.float32), 1, (), r"images of float32 \(1, 1, 4, 4\) came; uint8"),
        (np.zeros((1, 4, 4), dtype=np.uint8), 1, (), r"uint8 \(N, C, H, W\) with N > 0 was wanted"),
        (np.zeros((0, 1, 4, 4), dtype=np.uint8), 1, (), "N > 0 was wanted"),
        (numbered(2, 1, 4, 4), 0, (), "columns = 0"),
        (numbered(2, 1, 4, 4), 1, ("one",), "1 labels came for 2 rows"),
    ],
)
def test_what_is_no_grid_is_refused(
    images: NDArray[np.uint8], columns: int, labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pictures.grid(images, columns, labels=labels)


def lines(figure: Figure, title: str) -> dict[str, NDArray[np.float64]]:
    """The named lines under a title, as (points, 2)."""
    axes = next(a for a in figure.axes if a.get_title() == title)
    named = {str(line.get_label()): np.array(line.get_xydata()) for line in axes.lines}
    return {name: points for name, points in named.items() if not name.startswith("_")}


STATS = [
    {"step": k, "discriminator_loss": 2.0 - k, "generator_loss": 3.0 + k, "real_score": 0.5, "fake_score": -0.5}
    for k in range(5)
]
METRICS = [{"step": 0, "frechet_distance": 300.0, "label_agreement": 0.1}, {"step": 4, "frechet_distance": 7.0}]


def test_curves_show_the_rows_that_were_recorded() -> None:
    figure = pictures.curves(STATS, METRICS)
    loss = lines(figure, "Loss")
    np.testing.assert_array_equal(loss["discriminator"], [(k, 2.0 - k) for k in range(5)])
    np.testing.assert_array_equal(loss["generator"], [(k, 3.0 + k) for k in range(5)])
    scores = lines(figure, "Discriminator's score, batch mean")
    np.testing.assert_array_equal(scores["real images"][:, 1], [0.5] * 5)
    np.testing.assert_array_equal(scores["generated images"][:, 1], [-0.5] * 5)
    np.testing.assert_array_equal(lines(figure, "Frechet distance")["generated"], [(0, 300.0), (4, 7.0)])
    np.testing.assert_array_equal(lines(figure, "Label agreement")["generated"], [(0, 0.1)])


def test_the_probability_of_augmentation_is_drawn_where_it_adapts() -> None:
    stats = [row | {"augmentation_probability": 0.01 * row["step"]} for row in STATS]
    panel = lines(pictures.curves(stats, METRICS), "Label agreement, and probability of augmentation")
    np.testing.assert_array_equal(panel["probability of augmentation"], [(k, 0.01 * k) for k in range(5)])
    np.testing.assert_array_equal(panel["generated"], [(0, 0.1)])


def test_the_players_are_drawn() -> None:
    players = [{"step": k, "gradient_norm": 0.1 * 2**k, "auc_train": 0.9, "penalty_share": None} for k in (0, 4)]
    figure = pictures.curves(STATS, METRICS, players=players)
    gradient = lines(figure, "Norm of the discriminator's gradient")["at training images"]
    np.testing.assert_allclose(gradient, [(0, 0.1), (4, 1.6)])
    lead = lines(figure, "Probability that real scores above generated")
    assert list(lead) == ["training images"]
    np.testing.assert_array_equal(lead["training images"], [(0, 0.9), (4, 0.9)])


def test_floors_are_drawn_as_lines_to_compare_with() -> None:
    figure = pictures.curves(STATS, METRICS, floor=2.5, real_agreement=0.97)
    np.testing.assert_array_equal(lines(figure, "Frechet distance")["real against real"][:, 1], [2.5, 2.5])
    np.testing.assert_array_equal(lines(figure, "Label agreement")["held-out real images"][:, 1], [0.97, 0.97])


def test_a_panel_without_figures_says_so() -> None:
    figure = pictures.curves(STATS, [])
    said = {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert said["Frechet distance"] == ["not measured yet"]
    assert said["Loss"] == []


def test_a_distance_of_zero_can_be_drawn(tmp_path: Path) -> None:
    pictures.save_png(pictures.curves([], [{"step": 0, "frechet_distance": 0.0}]), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1680, 768)


@given(st.integers(1, 60), st.integers(1, 9))
def test_running_mean_is_the_mean_of_the_neighbourhood(count: int, window: int) -> None:
    value = np.random.default_rng(count).normal(size=count)
    expected = [value[max(0, k - window) : k + window + 1].mean() for k in range(count)]
    np.testing.assert_allclose(pictures.running_mean(value, window), expected, atol=1e-12)


def test_many_points_are_smoothed_below_their_name() -> None:
    stats = [{"step": k, "generator_loss": (-1.0) ** k} for k in range(400)]
    smooth = lines(pictures.curves(stats, []), "Loss")["generator"][20:-20, 1]
    assert np.abs(smooth).max() < 0.1


def test_picture_survives_the_file(tmp_path: Path) -> None:
    picture = pictures.grid(numbered(4, 3, 8, 8), 2)
    pictures.save_png(picture, tmp_path / "new" / "grid.png")
    with Image.open(tmp_path / "new" / "grid.png") as read:
        np.testing.assert_array_equal(np.asarray(read), np.asarray(picture))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["grid.png"]


def test_full_disk_leaves_the_old_picture_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "grid.png"
    pictures.save_png(pictures.grid(numbered(1, 1, 8, 8), 1), target)
    before = target.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        pictures.save_png(pictures.grid(numbered(4, 1, 8, 8), 2), target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


def test_kid_is_drawn_where_there_is_no_frechet_distance() -> None:
    rows = [{"step": k, "frechet_distance": None, "kid": 0.1 - 0.06 * k, "label_agreement": 0.5} for k in range(3)]
    figure = pictures.curves([], rows, floor=0.01)
    np.testing.assert_allclose(lines(figure, "KID")["generated"], [(0, 0.1), (1, 0.04), (2, -0.02)])
    np.testing.assert_array_equal(lines(figure, "KID")["real against real"][:, 1], [0.01, 0.01])


def test_neighbours_stand_above_the_distances_of_every_set() -> None:
    distances = {"samples": [1.0, 2.0, 3.0], "held-out images": [2.0, 2.5]}
    figure = pictures.neighbours(numbered(6, 3, 8, 8), ["1", "2"], distances, 3, "nothing was copied")
    shown, below = figure.axes
    sheet = pictures.grid(numbered(6, 3, 8, 8), 3, labels=["1", "2"])
    np.testing.assert_array_equal(np.asarray(shown.images[0].get_array()), np.asarray(sheet.convert("RGB")))
    assert below.get_title() == "nothing was copied"
    legend = below.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(distances)
    bars = [patch for patch in below.patches if isinstance(patch, Rectangle)]
    assert sum(bar.get_height() for bar in bars) == pytest.approx(2)  # shares of each set


def test_numbers_beside_factors_are_written_as_people_write_them() -> None:
    axes = Figure().subplots()
    axes.plot([0, 1], [0.3, 1.0])
    axes.set_yscale("log")
    pictures.label_factors(axes)
    axes.figure.canvas.draw()
    shown = [tick.get_text() for tick in axes.yaxis.get_ticklabels(which="both") if tick.get_text()]
    assert {"0.1", "0.4", "0.9", "1"} <= set(shown)
    assert not any("e" in text for text in shown)
