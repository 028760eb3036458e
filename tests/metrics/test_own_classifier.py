"""A run's own classifier: trained once for its images, and kept."""

from pathlib import Path

import numpy as np
import pytest

from steergan.errors import DataError
from steergan.metrics import ClassifierTraining, own_classifier, read_class_names, weights_sha256
from steergan.metrics.own_classifier import is_kept
from tests.metrics.drawn import labelled, noise, shades

SHORT = ClassifierTraining(widths=(2, 2), features=3, updates=(2, 2))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it will lie; its training is short."""
    monkeypatch.setattr("steergan.metrics.classifier_training.ClassifierTraining", lambda: SHORT)
    return tmp_path / "classifier.safetensors"


def test_it_is_trained_once_and_kept_with_its_classes(file: Path) -> None:
    images, seen = labelled(*shades(12), checksum="ab12"), list[tuple[int, int]]()

    def hear(done: int, total: int) -> None:
        seen.append((done, total))

    assert not is_kept(images, file)
    first = own_classifier(images, file, seed=0, progress=hear)
    assert seen == [(1, 2), (2, 2)]
    assert is_kept(images, file)
    assert read_class_names(file) == ("class-0", "class-1")
    again = own_classifier(images, file, seed=0, progress=hear)
    assert len(seen) == 2
    assert weights_sha256(first) == weights_sha256(again)


def test_one_of_other_images_is_replaced(file: Path) -> None:
    images, labels = shades(12)
    own_classifier(labelled(images, labels, "ab12"), file, seed=0)
    others = labelled(images, labels, "cd34")
    assert not is_kept(others, file)
    own_classifier(others, file, seed=0)
    assert is_kept(others, file)


def test_of_one_class_it_is_untrained_and_named_by_the_seed(tmp_path: Path) -> None:
    images, heard = labelled(noise(0, 9), checksum="ab12"), list[int]()
    hashes = [
        weights_sha256(
            own_classifier(
                images, tmp_path / f"{k}.safetensors", seed=seed, progress=lambda done, total: heard.append(done)
            )
        )
        for k, seed in enumerate((0, 0, 1))
    ]
    assert heard == []
    assert hashes[0] == hashes[1] != hashes[2]


def test_damaged_files_are_not_trained_over(file: Path) -> None:
    file.write_bytes(b"half")
    with pytest.raises(DataError, match="not a whole"):
        own_classifier(labelled(noise(0, 9), np.arange(9) % 2, "ab12"), file, seed=0)
