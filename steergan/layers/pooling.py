"""Pooling over space, with a check that sizes keep the symmetry exact, and pooling over the group."""

from abc import abstractmethod

import torch.nn.functional as F
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SteerganError, SymmetryError
from steergan.layers.fields import FieldLayout, require_permutations, typed_tensor
from steergan.layers.plain import as_graph
from steergan.layers.plain_fields import PooledGroup
from steergan.symmetry import trivial_type


class SpatialPool(EquivariantModule):
    """What average and max pooling share: windows, sizes, and the check of sizes.

    A pool commutes with rotations by 90 degrees and with reflections exactly if its windows lie symmetrically on the
    map, which means (H + 2 padding - kernel_size) mod stride = 0, and the same for W.

    Args:
        in_type: any field type.
        kernel_size: pixels along one side of a window.
        stride: pixels between windows; None means kernel_size.
        padding: on every side.
        strict: refuse sizes on which the pool is not equivariant. With the trivial group every size will do.

    Raises:
        SteerganError: the padding is more than half the kernel; the map is smaller than a window.
        SymmetryError: a size that breaks the symmetry (when run, or when asked for the output shape).
    """

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: int = 2,
        stride: int | None = None,
        padding: int = 0,
        *,
        strict: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= 2 * padding <= kernel_size:
            raise SteerganError(
                f"pooling with kernel {kernel_size} and padding {padding}: pad by half the kernel at most"
            )
        self.in_type = self.out_type = in_type
        self.kernel_size, self.padding, self.strict = kernel_size, padding, strict
        self.stride = kernel_size if stride is None else stride
        # Without a symmetry there is none to break.
        self._checked = strict and in_type.gspace.fibergroup.order() != 1

    @abstractmethod
    def pool(self, x: Tensor) -> Tensor:
        """The pool on a plain tensor."""

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> (B, C, the number of windows down, and across)."""
        tensor = typed_tensor(self, x)
        self._output_size(*tensor.shape[-2:])
        return self.out_type(self.pool(tensor))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, channels, height, width = input_shape
        return (batch, channels, *self._output_size(height, width))

    def _output_size(self, height: int, width: int) -> tuple[int, int]:
        room = [size + 2 * self.padding - self.kernel_size for size in (height, width)]
        this = f"{type(self).__name__} (kernel {self.kernel_size}, stride {self.stride}, padding {self.padding})"
        if min(room) < 0:
            raise SteerganError(f"{this} got a {height} x {width} map; its window needs a larger one")
        if self._checked and any(r % self.stride for r in room):
            raise SymmetryError(
                f"{this} got a {height} x {width} map, on which its windows lie askew and the symmetry is lost; "
                "use even sizes with kernel 2, odd sizes with kernel 3, stride 2, padding 1, or strict=False"
            )
        return room[0] // self.stride + 1, room[1] // self.stride + 1

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AveragePool(SpatialPool):
    """The mean over windows; padded pixels do not count (count_include_pad=False).

    Args:
        in_type: any field type.
        kernel_size: pixels along one side of a window.
        stride: pixels between windows; None means kernel_size.
        padding: on every side.
        strict: refuse sizes on which the pool is not equivariant. With the trivial group every size will do.

    Shapes: (B, C, H, W) -> (B, C, (H + 2 padding - kernel_size) // stride + 1, the same of W).
    Symmetry: equivariant; exact to rounding at multiples of 90 degrees and reflections, on sizes that `strict` admits.

    Raises:
        SteerganError: the padding is more than half the kernel; the map is smaller than a window.
        SymmetryError: a size that breaks the symmetry (when run, or when asked for the output shape).

    Examples:
        >>> import torch
        >>> from steergan.symmetry import gspace, trivial_type
        >>> image = trivial_type(gspace("C4"), 1)
        >>> AveragePool(image)(image(torch.arange(16.0).view(1, 1, 4, 4))).tensor[0, 0].tolist()
        [[2.5, 4.5], [10.5, 12.5]]
    """

    def export(self) -> nn.AvgPool2d:
        """Torch's own pool, which takes every size."""
        return nn.AvgPool2d(self.kernel_size, self.stride, self.padding, count_include_pad=False).eval()

    def pool(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, the number of windows down, and across)."""
        halves = (self.kernel_size, self.stride, self.padding) == (2, 2, 0) and not any(n % 2 for n in x.shape[2:])
        if halves and x.device.type == "cpu":
            return halved(x)
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, count_include_pad=False)


def halved(x: Tensor) -> Tensor:
    """Means over windows of 2 x 2, (B, C, 2 H, 2 W) -> (B, C, H, W): on CPUs three times as fast as torch's own."""
    upper, lower = x.unflatten(2, (-1, 2)).unbind(3)
    left, right = (upper + lower).unflatten(3, (-1, 2)).unbind(4)
    return (left + right) * 0.25


class MaxPool(SpatialPool):
    """The maximum over windows. At exact ties the gradient goes to one pixel.

    Args:
        in_type: permutation representations.
        kernel_size: pixels along one side of a window.
        stride: pixels between windows; None means kernel_size.
        padding: on every side; it never is the maximum.
        strict: refuse sizes on which the pool is not equivariant. With the trivial group every size will do.

    Shapes: (B, C, H, W) -> (B, C, (H + 2 padding - kernel_size) // stride + 1, the same of W).
    Symmetry: equivariant; exact at multiples of 90 degrees and reflections, on sizes that `strict` lets pass.

    Raises:
        SteerganError: the padding is more than half the kernel; the map is smaller than a window.
        SymmetryError: a representation is not a permutation; a size that breaks the symmetry.

    Examples:
        >>> import torch
        >>> from steergan.symmetry import gspace, trivial_type
        >>> image = trivial_type(gspace("C4"), 1)
        >>> MaxPool(image)(image(torch.arange(16.0).view(1, 1, 4, 4))).tensor[0, 0].tolist()
        [[5.0, 7.0], [13.0, 15.0]]
    """

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: int = 2,
        stride: int | None = None,
        padding: int = 0,
        *,
        strict: bool = True,
    ) -> None:
        super().__init__(in_type, kernel_size, stride, padding, strict=strict)
        require_permutations("MaxPool", in_type, "a maximum does not commute with the group")

    def export(self) -> nn.MaxPool2d:
        """Torch's own pool, which takes every size."""
        return nn.MaxPool2d(self.kernel_size, self.stride, self.padding).eval()

    def pool(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, the number of windows down, and across)."""
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding)


class GroupPool(EquivariantModule):
    """Each field pooled over its channels to one trivial field, in any dtype.

    Args:
        in_type: permutation representations.
        reduce: "max" (at ties the gradient is split evenly) or "mean".

    Shapes: (B, C, H, W) -> (B, F, H, W).
    Symmetry: equivariant, exact; the output's channels are left alone by the group.

    Raises:
        SteerganError: `reduce` is something else.
        SymmetryError: a representation is not a permutation.
    Source: Dey et al. 2021, section 2.2 and Table 6 (max over the rotations).

    Examples:
        >>> import torch
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 2)
        >>> GroupPool(regular)(regular(torch.arange(8.0).view(1, 8, 1, 1))).tensor.flatten().tolist()
        [3.0, 7.0]
    """

    def __init__(self, in_type: FieldType, reduce: str = "max") -> None:
        super().__init__()
        if reduce not in ("max", "mean"):
            raise SteerganError(f"group pooling {reduce!r} is not known; choose max or mean")
        require_permutations("GroupPool", in_type, "pooling over the group does not commute with it")
        self.in_type, self.out_type = in_type, trivial_type(in_type.gspace, len(in_type))
        self.reduce = reduce
        self.layout = FieldLayout(in_type)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> (B, F, H, W), one channel per field."""
        parts = self.layout.split(typed_tensor(self, x))
        return self.out_type(self.layout.join_fields([self._pool(part) for part in parts]))

    def export(self) -> nn.Module:
        """Plain torch on tensors, (B, C, H, W) -> (B, F, H, W)."""
        return as_graph(PooledGroup(self.layout, self.reduce))

    def _pool(self, x_BFGHW: Tensor) -> Tensor:
        if x_BFGHW.shape[2] == 1:
            return x_BFGHW.squeeze(2)
        return x_BFGHW.amax(2) if self.reduce == "max" else x_BFGHW.mean(2)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, height, width = input_shape
        return (batch, len(self.in_type), height, width)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, {self.reduce}"
