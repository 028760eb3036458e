import os
from pathlib import Path

import numpy as np
import pytest
import torchvision

from steergan.data import ImageSet, load, originals_found, prepare
from steergan.data.mnist import read_labelled
from steergan.data.rotation import random_angles, rotate
from steergan.data.rotmnist import download_mnist
from steergan.errors import DataError
from steergan.recipe.data import RotMNIST
from tests.data.files import write_amat, write_mnist

SETTINGS = RotMNIST()
AMAT = "mnist_all_rotation_normalized_float_{}.amat"


def both(settings: RotMNIST) -> tuple[ImageSet, ImageSet]:
    return load(settings, "train"), load(settings, "held_out")


@pytest.mark.parametrize("folder", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files_are_found_in_their_spellings(
    small_mnist: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, separator: str, zipped: bool
) -> None:
    write_mnist(tmp_path / "data" / folder, separator=separator, zipped=zipped)
    monkeypatch.setenv("STEERGAN_DATA", os.pathsep.join([str(tmp_path / "none"), str(tmp_path / "data")]))
    plain = SETTINGS.model_copy(update={"path": str(write_mnist(tmp_path / "plain"))})
    for found, expected, count in zip(both(SETTINGS), both(plain), (100, 140), strict=True):
        assert len(found) == count
        assert found.checksum == expected.checksum


def test_protocol_takes_each_digit_once_and_turns_it(small_mnist: None, tmp_path: Path) -> None:
    """Every prepared image is one original at its angle; none is in both splits."""
    folder = write_mnist(tmp_path / "mnist")
    files = [folder / f"{part}-ubyte" for part in ("train-images-idx3", "train-labels-idx1")]
    tests = [folder / f"{part}-ubyte" for part in ("t10k-images-idx3", "t10k-labels-idx1")]
    (first, its_labels), (second, their_labels) = read_labelled(*files), read_labelled(*tests)
    images, labels = np.concatenate([first, second]), np.concatenate([its_labels, their_labels])
    used: list[int] = []
    settings = SETTINGS.model_copy(update={"path": str(folder), "seed": 3})
    for split, prepared in zip(("train", "held_out"), both(settings), strict=True):
        for k, angle in enumerate(random_angles(len(prepared), 3, f"data/angles/{split}")):
            turned = rotate(images, np.full(len(images), angle))
            match = np.flatnonzero((turned == prepared.images[k, 0]).all(axis=(1, 2)))
            assert len(match) == 1
            assert labels[match[0]] == prepared.labels[k]
            used.append(int(match[0]))
    assert len(used) == len(set(used)) == 240


def test_angles_and_split_follow_the_seed(small_mnist: None, tmp_path: Path) -> None:
    path = str(write_mnist(tmp_path / "mnist"))
    checksums = [load(RotMNIST(path=path, seed=seed), "train").checksum for seed in (0, 1, 0)]
    assert checksums[0] == checksums[2] != checksums[1]


def test_official_files_are_kept_as_they_are_and_come_first(
    small_mnist: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(tmp_path / "a")
    train = write_amat(tmp_path / "b" / AMAT.format("train_valid"), 100, 7)
    held_out = write_amat(tmp_path / "b" / AMAT.format("test"), 140, 8)
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path))
    for (images, labels), loaded in zip((train, held_out), both(SETTINGS), strict=True):
        np.testing.assert_array_equal(loaded.images[:, 0], images)
        np.testing.assert_array_equal(loaded.labels, labels)
    assert [found.originals.kind for found in originals_found()] == ["amat", "idx"]


def test_fractions_are_nested_parts_of_the_training_split(small_mnist: None, tmp_path: Path) -> None:
    path = str(write_mnist(tmp_path / "mnist"))
    parts = [RotMNIST(path=path, fraction=f) for f in (0.1, 0.33, 0.66, 1.0)]
    seen: set[bytes] = set()
    for settings, count in zip(parts, (10, 33, 66, 100), strict=True):
        images = {image.tobytes() for image in load(settings, "train").images}
        assert len(images) == count
        assert seen < images
        seen = images
        assert len(load(settings, "held_out")) == 140


def test_missing_originals_say_what_to_do(cache: Path) -> None:
    with pytest.raises(DataError, match=r"no originals in STEERGAN_DATA \(not set\)") as caught:
        load(SETTINGS, "train")
    assert "steergan data prepare rotmnist --download" in str(caught.value)
    assert "set STEERGAN_DATA to it" in str(caught.value)


def test_a_missing_file_is_named(small_mnist: None, tmp_path: Path) -> None:
    path = write_mnist(tmp_path / "mnist")
    (path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is missing"):
        load(RotMNIST(path=str(path)), "train")


def test_files_that_are_not_mnist_are_refused(small_mnist: None, tmp_path: Path) -> None:
    path = str(write_mnist(tmp_path / "mnist", train=190))
    with pytest.raises(DataError, match="240 images together with t10k-images-idx3-ubyte; MNIST has 250"):
        load(RotMNIST(path=path), "train")


def test_wrong_path_is_refused(cache: Path) -> None:
    with pytest.raises(DataError, match=r"data\.path = '/no/such/folder': no such file or folder"):
        load(RotMNIST(path="/no/such/folder"), "train")


def test_nothing_is_downloaded_unasked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("downloaded")

    monkeypatch.setattr(torchvision.datasets, "MNIST", refuse)
    with pytest.raises(DataError):
        load(SETTINGS, "train")


def test_download_is_found_afterwards(small_mnist: None, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(root: str, *, train: bool, download: bool) -> None:
        assert download
        write_mnist(Path(root, "MNIST", "raw"))

    monkeypatch.setattr(torchvision.datasets, "MNIST", fetch)
    assert download_mnist() == cache / "originals"
    assert len(load(SETTINGS, "train")) == 100


@pytest.mark.parametrize("error", [RuntimeError("File not found or corrupted."), OSError("no route to host")])
def test_failed_download_says_what_to_do_offline(
    cache: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(torchvision.datasets, "MNIST", fail)
    with pytest.raises(DataError, match=rf"could not be downloaded.*{error}.*set STEERGAN_DATA to it"):
        download_mnist()


def test_a_prepared_set_serves_without_its_originals(small_mnist: None, tmp_path: Path) -> None:
    path = write_mnist(tmp_path / "mnist")
    checksum = load(RotMNIST(path=str(path)), "train").checksum
    for file in path.iterdir():
        file.unlink()
    assert load(SETTINGS, "train").checksum == checksum
    with pytest.raises(DataError, match="no originals"):
        load(RotMNIST(seed=1), "train")


@pytest.mark.skipif("STEERGAN_DATA" not in os.environ, reason="STEERGAN_DATA names no folder with MNIST's files")
def test_real_mnist_gives_12000_and_50000_digits_of_the_right_classes() -> None:
    train, held_out = both(SETTINGS)
    assert (len(train), len(held_out)) == (12_000, 50_000)
    assert len({image.tobytes() for image in train.images} & {image.tobytes() for image in held_out.images}) == 0
    pooled = np.bincount(np.concatenate([train.labels, held_out.labels]))
    # MNIST's own class counts; 62,000 of the 70,000 are drawn: that share of each class, to 5 standard deviations.
    mnist = np.array([6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958])
    assert np.abs(pooled - mnist * 62 / 70).max() < 5 * 27
    zeros, ones = (train.images[train.labels == label, 0] for label in (0, 1))
    assert zeros[:, 12:16, 12:16].mean() < 60 < 120 < ones[:, 12:16, 12:16].mean()
    again = prepare(SETTINGS)
    assert again.splits["train"].checksum == train.checksum
    assert isinstance(again.splits["train"].images.base, np.memmap)
