"""Plain twins of what layers do to fields: on tensors, with constants, traceable at every size."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from steergan.layers.fields import FieldLayout


class PooledGroup(nn.Module):
    """The maximum or mean over the channels of every field.

    Args:
        layout: of the fields.
        reduce: "max" or "mean".
    """

    def __init__(self, layout: FieldLayout, reduce: str) -> None:
        super().__init__()
        self.layout, self.reduce = layout, reduce

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, F, H, W)."""
        found = []
        for part, size in zip(self.layout.split(x), self.layout.sizes, strict=True):
            if size == 1:
                found.append(part.squeeze(2))
            else:
                found.append(part.amax(2) if self.reduce == "max" else part.mean(2))
        return self.layout.join_fields(found)


class Sampled(nn.Module):
    """Fields of one size -> samples -> a function of each -> fields; both products are convolutions of 1 x 1.

    Args:
        sampling: (samples, size).
        projection: (size behind, samples).
        function: of a number.
    """

    def __init__(self, sampling: Tensor, projection: Tensor, function: nn.Module) -> None:
        super().__init__()
        self.sampling, self.projection = linear_map(sampling), linear_map(projection)
        self.function, self.size = function, sampling.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """(B, F * size, H, W) -> (B, F * size behind, H, W)."""
        fields = x.unflatten(1, (-1, self.size))
        return in_fields(self.projection(self.function(self.sampling(fields.flatten(0, 1)))), fields.shape[1])


def linear_map(matrix: Tensor) -> nn.Conv2d:
    """A matrix (rows, columns) on the channels of every pixel."""
    rows, columns = matrix.shape
    layer = nn.Conv2d(columns, rows, 1, bias=False, dtype=matrix.dtype, device=matrix.device)
    layer.weight.data = matrix.detach().clone()[:, :, None, None]
    return layer


def in_fields(y: Tensor, fields: int) -> Tensor:
    """(B * F, size, H, W) -> (B, F * size, H, W)."""
    return y.unflatten(0, (-1, fields)).flatten(1, 2)


class Gates(nn.Module):
    """Fields with a gate in front, each multiplied by the logistic function of its gate.

    Args:
        fields: how many.
    """

    def __init__(self, fields: int) -> None:
        super().__init__()
        self.fields = fields

    def forward(self, x: Tensor) -> Tensor:
        """(B, F * (1 + size), H, W) -> (B, F * size, H, W)."""
        parts = x.unflatten(1, (self.fields, -1))
        return (torch.sigmoid(parts[:, :, :1]) * parts[:, :, 1:]).flatten(1, 2)


class Invariants(nn.Module):
    """Trivial irreps of fields of one representation, and smoothed norms of the others.

    Args:
        to_irreps: (size, size), or None where fields are sums of irreps as they stand.
        members: which channels are of which irrep, (irreps, size) of zeros and ones.
        trivial: (irreps,) bool.
        softness: of the norms.
    """

    trivial: Tensor

    def __init__(self, to_irreps: Tensor | None, members: Tensor, trivial: Tensor, softness: float) -> None:
        super().__init__()
        self.to_irreps = None if to_irreps is None else linear_map(to_irreps)
        self.members, self.size, self.softness = linear_map(members), members.shape[1], softness
        self.register_buffer("trivial", trivial.view(1, -1, 1, 1).clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, F * size, H, W) -> (B, F * irreps, H, W)."""
        fields = x.unflatten(1, (-1, self.size))
        y = fields.flatten(0, 1)
        if self.to_irreps is not None:
            y = self.to_irreps(y)
        norms = torch.sqrt(self.members(y * y) + self.softness**2) - self.softness
        return in_fields(torch.where(self.trivial, self.members(y), norms), fields.shape[1])


class ByKind(nn.Module):
    """A module for the fields of each representation, whose results are put in order.

    Args:
        parts: on the fields of each representation, with the numbers of their channels (None: all, in order).
        order: of the channels behind, or None.
    """

    def __init__(self, parts: Sequence[tuple[nn.Module, Tensor | None]], order: Tensor | None) -> None:
        super().__init__()
        self.parts = nn.ModuleList(part for part, _ in parts)
        for number, (_, channels) in enumerate(parts):
            self.register_buffer(f"channels{number}", None if channels is None else channels.clone())
        self.register_buffer("order", None if order is None else order.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        found = []
        for number, part in enumerate(self.parts):
            channels = cast(Tensor | None, getattr(self, f"channels{number}"))
            found.append(part(x if channels is None else x.index_select(1, channels)))
        joined = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return joined if self.order is None else joined.index_select(1, cast(Tensor, self.order))


class WeightedMeans(nn.Module):
    """The mean over windows under weights; padded pixels do not count.

    Args:
        channels: C.
        taps: the weights along one side.
        stride: pixels between windows.
        padding: on every side.
    """

    taps: Tensor

    def __init__(self, channels: int, taps: Tensor, stride: int, padding: int) -> None:
        super().__init__()
        self.register_buffer("taps", torch.outer(taps, taps)[None, None].clone())
        self.channels, self.stride, self.padding = channels, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, windows down, windows across)."""
        ones = torch.ones(1, 1, x.shape[2], x.shape[3], dtype=x.dtype, device=x.device)
        counted = conv2d(ones, self.taps, stride=self.stride, padding=self.padding)
        each = x.flatten(0, 1).unsqueeze(1)
        sums = conv2d(each, self.taps, stride=self.stride, padding=self.padding)
        return sums.squeeze(1).unflatten(0, (-1, self.channels)) / counted
