"""Average pooling with a filter that is nearly round, for groups beyond four rotations."""

import torch
from escnn.nn import FieldType
from torch import Tensor, nn
from torch.nn import Buffer
from torch.nn.functional import conv1d

from steergan.errors import SteerganError
from steergan.layers.plain import as_graph
from steergan.layers.plain_fields import WeightedMeans
from steergan.layers.pooling import SpatialPool
from steergan.layers.separable import resampled

TAPS = {3: (1.0, 2.0, 1.0), 4: (1.0, 3.0, 3.0, 1.0)}
"""Binomial filters by size, before they are scaled to sum 1."""


class AntialiasedPool(SpatialPool):
    """The mean over windows under binomial weights; padded pixels do not count.

    Args:
        in_type: any field type.
        kernel_size: 4 for even maps, 3 for odd ones.
        stride: pixels between windows.
        padding: on every side.
        strict: refuse sizes on which the pool is not equivariant. With the trivial group every size will do.

    Shapes: (B, C, H, W) -> (B, C, (H + 2 padding - kernel_size) // stride + 1, the same of W).
    Symmetry: equivariant; exact to rounding at multiples of 90 degrees and reflections, on sizes that `strict` admits.
        Between, it errs less than `AveragePool`, whose windows are square and let more aliases pass.

    Raises:
        SteerganError: another kernel size; the padding is more than half the kernel; the map is smaller than a window.
        SymmetryError: a size that breaks the symmetry (when run, or when asked for the output shape).
    Source: Zhang 2019 (making convolutional networks shift-invariant again), binomial filters.
    Differs: even maps get an even filter; escnn's antialiased pool is odd, and lies askew on them.

    Examples:
        >>> from steergan.symmetry import gspace, trivial_type
        >>> image = trivial_type(gspace("C8"), 1)
        >>> pool = AntialiasedPool(image)
        >>> pool(image(torch.ones(1, 1, 4, 4))).tensor.flatten().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self, in_type: FieldType, kernel_size: int = 4, stride: int = 2, padding: int = 1, *, strict: bool = True
    ) -> None:
        super().__init__(in_type, kernel_size, stride, padding, strict=strict)
        if kernel_size not in TAPS:
            raise SteerganError(f"antialiased pooling with kernel {kernel_size}: 4 (even maps) or 3 (odd) was wanted")
        taps = torch.tensor(TAPS[kernel_size])
        self.taps = Buffer(taps / taps.sum(), persistent=False)

    def export(self) -> nn.Module:
        """Plain torch on tensors, which takes every size."""
        return as_graph(WeightedMeans(self.in_type.size, self.taps, self.stride, self.padding))

    def pool(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, the number of windows down, and across)."""
        down, across = (self._weights(size, x) for size in x.shape[2:])
        # Divided at the end, by what falls inside the map: until then sums of multiples of 1/64 are exact in any order.
        return resampled(x, down, across) / torch.outer(down.sum(1), across.sum(1))

    def _weights(self, size: int, x: Tensor) -> Tensor:
        """What each of `size` pixels counts in each window, (windows, size), in the dtype of x."""
        impulses = torch.eye(size, dtype=x.dtype, device=x.device).unsqueeze(1)
        taps = self.taps.to(x.dtype)[None, None]
        return conv1d(impulses, taps, stride=self.stride, padding=self.padding).squeeze(1).mT
