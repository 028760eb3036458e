"""Training is a function of its arguments, learns, and refuses what cannot be learned from."""

import numpy as np
import pytest
import torch

from steergan.data import load
from steergan.data.digits import COPIES
from steergan.errors import DataError, RunError
from steergan.metrics import ClassifierTraining, label_agreement, train_classifier, weights_sha256
from steergan.metrics.classifier_training import rotated, shuffled, turned
from steergan.recipe.data import Digits
from tests.metrics.drawn import Labels, Pixels

SHORT = ClassifierTraining(widths=(2, 2), features=3, updates=(3, 3), batch_size=8)


def stripes(count: int = 40) -> tuple[Pixels, Labels]:
    """Uniform images, dark or bright, with a little noise."""
    labels = np.arange(count) % 2
    noise = np.random.default_rng(0).integers(0, 60, size=(count, 1, 8, 8))
    return (noise + 180 * labels[:, None, None, None]).astype(np.uint8), labels


def test_rotated_digits_are_recognised_after_seconds() -> None:
    settings = Digits()
    train_set, held_out = load(settings, "train"), load(settings, "held_out")
    classifier = train_classifier(
        train_set.images, train_set.labels, classes=10, settings=ClassifierTraining(updates=(100, 100))
    )
    each = slice(None, None, COPIES)  # one copy of each digit
    assert label_agreement(classifier, held_out.images[each], held_out.labels[each]) > 0.92


def test_seed_decides_the_weights_and_global_randomness_does_not() -> None:
    images, labels = stripes()
    hashes = []
    for seed, disturbance in ((0, 0), (0, 1), (1, 0)):
        torch.manual_seed(disturbance)
        hashes.append(weights_sha256(train_classifier(images, labels, classes=2, settings=SHORT, seed=seed)))
    assert hashes[0] == hashes[1] != hashes[2]


def test_training_does_not_move_the_global_random_stream() -> None:
    before = torch.get_rng_state()
    train_classifier(*stripes(), classes=2, settings=SHORT)
    assert torch.equal(torch.get_rng_state(), before)


def test_classifier_comes_back_in_evaluation_mode_with_as_many_classes_as_asked() -> None:
    images, labels = stripes()
    classifier = train_classifier(images, labels, classes=5, settings=SHORT)
    assert not any(module.training for module in classifier.modules())
    assert classifier.architecture.classes == classifier.head.out_features == 5


def test_progress_reports_every_update() -> None:
    seen: list[tuple[int, int]] = []
    train_classifier(*stripes(), classes=2, settings=SHORT, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_epochs_count_within_the_fewest_and_most_updates() -> None:
    settings = ClassifierTraining(epochs=2, updates=(30, 100), batch_size=10)
    assert [settings.updates_for(count) for count in (20, 300, 301, 9000)] == [30, 60, 61, 100]


def test_every_epoch_is_an_order_of_its_own_of_all_rows() -> None:
    batches = list(shuffled(count=12, batch_size=4, updates=6, seed=0))
    epochs = [np.concatenate(batches[:3]), np.concatenate(batches[3:])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(12))] * 2
    assert epochs[0].tolist() != epochs[1].tolist()


def test_small_sets_make_whole_batches() -> None:
    assert [len(rows) for rows in shuffled(count=5, batch_size=64, updates=3, seed=0)] == [5, 5, 5]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turns_by_quarters_are_exact_on_squares(quarters: int) -> None:
    image = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0)).double()
    found = turned(image, [quarters * torch.pi / 2] * 2)
    torch.testing.assert_close(found, torch.rot90(image, quarters, (2, 3)), rtol=0, atol=1e-6)


def test_turn_keeps_distances_on_a_rectangle() -> None:
    image = torch.zeros(1, 1, 21, 41).double()
    image[0, 0, 10, 26] = 1  # six pixels to the right of the centre
    found = turned(image, [torch.pi / 2])
    assert found[0, 0].argmax().item() == 4 * 41 + 20  # six above it


def test_every_image_is_turned_by_an_angle_of_its_own_that_the_update_decides() -> None:
    image = torch.rand(1, 1, 9, 9).double().expand(3, -1, -1, -1)
    first = rotated(image, seed=0, update=4)
    assert (first[0] - first[1]).abs().max() > 0.1
    assert torch.equal(first, rotated(image, seed=0, update=4))
    assert not torch.equal(first, rotated(image, seed=0, update=5))


def test_rotation_leaves_a_uniform_image_as_it_is() -> None:
    image = torch.full((4, 1, 8, 8), 0.3)
    torch.testing.assert_close(rotated(image, 0, 0), image)


@pytest.mark.parametrize(("images", "labels"), [(1, 1), (5, 4), (0, 0)])
def test_images_without_labels_are_refused(images: int, labels: int) -> None:
    with pytest.raises(DataError, match=f"{images} images with {labels} labels"):
        train_classifier(np.zeros((images, 1, 8, 8), np.uint8), np.zeros(labels, np.int64), classes=2)


@pytest.mark.parametrize("label", [-1, 2])
def test_labels_beyond_the_classes_are_refused(label: int) -> None:
    images, labels = stripes()
    labels[7] = label
    with pytest.raises(DataError, match="2 classes have 0 to 1"):
        train_classifier(images, labels, classes=2)


def test_loss_that_is_not_finite_stops_the_training() -> None:
    settings = ClassifierTraining(widths=(2, 2), features=3, updates=(20, 20), batch_size=8, peak_rate=1e38)
    with pytest.raises(RunError, match=r"the loss is (nan|inf) at update"):
        train_classifier(*stripes(), classes=2, settings=settings)
