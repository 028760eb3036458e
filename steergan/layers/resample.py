"""Larger feature maps."""

import torch
import torch.nn.functional as F
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.errors import SteerganError
from steergan.layers.fields import typed_tensor
from steergan.layers.separable import resampled

MODES = ("nearest", "bilinear")

LARGEST = 64
"""Pixels along a side up to which bilinear upsampling by matrices is faster than torch's own, on CPUs."""


class Upsample(EquivariantModule):
    """A feature map with `scale_factor` times as many pixels along each side.

    Args:
        in_type: any field type.
        scale_factor: a whole number.
        mode: "nearest", or "bilinear" (pixels are areas: align_corners=False).

    Shapes: (B, C, H, W) -> (B, C, scale_factor * H, scale_factor * W).
    Symmetry: equivariant; exact at multiples of 90 degrees and reflections. Between, bilinear errs less than nearest.

    Raises:
        SteerganError: the mode is not known, or the scale factor is not a whole number.
    Source: Dey et al. 2021, section 2.2 (nearest neighbours, then a convolution).

    Examples:
        >>> import torch
        >>> from steergan.symmetry import gspace, trivial_type
        >>> image = trivial_type(gspace("C4"), 1)
        >>> Upsample(image)(image(torch.tensor([[[[1.0, 2.0]]]]))).tensor[0, 0].tolist()
        [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """

    def __init__(self, in_type: FieldType, scale_factor: int = 2, mode: str = "nearest") -> None:
        super().__init__()
        if mode not in MODES:
            raise SteerganError(f"upsampling mode {mode!r} is not known; choose one of {', '.join(MODES)}")
        if not isinstance(scale_factor, int) or scale_factor < 1:
            raise SteerganError(f"scale factor {scale_factor!r}: a whole number of at least 1 was wanted")
        self.in_type = self.out_type = in_type
        self.scale_factor, self.mode = scale_factor, mode

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> (B, C, scale_factor * H, scale_factor * W)."""
        tensor = typed_tensor(self, x)
        if self.mode == "nearest":
            return self.out_type(F.interpolate(tensor, scale_factor=self.scale_factor, mode="nearest"))
        if tensor.device.type == "cpu" and max(tensor.shape[2:]) <= LARGEST:
            return self.out_type(resampled(tensor, *(self._weights(size, tensor) for size in tensor.shape[2:])))
        return self.out_type(
            F.interpolate(tensor, scale_factor=self.scale_factor, mode="bilinear", align_corners=False)
        )

    def _weights(self, size: int, x: Tensor) -> Tensor:
        """What each of `size` pixels counts in each new one, (scale_factor * size, size), in the dtype of x."""
        impulses = torch.eye(size, dtype=x.dtype, device=x.device).unsqueeze(1)
        return F.interpolate(impulses, scale_factor=self.scale_factor, mode="linear", align_corners=False).squeeze(1).mT

    def export(self) -> torch.nn.Upsample:
        """Torch's own upsampling."""
        return torch.nn.Upsample(scale_factor=self.scale_factor, mode=self.mode).eval()

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, channels, height, width = input_shape
        return (batch, channels, self.scale_factor * height, self.scale_factor * width)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, x{self.scale_factor}, {self.mode}"
