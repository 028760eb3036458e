"""`--other`: numbers, maps, labels and files for two images, and what is refused."""

from pathlib import Path

import click
import numpy as np
import pytest
import torch

from steergan.symmetry import gspace, trivial_type
from steergan_cli.other_inputs import others_of


def test_each_form_is_values_of_two_images_behind_the_inputs_that_have_a_type(tmp_path: Path) -> None:
    image = trivial_type(gspace("C4"), 1)
    np.save(tmp_path / "two.npy", np.array([[0.5], [2.0]]))
    words = ["3", "2x5x7", "labels:4", str(tmp_path / "two.npy")]
    numbers, shade, label, values = others_of(words, image)
    assert (numbers.shape, shade.shape, label.shape) == ((2, 3), (2, 2, 5, 7), (2,))
    assert label.dtype == torch.int64
    assert 0 <= int(label.min()) <= int(label.max()) < 4
    assert values.tolist() == [[0.5], [2.0]]
    assert values.dtype == torch.float32
    assert torch.equal(others_of(words, None)[0], numbers)  # drawn by one seed
    assert others_of(["3"], (image, image, image))[:2] == (None, None)
    assert others_of([], (image, image)) == ()


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("0", "'0' came; wanted: 10 (numbers"),
        ("3x5", "'3x5' came; wanted"),
        ("labels:0", "'labels:0' came"),
        ("missing.npy", "missing.npy: [Errno 2]"),
        ("three.npy", "holds values of shape (3, 1); those of 2 images were wanted"),
        ("objects.npy", "an array of numbers, saved by numpy, was wanted"),
    ],
)
def test_what_means_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("three.npy", np.zeros((3, 1)))
    np.save("objects.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(click.BadParameter) as refused:
        others_of([word], None)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
