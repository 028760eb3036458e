"""Torchvision's classification networks as feature extractors: fine-tuned on the images that are to be measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from steergan.errors import DataError, RecipeError
from steergan.extras import needed_by
from steergan.files import AnyPath, file_sha256
from steergan.metrics.resizing import resize
from steergan.pixels import to_uint8
from steergan.randomness import seed_torch, stream_seed

SIDES = {"inception_v3": 299}
"""Pixels that a network was designed for."""
SIDE = 224
"""Pixels that all others were designed for."""
CENTRED = ("inception_v3", "googlenet")
"""These take pixels in [-1, 1], the others ImageNet's mean and deviation."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Heads that help in the training from scratch only; left out."""


@dataclass(frozen=True)
class BackboneArchitecture:
    """What a backbone is built from: `Backbone(**asdict(architecture))` is another one."""

    name: str
    """Torchvision's, such as `inception_v3`, `vgg16`, `resnet18`."""
    classes: int
    side: int
    """Pixels that images are resized to."""


class Backbone(nn.Module):
    """A torchvision classifier; its features are what its last linear layer takes (Inception-v3: 2,048).

    Args:
        name: torchvision's, such as `inception_v3`, `vgg16`, `resnet18`.
        classes: number of labels K.
        side: pixels that images are resized to; 0: what the network was designed for.

    Shapes: image (B, 1 or 3, H, W) float in [-1, 1] -> logits (B, K).

    Symmetry: neither invariant nor equivariant.

    Raises:
        DataError: torchvision has no such classifier, it has no linear head, or the side is too small for it.

    Examples:
        >>> from steergan.metrics import Backbone
        >>> Backbone("resnet18", classes=2, side=32).length
        512
    """

    def __init__(self, name: str, classes: int, side: int = 0) -> None:
        super().__init__()
        side = side or SIDES.get(name, SIDE)
        self.architecture = BackboneArchitecture(name, classes, side)
        self.network = bare_network(name, classes)
        linear = [module for module in self.network.modules() if isinstance(module, nn.Linear)]
        if not linear or linear[-1].out_features != classes:
            raise DataError(f"backbone {name}: its head is no linear layer; choose another, such as resnet18")
        self.length = linear[-1].in_features
        middle = (0.5, 0.5, 0.5)
        mean, deviation = (middle, middle) if name in CENTRED else (MEAN, DEVIATION)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1), persistent=False)
        try:
            with torch.no_grad():
                self.eval().features(torch.zeros(1, 3, side, side))
        except RuntimeError:
            raise DataError(f"backbone {name}: {side} pixels a side are too few for it; raise --side") from None

    @property
    def head(self) -> nn.Linear:
        """The last linear layer."""
        return [module for module in self.network.modules() if isinstance(module, nn.Linear)][-1]

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [-1, 1]."""
        return self.logits(self.resized(to_uint8(image)))

    def resized(self, images: Tensor) -> Tensor:
        """uint8 (B, 1 or 3, H, W) -> (B, 3, S, S) in 0..1, resized as clean-fid does."""
        return resize(images, self.architecture.side) / 255

    def logits(self, image: Tensor) -> Tensor:
        """Logits (B, K) of resized images in 0..1."""
        return self.network((image - self.mean) / self.deviation)

    def features(self, image: Tensor) -> Tensor:
        """Features (B, D) of resized images in 0..1: the input of the last linear layer."""
        kept: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0]))
        try:
            self.logits(image)
        finally:
            hook.remove()
        return kept[0].flatten(1)


def bare_network(name: str, classes: int) -> nn.Module:
    """Torchvision's architecture with random weights from torch's global stream.

    Raises:
        DataError: torchvision has no such classifier.
    """
    with needed_by(f"backbone {name!r}"):
        import torchvision
        from torchvision.models import get_model, list_models

    if name not in list_models(module=torchvision.models):
        raise DataError(f"backbone {name!r}: torchvision has no such classifier; choose one such as inception_v3")
    options: dict[str, Any] = {"aux_logits": False, "init_weights": True} if name in CENTRED else {}
    return get_model(name, weights=None, num_classes=classes, **options)


def build_backbone(
    name: str, classes: int, *, side: int = 0, weights: AnyPath | None = None, seed: int = 0
) -> Backbone:
    """A backbone with a fresh head, the rest from a file of torchvision's weights, or else random.

    Args:
        name: torchvision's.
        classes: number of labels K.
        side: pixels that images are resized to; 0: what the network was designed for.
        weights: a state dict as torchvision saves it (.pth), or as .safetensors.
        seed: of the head, and of all weights if there is no file.

    Raises:
        DataError: as `Backbone`, or weights that can't be read or are another network's.

    Examples:
        >>> from steergan.metrics import build_backbone
        >>> build_backbone("resnet18", 3, side=32).head
        Linear(in_features=512, out_features=3, bias=True)
    """
    weights = None if weights is None else Path(weights)
    with torch.random.fork_rng(devices=[]):
        seed_torch(stream_seed(seed, "backbone-weights"))
        backbone = Backbone(name, classes, side)
    if weights is not None:
        load_pretrained(backbone, weights)
    return backbone


def load_pretrained(backbone: Backbone, path: Path) -> None:
    """Take everything but the head from a state dict; nothing may be missing, left over, or of another shape.

    Raises:
        DataError: the file can't be read, or its weights are another network's.
    """
    loaded = read_state(path)
    own = backbone.network.state_dict()
    last = next(key for key, module in backbone.network.named_modules() if module is backbone.head)
    found = {key: value for key, value in loaded.items() if not key.startswith((*AUXILIARY, f"{last}."))}
    wanted = {key: value for key, value in own.items() if not key.startswith(f"{last}.")}
    odd = sorted(set(found) ^ set(wanted)) or sorted(k for k in wanted if found[k].shape != wanted[k].shape)
    if odd:
        came = f"{path}: not the weights of torchvision's {backbone.architecture.name}"
        raise DataError(f"{came} ({odd[0]} does not fit); give --weights its own")
    backbone.network.load_state_dict(found, strict=False)


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The tensors in a file by name.

    Raises:
        DataError: there are none, or it can't be read.
    """
    file_sha256(path)  # says in one line what can't be read
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle, zip and safetensors each have their own
        reason = str(error).partition("\n")[0][:100]
        raise DataError(f"{path}: no weights can be read from it ({reason}); give torchvision's .pth file") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: holds no state dict; give torchvision's .pth file")
    return state


def backbone_of(table: Mapping[str, str]) -> Backbone:
    """An untrained backbone as a file's metadata describes it."""
    with torch.random.fork_rng(devices=[]):
        return Backbone(**json.loads(table["architecture"]))


def refuse_channels(channels: int, name: str) -> None:
    """Refuse images that are neither grey nor coloured.

    Raises:
        RecipeError: other than one or three channels.
    """
    if channels not in (1, 3):
        raise RecipeError(f"evaluation.features = {name!r}: images of {channels} channels; 1 or 3 were wanted")
