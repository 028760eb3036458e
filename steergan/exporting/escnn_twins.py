"""What escnn's nonlinearities of norms, gates and angles compute, on tensors and without writing into any."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn


class Part(NamedTuple):
    """The fields of one size.

    Attributes:
        size: channels of a field.
        into: their channels in what comes.
        out: their channels in what is given.
        bias: a number for each field, or None.
    """

    size: int
    into: Tensor
    out: Tensor
    bias: Tensor | None


class Function(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Of every number."""
        return self.function(x)


class BySize(nn.Module):
    """Does something to the fields of each size, and puts the results in order.

    Args:
        parts: in the order in which they are taken.
        more: channels of the result that come behind those of the parts, before all are put in order.
    """

    def __init__(self, parts: Sequence[Part], more: Tensor | None = None) -> None:
        super().__init__()
        self.sizes = [part.size for part in parts]
        self.counts = [len(part.into) // part.size for part in parts]
        for number, part in enumerate(parts):
            self._keep(f"channels{number}", None if _in_order(part.into, parts) else part.into)
            bias = part.bias
            self._keep(f"bias{number}", None if bias is None else bias.view(1, -1, 1, 1, 1))
        order = torch.cat([part.out for part in parts] + ([] if more is None else [more])).argsort()
        self._keep("order", None if bool((order.diff() == 1).all()) else order)

    def _keep(self, name: str, tensor: Tensor | None) -> None:
        self.register_buffer(name, tensor)

    def split(self, x: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The number of each part, and its fields (B, F, size, H, W)."""
        for number, size in enumerate(self.sizes):
            channels = cast(Tensor | None, getattr(self, f"channels{number}"))
            fields = x if channels is None else x.index_select(1, channels)
            yield number, fields.unflatten(1, (-1, size))

    def join(self, found: list[Tensor]) -> Tensor:
        """Channels of all parts in order, (B, C, H, W)."""
        joined = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return joined if self.order is None else joined.index_select(1, cast(Tensor, self.order))


def _in_order(channels: Tensor, parts: Sequence[Part]) -> bool:
    return len(parts) == 1 and bool((channels == torch.arange(len(channels))).all())


class NormScaled(BySize):
    """escnn's `NormNonLinearity`: every field with a function of its norm, less a bias, for its norm.

    Args:
        parts: by size.
        function: of a norm.
        eps: norms up to here are none.
    """

    def __init__(self, parts: Sequence[Part], function: nn.Module, eps: float) -> None:
        super().__init__(parts)
        self.function, self.eps = function, eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        found = []
        for number, fields in self.split(x):
            norms = torch.linalg.vector_norm(fields, dim=2, keepdim=True)
            bias = cast(Tensor | None, getattr(self, f"bias{number}"))
            new = self.function(norms if bias is None else norms - bias)
            factor = torch.where(norms <= self.eps, torch.zeros_like(new), new / norms.clamp(min=self.eps))
            found.append((fields * factor).flatten(1, 2))
        return self.join(found)


class Gated(BySize):
    """escnn's `GatedNonLinearity1`: every field times the logistic function of its gate, less a bias.

    Args:
        parts: by size.
        gates: channels of the gates.
        kept: where they are in the result; None: left out.
        bias: of the gates.
    """

    gates: Tensor
    bias: Tensor

    def __init__(self, parts: Sequence[Part], gates: Tensor, kept: Tensor | None, bias: Tensor) -> None:
        super().__init__(parts, kept)
        self.keeps = kept is not None
        self.register_buffer("gates", gates)
        self.register_buffer("bias", bias.view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        gates = torch.sigmoid(x.index_select(1, self.gates) - self.bias)
        found, start = [], 0
        for number, fields in self.split(x):
            end = start + self.counts[number]
            found.append((fields * gates[:, start:end].unsqueeze(2)).flatten(1, 2))
            start = end
        return self.join([*found, gates] if self.keeps else found)


class FieldNorms(BySize):
    """escnn's `NormPool`: the norm of every field.

    Args:
        parts: by size.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, F, H, W)."""
        return self.join([torch.linalg.vector_norm(fields, dim=2) for _, fields in self.split(x)])


class VectorFields(nn.Module):
    """escnn's `VectorFieldNonLinearity`: of the responses to N angles the largest, as an arrow at its angle.

    Args:
        angles: N.
    """

    directions: Tensor

    def __init__(self, angles: int) -> None:
        super().__init__()
        self.angles = angles
        turns = torch.arange(angles, dtype=torch.float64) * (2 * torch.pi / angles)
        self.register_buffer("directions", torch.stack([turns.cos(), turns.sin()]))

    def forward(self, x: Tensor) -> Tensor:
        """(B, F * N, H, W) -> (B, F * 2, H, W)."""
        largest, where = x.unflatten(1, (-1, self.angles)).max(dim=2)
        length = torch.relu(largest)
        return torch.stack([length * self.directions[0][where], length * self.directions[1][where]], dim=2).flatten(
            1, 2
        )


class Doubled(nn.Module):
    """escnn's `ConcatenatedNonLinearity`: a function of every channel, and then of its negative.

    Args:
        function: of a number.
    """

    def __init__(self, function: nn.Module) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 2 C, H, W)."""
        return torch.stack([self.function(x), self.function(-x)], dim=2).flatten(1, 2)
