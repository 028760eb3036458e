"""Layers without field types: plain torch modules on tensors, their filters constants, as escnn's `export()` gives."""

from typing import Any

import torch
from escnn.nn import EquivariantModule
from torch import Tensor, nn

from steergan.copies import copied
from steergan.places import layers_in, put


def as_graph(twin: nn.Module) -> torch.fx.GraphModule:
    """A module as a graph of torch's own functions and modules: it needs nothing but torch, also when it is unpickled.

    Args:
        twin: on tensors; its own parts are torch's.
    """
    graph = torch.fx.GraphModule(twin, torch.fx.Tracer().trace(twin), type(twin).__name__)
    return frozen(graph)


def frozen(module: Any) -> Any:
    """The module in evaluation mode; nothing of it is trained."""
    return module.eval().requires_grad_(False)


class Typed:
    """A tensor with its field type, for forwards that are traced: geometric tensors take no stand-ins for tensors."""

    def __init__(self, tensor: Tensor, type: Any) -> None:
        self.tensor, self.type = tensor, type

    def __add__(self, other: "Typed") -> "Typed":
        return Typed(self.tensor + other.tensor, self.type)


class OnFields(nn.Module):
    """A plain module in the place of a layer: of a feature map it sees the tensor.

    Args:
        plain: what `export()` gave.
        layer: in whose place it stands.
    """

    def __init__(self, plain: nn.Module, layer: EquivariantModule) -> None:
        super().__init__()
        self.plain = plain
        self.in_type, self.out_type = layer.in_type, layer.out_type
        self.evaluate_output_shape = layer.evaluate_output_shape

    def forward(self, x: Any, *rest: Tensor) -> Any:
        """A feature map, and what else the layer takes -> a feature map of the same kind of object."""
        return type(x)(self.plain(x.tensor, *rest), self.out_type)


class Compound(EquivariantModule):
    """A layer made of layers: what it exports is a graph of theirs.

    Attributes:
        conditioned: whether it takes a conditioning vector beside the feature map.
    """

    conditioned = False

    def export(self) -> nn.Module:
        """Plain torch on tensors, (B, C, H, W), and c (B, conditioning) where it takes one, in evaluation."""
        inner = copied(self).eval()

        def is_part(module: nn.Module) -> bool:
            return isinstance(module, EquivariantModule) and not isinstance(module, Compound)

        parts: Any = layers_in(inner, is_part)
        put(inner, {path: OnFields(part.export(), part) for part, paths in parts for path in paths})
        shell: nn.Module = Conditioned(inner) if self.conditioned else Unconditioned(inner)
        return as_graph(shell)


class Unconditioned(nn.Module):
    """A compound layer on tensors."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        """(B, C, H, W) -> (B, C, H, W)."""
        return self.inner(Typed(x, self.inner.in_type)).tensor


class Conditioned(Unconditioned):
    """One that takes a conditioning vector, too."""

    def forward(self, x: Tensor, c: Tensor) -> Any:  # type: ignore[override]
        """(B, C, H, W) and (B, conditioning) -> (B, C, H, W)."""
        return self.inner(Typed(x, self.inner.in_type), c).tensor
