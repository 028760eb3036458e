"""Training images at an angle of each visit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steergan.data import ImageSet, batch, batch_indices, load, prepare, survey
from steergan.data.rotation import random_angles
from steergan.data.unturned import Unturned
from steergan.errors import DataError
from steergan.recipe.data import DataSettings, Digits, RotMNIST
from tests.data.files import write_amat, write_mnist

SIZE = 8


def unturned(images: ImageSet) -> Unturned:
    assert isinstance(images.unturned, Unturned)
    return images.unturned


@pytest.mark.parametrize("fraction", [1.0, 0.3])
@pytest.mark.parametrize("disk", [False, True])
@pytest.mark.parametrize("source", [Digits, RotMNIST])
def test_an_image_at_its_own_angle_has_the_bits_of_the_prepared_one(
    small_mnist: None, tmp_path: Path, source: type[DataSettings], disk: bool, fraction: float
) -> None:
    path = str(write_mnist(tmp_path / "mnist")) if source is RotMNIST else ""
    settings = source(path=path, turn="fresh", disk=disk, fraction=fraction)
    train, plain = load(settings, "train"), load(settings.model_copy(update={"turn": "once"}), "train")
    rows = np.array([3, 0, len(train) - 1, 3])
    made = unturned(train).turned(rows, unturned(train).rows.angles[rows])
    np.testing.assert_array_equal(made, plain.images[rows])
    assert train.checksum == plain.checksum
    assert plain.unturned is None
    assert load(settings, "held_out").unturned is None


def test_a_visit_decides_about_its_angle_alone() -> None:
    train = load(Digits(turn="fresh"), "train")

    def drawn(seed: int, step: int, update: int) -> torch.Tensor:
        return batch(train, SIZE, seed, step, update)[0]

    whole = drawn(3, 7, 1)
    one_by_one = [batch(train, SIZE, 3, 7, 1, [slice(place, place + 1)])[0] for place in range(SIZE)]
    assert torch.equal(torch.cat(one_by_one), whole)  # whatever images come with it, on whatever process
    assert torch.equal(drawn(3, 7, 1), whole)
    # The same originals at other angles: in another step, update or run nothing is seen again.
    always = replace(train, labels=train.labels[:1], images=train.images[:1])
    places = ((3, 7, 1), (3, 8, 1), (3, 7, 0), (4, 7, 1))
    visits = [batch(always, 1, seed, step, update)[0] for seed, step, update in places]
    assert len({visit.numpy().tobytes() for visit in visits}) == len(visits)


@pytest.mark.parametrize("source", [Digits, RotMNIST])
def test_training_images_lie_in_the_angles_that_are_asked_for(
    small_mnist: None, tmp_path: Path, source: type[DataSettings]
) -> None:
    path = str(write_mnist(tmp_path / "mnist")) if source is RotMNIST else ""
    every, quarter, upright = (source(path=path, angles=degrees) for degrees in (360.0, 90.0, 0.0))
    turned = {settings.angles: load(settings, "train") for settings in (every, quarter, upright)}
    assert len({images.checksum for images in turned.values()}) == len(turned)
    assert {load(one, "held_out").checksum for one in (quarter, upright)} == {load(every, "held_out").checksum}
    fresh = load(quarter.model_copy(update={"turn": "fresh"}), "train")
    rows, count = np.arange(SIZE), len(fresh)
    for degrees in (90.0, 0.0):
        angles = random_angles(count, 0, "data/angles/train", degrees=degrees)[rows]
        np.testing.assert_array_equal(unturned(fresh).turned(rows, angles), turned[degrees].images[rows])
    drawn, chosen = batch(fresh, SIZE, 0, 5, 0)[0].numpy(), batch_indices(count, SIZE, 0, 5, 0)
    visits = random_angles(SIZE, 0, "batch/0/angles", 5, degrees=90)
    np.testing.assert_array_equal(drawn, unturned(fresh).turned(chosen, visits))


def test_a_batch_holds_its_originals_at_their_angles() -> None:
    train = load(Digits(turn="fresh"), "train")
    chosen = batch_indices(len(train), SIZE, 0, 5, 0)
    image, y = batch(train, SIZE, 0, 5, 0)
    angles = random_angles(SIZE, 0, "batch/0/angles", 5)
    np.testing.assert_array_equal(image.numpy(), unturned(train).turned(chosen, angles))
    np.testing.assert_array_equal(y.numpy(), train.labels[chosen])


def test_originals_that_are_turned_or_gone_are_refused_in_one_line(
    small_mnist: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = 'take digits, or rotmnist with MNIST\'s four files, or set it to "once"$'
    official = tmp_path / "official"
    for part, count in (("train_valid", 100), ("test", 140)):
        write_amat(official / f"mnist_all_rotation_normalized_float_{part}.amat", count, count)
    prepare(RotMNIST(path=str(official)))
    settings = RotMNIST(path=str(official), turn="fresh")
    for ask in (prepare, survey):
        with pytest.raises(DataError, match=f"^rotmnist: .* and those in {official} are turned already; {wanted}"):
            ask(settings)
    for ask in (prepare, survey):
        with pytest.raises(DataError, match=f"^rotmnist: data.angles = 90 needs .* in {official} are turned already; "):
            ask(RotMNIST(path=str(official), angles=90.0))
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path / "nothing"))
    for ask in (prepare, survey):
        with pytest.raises(DataError, match=rf"^rotmnist: .* and none are in STEERGAN_DATA \(.*nothing\); {wanted}"):
            ask(RotMNIST(turn="fresh"))
