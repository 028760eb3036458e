"""Torchvision backbones: weights that fit or are refused, features, files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from steergan.errors import DataError, RecipeError
from steergan.metrics import (
    Backbone,
    BackboneExtractor,
    Protocol,
    build_backbone,
    choose_extractor,
    classifier_bytes,
    extract,
    label_agreement,
    measure,
    prepare_reference,
    read_classifier,
    read_network,
    weights_sha256,
)
from tests.metrics.drawn import labelled, shades


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict as torchvision saves it, 1,000 classes."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(resnet18().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def backbone(pretrained: Path) -> Backbone:
    return build_backbone("resnet18", 2, side=32, weights=pretrained).eval()


def test_everything_but_the_head_comes_from_the_file(backbone: Backbone, pretrained: Path) -> None:
    own, file = backbone.network.state_dict(), torch.load(pretrained)
    assert all(torch.equal(own[key], file[key]) for key in own if not key.startswith("fc."))
    assert own["fc.weight"].shape == (2, 512)


def test_features_are_what_the_last_layer_takes(backbone: Backbone) -> None:
    images = torch.from_numpy(shades(3)[0])
    plain = backbone.network
    assert isinstance(plain, nn.Module)
    body = nn.Sequential(*list(plain.children())[:-1], nn.Flatten())
    image = (backbone.resized(images) - backbone.mean) / backbone.deviation
    with torch.no_grad():
        features = BackboneExtractor("mine", backbone).__call__(images).invariant
        torch.testing.assert_close(features, body(image))
        logits = backbone(images.float() / 127.5 - 1)
        torch.testing.assert_close(backbone.head(features), logits)
    assert (backbone.length, features.shape) == (512, (3, 512))


def test_inception_gives_2048_features_of_pixels_between_minus_one_and_one() -> None:
    inception = build_backbone("inception_v3", 3, side=75).eval()
    assert inception.length == 2048
    assert inception.architecture.side == 75
    assert inception.mean.unique().tolist() == inception.deviation.unique().tolist() == [0.5]


def test_sides_are_the_designs() -> None:
    assert Backbone("resnet18", 2).architecture.side == 224


def test_seed_names_the_random_weights_and_torch_keeps_its_own() -> None:
    before = torch.get_rng_state()
    hashes = [weights_sha256(build_backbone("resnet18", 2, side=32, seed=seed)) for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert torch.equal(before, torch.get_rng_state())


def test_weights_of_another_network_are_refused(tmp_path: Path, pretrained: Path) -> None:
    with pytest.raises(DataError, match=r"not the weights of torchvision's resnet34 .* does not fit"):
        build_backbone("resnet34", 2, side=32, weights=pretrained)
    wrong = torch.load(pretrained)
    wrong["conv1.weight"] = wrong["conv1.weight"][:, :1]
    torch.save(wrong, tmp_path / "gray.pth")
    with pytest.raises(DataError, match=r"\(conv1.weight does not fit\)"):
        build_backbone("resnet18", 2, side=32, weights=tmp_path / "gray.pth")


def test_files_without_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "half.pth").write_bytes(b"half a download")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, said in (
        ("half.pth", "no weights can be read"),
        ("list.pth", "no state dict"),
        ("none.pth", "cannot be"),
    ):
        with pytest.raises(DataError, match=said):
            build_backbone("resnet18", 2, side=32, weights=tmp_path / name)


@pytest.mark.parametrize(
    ("name", "side", "said"),
    [
        ("resnet19", 32, "torchvision has no such classifier"),
        ("squeezenet1_1", 64, "no linear layer"),
        ("inception_v3", 32, "32 pixels a side are too few"),
    ],
)
def test_networks_that_cannot_serve_are_refused(name: str, side: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Backbone(name, 2, side)


def test_saved_backbone_is_an_extractor_and_no_p4_cnn(backbone: Backbone, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(classifier_bytes(backbone, {"class_names": '["dark", "bright"]'}))
    found = choose_extractor(str(path), (3, 16, 16))
    assert isinstance(found, BackboneExtractor)
    assert (found.name, found.sha256, found.class_names) == ("mine", weights_sha256(backbone), ("dark", "bright"))
    images = torch.from_numpy(shades(2)[0])
    torch.testing.assert_close(found(images).invariant, BackboneExtractor("mine", backbone)(images).invariant)
    assert isinstance(read_network(path), Backbone)
    with pytest.raises(DataError, match="holds a resnet18, not a p4-CNN"):
        read_classifier(path)
    with pytest.raises(RecipeError, match="images of 2 channels; 1 or 3 were wanted"):
        choose_extractor(str(path), (2, 16, 16))


def test_label_agreement_needs_no_second_pass(backbone: Backbone) -> None:
    images, labels = shades(20)
    extractor = BackboneExtractor("mine", backbone)
    both = labelled(images, labels)
    found = prepare_reference(extractor, both, both, Protocol(count=20), classifier=backbone)
    assert found.label_agreement == label_agreement(backbone, images, labels)
    result = measure(found, images, labels)
    assert result.label_agreement == found.label_agreement
    assert result.distances.frechet_invariant is None  # 20 images, 512 features


def test_gray_images_are_taken(backbone: Backbone) -> None:
    gray = shades(2)[0][:, :1]
    found = extract(BackboneExtractor("mine", backbone), gray)
    expected = extract(BackboneExtractor("mine", backbone), gray.repeat(3, axis=1))
    np.testing.assert_allclose(found.invariant, expected.invariant, rtol=1e-5)
