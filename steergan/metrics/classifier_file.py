"""A classifier as safetensors that say what they are: weights, architecture and provenance in one small file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from steergan.errors import DataError, reason
from steergan.files import parsed_json, read_plain
from steergan.metrics.backbone import Backbone, backbone_of
from steergan.networks.classifier import Classifier
from steergan.seals import DIGEST, check_seal, sealed_safetensors

SHIPPED = {"rotmnist": "rotmnist-p4cnn.safetensors", "digits": "digits-p4cnn.safetensors"}
"""Files that come with steergan, by the data that they are for."""
"""The p4-CNN that we trained on rotated MNIST; its provenance is inside."""


Network: TypeAlias = Classifier | Backbone
"""What a file may hold; `kind` in its metadata says which."""


def classifier_bytes(classifier: Network, provenance: Mapping[str, str]) -> bytes:
    """The content of a .safetensors file: weights, and as metadata the architecture, their hash and the provenance.

    Args:
        classifier: of either kind.
        provenance: how the classifier came to be; `class_names`, if given, is a JSON list in the order of its labels.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from steergan.metrics import classifier_bytes, read_class_names, read_classifier, weights_sha256
        >>> from steergan.networks.classifier import Classifier
        >>> classifier = Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mine.safetensors"
        ...     _ = path.write_bytes(classifier_bytes(classifier, {"class_names": '["cat", "dog"]'}))
        ...     read_class_names(path), weights_sha256(read_classifier(path)) == weights_sha256(classifier)
        (('cat', 'dog'), True)
    """
    described = {
        **provenance,
        "kind": "backbone" if isinstance(classifier, Backbone) else "classifier",
        "architecture": json.dumps(asdict(classifier.architecture)),
        "weights_sha256": weights_sha256(classifier),
    }
    tensors = {name: tensor.contiguous() for name, tensor in weights(classifier).items()}
    return sealed_safetensors(save(tensors, metadata=described))


def read_classifier(path: str | Path) -> Classifier:
    """The p4-CNN in a file, on the CPU, in evaluation mode.

    Raises:
        DataError: no such file, a damaged one, one that `classifier_bytes` did not make, or one with a backbone.

    Examples:
        >>> from steergan.metrics import read_classifier, shipped_weights
        >>> read_classifier(shipped_weights()).architecture.classes
        10
    """
    network = read_network(path)
    if isinstance(network, Backbone):
        raise DataError(f"{path}: holds a {network.architecture.name}, not a p4-CNN; give the file of another training")
    return network


def read_network(path: str | Path) -> Network:
    """The classifier or backbone in a file, on the CPU, in evaluation mode.

    Raises:
        DataError: no such file, a damaged one, or one that `classifier_bytes` did not make.

    Examples:
        >>> from steergan.metrics import read_network, shipped_weights
        >>> type(read_network(shipped_weights())).__name__
        'Classifier'
    """
    table, tensors = read_file(path)
    classifier: Network
    try:
        if table.get("kind") == "backbone":
            classifier = backbone_of(table)
        else:
            with torch.random.fork_rng(devices=[]):  # layers may initialise from torch's global stream
                classifier = Classifier(**parsed_json(table["architecture"]))
        classifier.load_state_dict(tensors)
    except Exception as error:  # whatever networks raise at odd architectures
        raise DataError(f"{path}: holds no classifier of this version ({reason(error)}); train it again") from None
    if weights_sha256(classifier) != table.get("weights_sha256"):
        raise DataError(f"{path}: its weights are not those that were saved; get the file again, or train it again")
    return classifier.eval()


def read_provenance(path: str | Path) -> dict[str, str]:
    """How the weights in a file came to be.

    Raises:
        DataError: no such file, or a damaged one.

    Examples:
        >>> from steergan.metrics import read_provenance, shipped_weights
        >>> read_provenance(shipped_weights())["train_count"]
        '12000'
    """
    return read_file(path)[0]


def read_class_names(path: str | Path) -> tuple[str, ...] | None:
    """What the labels of the classifier in a file mean, in their order; None where the file doesn't say.

    Raises:
        DataError: no such file, a damaged one, or names that are not one for each class.

    Examples:
        >>> from steergan.metrics import read_class_names, shipped_weights
        >>> read_class_names(shipped_weights())[:3]
        ('0', '1', '2')
    """
    table = read_provenance(path)
    if "class_names" not in table:
        return None
    try:
        names, classes = parsed_json(table["class_names"]), parsed_json(table["architecture"])["classes"]
    except (KeyError, TypeError, ValueError):
        names, classes = None, None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) != classes:
        raise DataError(f"{path}: its class names are not one for each class; train it again")
    return tuple(names)


def shipped_weights(data: str = "rotmnist") -> Path:
    """The file with a p4-CNN that comes with steergan, so that every machine measures with the same.

    Args:
        data: what it was trained on: `rotmnist`, or `digits` (scikit-learn's, rotated, of the quickstart).

    Raises:
        KeyError: another name.

    Examples:
        >>> from steergan.metrics import shipped_weights
        >>> shipped_weights().name, shipped_weights("digits").name
        ('rotmnist-p4cnn.safetensors', 'digits-p4cnn.safetensors')
    """
    return Path(str(resources.files("steergan.metrics.weights") / SHIPPED[data]))


def weights_sha256(classifier: Network) -> str:
    """sha256 over the architecture and every weight and buffer: one function has one hash, whatever the file.

    Examples:
        >>> from steergan.metrics import read_classifier, shipped_weights, weights_sha256
        >>> weights_sha256(read_classifier(shipped_weights()))[:12]
        '91b8660ff4be'
    """
    digest = hashlib.sha256(json.dumps(asdict(classifier.architecture), sort_keys=True).encode())
    for name, tensor in sorted(weights(classifier).items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def weights(classifier: Network) -> dict[str, Tensor]:
    """Every weight and buffer on the CPU."""
    return {name: tensor.detach().cpu() for name, tensor in classifier.state_dict().items()}


def read_file(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a .safetensors file.

    Raises:
        DataError: no such file, or a damaged one.
    """
    try:
        content = read_plain(Path(path))
        check_seal(content)
        with safe_open(str(path), framework="pt") as file:
            table: dict[str, Any] = file.metadata() or {}
            table.pop(DIGEST, None)
            return table, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `steergan features train` makes one") from None
    except Exception as error:  # whatever safetensors raises at odd bytes
        raise DataError(f"{path}: not a whole .safetensors file ({reason(error)}); get it again") from None
