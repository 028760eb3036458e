"""Fields that are left out."""

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SteerganError
from steergan.layers.fields import channel_owners, typed_tensor
from steergan.layers.plain import as_graph


class FieldDropout(EquivariantModule):
    """Every field of every sample times a number that the caller draws: 0, or else 1 / (1 - share).

    Whole fields on the whole map are left out, so that for numbers once drawn the layer commutes with the group. It is
    a function of what comes in, in both modes: whoever wants no dropout calls it with ones.

    Args:
        in_type: any field type.
        share: of the fields that are left out, in expectation.

    Shapes: (B, C, H, W) and keep (B, F) -> (B, C, H, W).
    Symmetry: equivariant, exact, for `keep` fixed.

    Raises:
        SteerganError: the share is not in 0 <= share < 1; numbers of another shape.
    Source: Srivastava et al. 2014; of whole channels: Tompson et al. 2015.
    Differs: escnn's `PointwiseDropout` draws for every channel and pixel, which commutes in law only.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C2"), 2)
        >>> layer, x = FieldDropout(regular, 0.5), regular(torch.ones(1, 4, 1, 1))
        >>> layer(x, torch.tensor([[2.0, 0.0]])).tensor.flatten().tolist()
        [2.0, 2.0, 0.0, 0.0]
    """

    def __init__(self, in_type: FieldType, share: float) -> None:
        super().__init__()
        if not 0 <= share < 1:
            raise SteerganError(f"dropout of {share:g}: a share of at least 0 and less than 1 was wanted")
        self.in_type = self.out_type = in_type
        self.share = share
        self.register_buffer("owners", channel_owners(in_type), persistent=False)

    def forward(self, x: GeometricTensor, keep: Tensor) -> GeometricTensor:
        """Map (B, C, H, W), numbers (B, F) -> (B, C, H, W)."""
        tensor, wanted = typed_tensor(self, x), (len(x.tensor), len(self.in_type))
        if tuple(keep.shape) != wanted:
            raise SteerganError(f"FieldDropout got numbers of shape {tuple(keep.shape)}; {wanted}, (B, F), was wanted")
        return self.out_type(scaled(tensor, keep, self.get_buffer("owners")))

    def draw(self, samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Numbers for so many samples, (samples, F) on the CPU."""
        return draw_keep(samples, len(self.in_type), self.share, generator)

    def export(self) -> nn.Module:
        """Plain torch on tensors: (B, C, H, W) and keep (B, F) -> (B, C, H, W)."""
        return as_graph(OfChannels(self.get_buffer("owners")))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, share={self.share:g}"


class OfChannels(nn.Module):
    """Every channel times its field's number.

    Args:
        owners: each channel's field, (C,).
    """

    owners: Tensor

    def __init__(self, owners: Tensor) -> None:
        super().__init__()
        self.register_buffer("owners", owners.clone())

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """(B, C, H, W) and keep (B, F) -> (B, C, H, W)."""
        return scaled(x, keep, self.owners)


def scaled(x: Tensor, keep: Tensor, owners: Tensor) -> Tensor:
    """Channels (B, C, H, W) times the numbers (B, F) of their fields."""
    return x * keep.to(x.dtype).index_select(1, owners)[:, :, None, None]


def draw_keep(samples: int, fields: int, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Numbers for `FieldDropout`, (samples, fields): 0 with the probability `share`, else 1 / (1 - share).

    Args:
        samples: how many.
        fields: numbers for each.
        share: that is left out, in expectation.
        generator: a stream on the CPU; None: torch's own.

    Examples:
        >>> sorted(set(draw_keep(10, 10, 0.75, torch.Generator().manual_seed(0)).flatten().tolist()))
        [0.0, 4.0]
    """
    kept = torch.rand(samples, fields, generator=generator) >= share
    return kept / (1 - share)
