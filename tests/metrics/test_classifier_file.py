"""A classifier survives its file, and a file that is not whole is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from steergan.errors import DataError
from steergan.metrics import classifier_bytes, read_class_names, read_classifier, read_provenance, weights_sha256
from steergan.networks.classifier import Classifier


@pytest.fixture
def path(tmp_path: Path, classifier: Classifier) -> Path:
    file = tmp_path / "own.safetensors"
    file.write_bytes(classifier_bytes(classifier, {"command": "by hand"}))
    return file


def test_classifier_is_the_same_function_after_its_file(path: Path, classifier: Classifier) -> None:
    image = torch.rand(3, 3, 12, 12) * 2 - 1
    read = read_classifier(path)
    assert torch.equal(read(image), classifier(image))
    assert not read.training
    assert weights_sha256(read) == weights_sha256(classifier)


def test_provenance_and_architecture_stand_in_the_file(path: Path, classifier: Classifier) -> None:
    table = read_provenance(path)
    assert table["command"] == "by hand"
    assert table["weights_sha256"] == weights_sha256(classifier)
    assert json.loads(table["architecture"]) == {
        "group": "C4",
        "classes": 4,
        "image_shape": [3, 12, 12],
        "widths": [3, 3, 4, 4],
        "features": 6,
    }


def test_class_names_are_those_of_the_file_or_none(path: Path, classifier: Classifier) -> None:
    assert read_class_names(path) is None
    names = ["ant", "bee", "cat", "dog"]
    path.write_bytes(classifier_bytes(classifier, {"class_names": json.dumps(names)}))
    assert read_class_names(path) == tuple(names)


@pytest.mark.parametrize("names", ['["ant", "bee"]', '"four"', "[1, 2, 3, 4]", "ant, bee, cat, dog"])
def test_class_names_that_are_not_one_for_each_class_are_refused(
    path: Path, classifier: Classifier, names: str
) -> None:
    path.write_bytes(classifier_bytes(classifier, {"class_names": names}))
    with pytest.raises(DataError, match="not one for each class"):
        read_class_names(path)


def test_reading_does_not_move_the_global_random_stream(path: Path) -> None:
    before = torch.get_rng_state()
    read_classifier(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_classifier(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [0, 100, 1000, -1])
def test_truncated_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="not a whole"):
        read_classifier(path)


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a whole"):
        read_classifier(tmp_path)


def test_changed_weight_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="not those that were saved"):
        read_classifier(path)


def test_weights_of_something_else_are_refused(path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(DataError, match="holds no classifier"):
        read_classifier(path)


def test_missing_weight_is_refused(path: Path) -> None:
    table, tensors = read_provenance(path), load_file(path)
    tensors.pop("head.bias")
    save_file(tensors, path, metadata=table)
    with pytest.raises(DataError, match="holds no classifier"):
        read_classifier(path)


def test_file_with_code_inside_is_refused(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(DataError, match="not a whole"):
        read_classifier(path)
