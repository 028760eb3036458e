"""Which extractor a name means, with and without an Inception network on the machine."""

from pathlib import Path

import pytest
import torch

from steergan.errors import DataError, RecipeError
from steergan.metrics import ClassifierExtractor, choose_extractor, classifier_bytes, weights_sha256
from steergan.networks.classifier import Classifier


class FakeInception:
    """Stands in for the network, which no test can have."""

    name = "inception-2015-12-05"

    def __init__(self, path: Path, device: str | torch.device, resize: str) -> None:
        self.path, self.device, self.resize = path, device, resize


@pytest.fixture
def no_inception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steergan.metrics.choice.find_inception", lambda: None)


@pytest.fixture
def inception(monkeypatch: pytest.MonkeyPatch, no_inception: None) -> Path:
    monkeypatch.setattr("steergan.metrics.choice.find_inception", lambda: Path("found.pt"))
    monkeypatch.setattr("steergan.metrics.choice.InceptionExtractor", FakeInception)
    return Path("found.pt")


def test_auto_is_the_shipped_network_on_rotated_mnist(inception: Path) -> None:
    found = choose_extractor("auto", (1, 28, 28), data="rotmnist")
    assert found.name == "rotmnist-p4cnn"
    assert found.sha256 == choose_extractor("rotmnist", (1, 28, 28)).sha256


def test_auto_is_inception_on_other_images_where_it_is_found(inception: Path) -> None:
    found = choose_extractor("auto", (3, 64, 64), train_classifier=pytest.fail, resize="tf")
    assert isinstance(found, FakeInception)
    assert (found.path, found.resize) == (inception, "tf")


def test_auto_is_a_classifier_of_the_run_without_inception(no_inception: None, classifier: Classifier) -> None:
    calls: list[int] = []

    def train() -> Classifier:
        calls.append(1)
        return classifier

    found = choose_extractor("auto", (3, 12, 12), train_classifier=train)
    assert isinstance(found, ClassifierExtractor)
    assert found.classifier is classifier
    assert (found.name, found.sha256, calls) == ("classifier", weights_sha256(classifier), [1])


def test_auto_is_a_classifier_for_channels_that_inception_cannot_take(inception: Path, classifier: Classifier) -> None:
    assert choose_extractor("auto", (4, 12, 12), train_classifier=lambda: classifier).name == "classifier"


def test_file_is_read_and_named_after_itself(tmp_path: Path, classifier: Classifier) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(classifier_bytes(classifier, {}))
    found = choose_extractor(str(path), (3, 12, 12))
    assert (found.name, found.sha256) == ("mine", weights_sha256(classifier))
    assert isinstance(found, ClassifierExtractor)
    assert found.class_names is None


def test_extractor_of_a_file_knows_the_classes_of_its_labels(tmp_path: Path, classifier: Classifier) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(classifier_bytes(classifier, {"class_names": '["ant", "bee", "cat", "dog"]'}))
    found = choose_extractor(str(path), (3, 12, 12))
    assert isinstance(found, ClassifierExtractor)
    assert found.class_names == ("ant", "bee", "cat", "dog")


def test_weights_for_images_of_another_shape_are_refused(tmp_path: Path, classifier: Classifier) -> None:
    with pytest.raises(RecipeError, match="takes images of 1 x 28 x 28, these are 1 x 16 x 16"):
        choose_extractor("rotmnist", (1, 16, 16))
    path = tmp_path / "mine.safetensors"
    path.write_bytes(classifier_bytes(classifier, {}))
    with pytest.raises(RecipeError, match="takes images of 3 x 12 x 12, these are 3 x 13 x 12"):
        choose_extractor(str(path), (3, 13, 12))


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        RecipeError, match="wanted one of auto, rotmnist, digits, inception, classifier, scattering, or a"
    ):
        choose_extractor("vgg", (3, 12, 12))


def test_inception_that_is_not_found_is_refused_with_what_to_do(no_inception: None) -> None:
    with pytest.raises(RecipeError, match="no file with the network was found; put inception-2015-12-05"):
        choose_extractor("inception", (3, 64, 64))


def test_inception_for_two_channels_is_refused(inception: Path) -> None:
    with pytest.raises(RecipeError, match="images of 2 channels came, 1 or 3 were wanted"):
        choose_extractor("inception", (2, 64, 64))


def test_classifier_that_nobody_can_train_is_refused() -> None:
    with pytest.raises(RecipeError, match="no images to train one on"):
        choose_extractor("classifier", (3, 12, 12))


@pytest.mark.parametrize("name", ["auto", "scattering"])
def test_without_inception_and_classes_textures_are_compared(no_inception: None, name: str) -> None:
    assert choose_extractor(name, (3, 12, 12)).name == "scattering"


def test_a_classifier_of_a_single_class_is_called_untrained() -> None:
    made = Classifier("C4", 1, (1, 12, 12), (2, 2), 3)
    assert choose_extractor("classifier", (1, 12, 12), train_classifier=lambda: made).name == "untrained classifier"


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        choose_extractor(str(tmp_path / "none.safetensors"), (3, 12, 12))


def test_inception_may_be_named_by_its_file(inception: Path, tmp_path: Path) -> None:
    found = choose_extractor(str(tmp_path / "inception-2015-12-05.pt"), (3, 64, 64))
    assert isinstance(found, FakeInception)
    assert found.path == tmp_path / "inception-2015-12-05.pt"


def test_a_file_that_is_not_inception_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"other")
    with pytest.raises(DataError, match="not the 2015 Inception network"):
        choose_extractor(str(tmp_path / "mine.pt"), (3, 64, 64))
