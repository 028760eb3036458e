"""Features that see orientation: filters, extractors before group pooling, a run's own classifier, pixels."""

from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
import torch

from steergan.errors import RecipeError
from steergan.invariance.features import orientation_features, sample_features
from steergan.metrics import shipped_weights
from tests.invariance.textures import SIDE, image_set, saw


def test_filters_see_slope_and_handedness_wherever_they_are() -> None:
    features = orientation_features("filters", (1, SIDE, SIDE))
    images = torch.from_numpy(image_set(saw()).images[:50])
    for change in (images.flip(3), images.rot90(2, (2, 3)), images.rot90(1, (2, 3))):
        before, after = features.compute(images), features.compute(change)
        error = np.sqrt((before.var(axis=0) + after.var(axis=0)) / len(images))
        assert (np.abs(before.mean(axis=0) - after.mean(axis=0)) / error).max() > 8
    np.testing.assert_array_equal(
        features.compute(images), orientation_features("filters", (1, 24, 24)).compute(images)
    )


def test_features_of_a_classifier_are_those_before_group_pooling(tiny_recipe: Path) -> None:
    features = orientation_features(str(tiny_recipe.parent / "features.safetensors"), (1, 8, 8))
    images = torch.from_numpy(np.load(tiny_recipe.parent / "tiny.npz")["images"][:6, None].copy())
    turned = features.compute(images.rot90(1, (2, 3)))
    assert np.abs(features.compute(images) - turned).max() > 1e-3
    assert len(features.sha256) == 64


def test_features_that_do_not_exist_are_refused() -> None:
    with pytest.raises(RecipeError, match="wanted one of"):
        orientation_features("unheard-of", (1, 8, 8))


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("side", [2, 8, 100])
def test_filters_take_images_of_any_size(channels: int, side: int) -> None:
    images = torch.randint(0, 256, (3, channels, side, side), dtype=torch.uint8, generator=torch.Generator())
    features = orientation_features("filters", (channels, side, side)).compute(images)
    assert features.shape[0] == 3
    assert np.isfinite(features).all()


# --- of a run's samples


def test_rotated_mnist_is_seen_by_the_shipped_network(tmp_path: Path) -> None:
    assert sample_features("rotmnist", (1, 28, 28), tmp_path / "none").name == shipped_weights().stem


def test_samples_are_seen_by_the_extractor_of_their_run(tiny_recipe: Path, tmp_path: Path) -> None:
    found = sample_features(str(tiny_recipe.parent / "features.safetensors"), (1, 8, 8), tmp_path / "none")
    assert (found.name, len(found.sha256)) == ("features", 64)


@pytest.mark.parametrize("name", ["inception", "auto", "gone.safetensors"])
def test_extractors_without_a_group_or_file_give_way_to_the_runs_classifier(
    tiny_recipe: Path, tmp_path: Path, name: str
) -> None:
    copyfile(tiny_recipe.parent / "features.safetensors", tmp_path / "classifier.safetensors")
    found = sample_features(name, (1, 8, 8), tmp_path / "classifier.safetensors")
    assert found.name == "classifier"
    assert found.compute(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)).shape == (3, 16)


def test_a_run_that_names_scattering_is_seen_by_it_beside_a_classifier(tiny_recipe: Path, tmp_path: Path) -> None:
    copyfile(tiny_recipe.parent / "features.safetensors", tmp_path / "classifier.safetensors")
    found = sample_features("scattering", (1, 16, 16), tmp_path / "classifier.safetensors")
    assert found.name == "scattering"


def test_pixels_serve_where_there_is_nothing_else(tmp_path: Path) -> None:
    found = sample_features("inception", (1, 8, 8), tmp_path / "none")
    assert (found.name, found.sha256) == ("pixels", "")
    images = torch.arange(2 * 64).to(torch.uint8).view(2, 1, 8, 8)
    np.testing.assert_allclose(found.compute(images), images.flatten(1).numpy() / 127.5 - 1, atol=1e-6)


def test_large_images_are_averaged_to_sixteen_pixels(tmp_path: Path) -> None:
    features = sample_features("classifier", (3, 32, 32), tmp_path / "none")
    assert features.name == "pixels, averaged to 16 x 16"
    images = torch.arange(2 * 3 * 32 * 32).remainder(251).to(torch.uint8).view(2, 3, 32, 32)
    blocks = images.double().view(2, 3, 16, 2, 16, 2).mean(dim=(3, 5)).flatten(1) / 127.5 - 1
    assert features.compute(images) == pytest.approx(blocks.numpy(), abs=1e-6)
