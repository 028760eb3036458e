"""Convolutions in groups of whole fields, as in ResNeXt; with one field in a group, depthwise ones."""

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor
from torch.nn.functional import conv2d

from steergan.errors import SymmetryError
from steergan.layers.convolution import GroupConvolution
from steergan.layers.fields import typed_tensor


class GroupedConvolution(EquivariantModule):
    """A `GroupConvolution` cut into parts that see a share of the fields each.

    The first of n parts maps the first n-th of the input's fields to the first n-th of the output's, and so on: n times
    fewer weights and products. A part holds whole fields, so the group still acts inside of it. (What torch calls
    groups are these parts.)

    Args:
        in_type: fields of one representation, a multiple of `cardinality`.
        out_type: fields of one representation of the same gspace, a multiple of `cardinality`.
        kernel_size: taps along one side.
        cardinality: number of parts.
        padding: zeros on every side; None means kernel_size // 2.
        bias: as in `GroupConvolution`.

    Attributes:
        convolution: from one part's input to the whole output; holds the weights. Its forward is not called.

    Shapes: (B, C_in, H, W) -> (B, C_out, H + 2 padding - kernel_size + 1, the same of W).
    Symmetry: that of `GroupConvolution`: exact to rounding for grid groups.

    Raises:
        SymmetryError: fields of several representations, or no multiple of the cardinality; whatever `GroupConvolution`
            refuses.
    Source: Xie et al. 2017 (ResNeXt). Fields in place of channels: own.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 6)
        >>> layer = GroupedConvolution(regular, regular, 3, cardinality=3)
        >>> layer(regular(torch.randn(2, 24, 5, 5))).shape, tuple(layer.convolution.weights[0].shape)
        (torch.Size([2, 24, 5, 5]), (6, 2, 36))
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        *,
        cardinality: int,
        padding: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        for name, fields in (("in_type", in_type), ("out_type", out_type)):
            kinds = set(fields.representations)
            if len(kinds) > 1 or cardinality < 1 or len(fields) % cardinality:
                raise SymmetryError(
                    f"a convolution in {cardinality} parts got an {name} of {len(fields)} fields of {len(kinds)} "
                    "kinds; fields of one kind, in a number that the parts divide, were wanted"
                )
        self.in_type, self.out_type, self.cardinality = in_type, out_type, cardinality
        part = FieldType(in_type.gspace, in_type.representations[: len(in_type) // cardinality])
        self.convolution = GroupConvolution(part, out_type, kernel_size, padding=padding, bias=bias)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, H + 2 padding - kernel_size + 1, the same of W)."""
        inner, tensor = self.convolution, typed_tensor(self, x)
        bank = inner.kept("bank", lambda: inner.arranged(inner.filter_bank()))
        out = self._everywhere(tensor, bank) if self._one_pixel(tensor) else self._slid(tensor, bank)
        return self.out_type(out)

    def _one_pixel(self, x: Tensor) -> bool:
        """Whether the filters are as large as the map, and meet it once."""
        return self.convolution.padding == 0 and x.shape[2:] == (self.convolution.kernel_size,) * 2

    def _everywhere(self, x: Tensor, bank: Tensor) -> Tensor:
        """What filters as large as the map put out, (B, C_out, 1, 1): a product, of which torch makes less work."""
        inputs = x.unflatten(1, (self.cardinality, -1)).flatten(2)
        filters = bank.unflatten(0, (self.cardinality, -1)).flatten(2)
        out = torch.matmul(inputs.transpose(0, 1), filters.mT).transpose(0, 1).flatten(1)
        bias = self.convolution.kept_bias()
        return (out if bias is None else out + bias)[:, :, None, None]

    def _slid(self, x: Tensor, bank: Tensor) -> Tensor:
        inner = self.convolution
        image = inner.arranged(x)
        return conv2d(image, bank, inner.kept_bias(), padding=inner.padding, groups=self.cardinality)

    @torch.no_grad()
    def export(self) -> torch.nn.Conv2d:
        """Torch's own convolution in groups."""
        return self.convolution.plain_convolution(padding=self.convolution.padding, groups=self.cardinality)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return self.convolution.evaluate_output_shape(input_shape)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"in {self.cardinality} parts"
