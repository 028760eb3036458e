"""What training asks of two networks: any pair of torch modules with these signatures will do."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

from torch import Tensor, nn


class Network(Protocol):
    """The part of `torch.nn.Module` that training uses."""

    def train(self, mode: bool = True) -> Any:
        """Training mode, or evaluation mode."""
        ...

    def eval(self) -> Any:
        """Evaluation mode."""
        ...

    def modules(self) -> Iterator[Any]:
        """All modules inside, itself first."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """What is trained, by name."""
        ...

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """What is kept besides, by name."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Parameters and buffers by name."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take back what `state_dict` gave."""
        ...


class Generator(Network, Protocol):
    """Latent and label to image."""

    z_dim: int
    """Length of the latent."""
    classes: int
    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    elements: int
    """Order of the group whose elements the caller draws, one per sample; 0 if `element` is not used."""

    def __call__(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        """Latent z (B, Z) float, y (B,) int64, element (B,) int64 in 0..elements -> image (B, C, H, W) in [-1, 1].

        In the place of labels y may be whatever batches bring there, such as images (B, C, H, W) in [-1, 1].
        """
        ...


class Discriminator(Network, Protocol):
    """Image and label to score."""

    def __call__(self, image: Tensor, y: Tensor) -> Tensor:
        """Image (B, C, H, W) in [-1, 1], y (B,) int64 -> score (B,), a logit; or a map of logits each, (B, ...)."""
        ...


class RotationDiscriminator(Discriminator, Protocol):
    """What auxiliary rotations ask for besides; an attribute `rotation_answers`, if there is one, counts answers."""

    def rotation_logits(self, image: Tensor) -> Tensor:
        """Image (B, C, H, W) -> (B, 4), by how many quarter turns it was rotated; must not be blind for them."""
        ...


def as_module(network: Network) -> nn.Module:
    """A network as the torch module that it is; a type cannot say both."""
    return cast(nn.Module, network)
