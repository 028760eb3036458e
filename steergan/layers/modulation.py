"""Fields multiplied by numbers that depend on the latent, and shifted by noise."""

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn
from torch.nn import Buffer

from steergan.layers.dense import SpectralLinear
from steergan.layers.fields import bias_places, channel_owners, typed_tensor
from steergan.layers.plain import as_graph
from steergan.layers.spectral_norm import full_precision


class FieldModulation(EquivariantModule):
    """Every field multiplied by a number of its own, 1 + a linear function of a conditioning vector.

    Args:
        in_type: any field type.
        conditioning: length of c.

    Shapes: (B, C, H, W) and c (B, conditioning) -> (B, C, H, W).
    Symmetry: equivariant in the feature map, exact, where c is invariant: a number commutes with every matrix.
    Source: Karras et al. 2020 (StyleGAN2), section 2.2: styles as gains of maps. One gain for a whole field: own.
    Differs: no demodulation; there is no norm in these networks at all.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 2)
        >>> layer = FieldModulation(regular, conditioning=3)
        >>> layer(regular(torch.randn(5, 8, 6, 6)), torch.randn(5, 3)).shape, layer.gains(torch.randn(5, 3)).shape
        (torch.Size([5, 8, 6, 6]), torch.Size([5, 2]))
    """

    owners: Tensor

    def __init__(self, in_type: FieldType, conditioning: int) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        self.gain = SpectralLinear(conditioning, len(in_type), bias=False, spectral_norm=False)
        nn.init.normal_(self.gain.weight, std=conditioning**-0.5 / 2)
        self.owners = Buffer(channel_owners(in_type), persistent=False)

    def gains(self, c: Tensor) -> Tensor:
        """Conditioning vector (B, conditioning) -> a number for every field, (B, F)."""
        with full_precision(c):
            return 1 + self.gain(c)

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """(B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        tensor = typed_tensor(self, x)
        gains = self.gains(c).to(tensor.dtype).index_select(1, self.owners)
        return self.out_type(gains[:, :, None, None] * tensor)

    @torch.no_grad()
    def export(self) -> nn.Module:
        """Plain torch on tensors: (B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        plain = nn.Linear(self.gain.in_features, len(self.owners), device="meta")
        plain.weight = nn.Parameter(self.gain.normed_filter()[self.owners].clone())
        plain.bias = nn.Parameter(torch.ones_like(plain.weight[:, 0]))
        return as_graph(Gains(plain))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape


class Gains(nn.Module):
    """Channels multiplied by what a dense layer makes of a vector."""

    def __init__(self, gain: nn.Module) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """(B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        scaled: Tensor = self.gain(c)[:, :, None, None] * x
        return scaled


class FieldNoise(EquivariantModule):
    """Noise added to every field, times a strength of its own that is learned, and 0 at first.

    Args:
        in_type: any field type.

    Shapes: (B, C, H, W) and noise (B, 1, H, W) -> (B, C, H, W).
    Symmetry: equivariant in both together, exact: f(g x, g n) = g f(x, n), for noise is a map of one trivial field.
        Noise that is independent from pixel to pixel, and alike, has the law of what a permutation of pixels makes of
        it; so the law of the result is that of its transforms where the law of x is.
    Source: Karras et al. 2019 (StyleGAN), section 3.2. One strength for a whole field (of a sum of irreps, for each of
        its trivial ones): own.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C2"), 1)
        >>> layer = FieldNoise(regular)
        >>> _ = layer.strength.data.fill_(2)
        >>> layer(regular(torch.zeros(1, 2, 1, 1)), torch.tensor([[[[3.0]]]])).tensor.flatten().tolist()
        [6.0, 6.0]
    """

    places: Tensor

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        places, count = bias_places(in_type)
        self.strength = nn.Parameter(torch.zeros(count))
        self.places = Buffer(torch.tensor(places), persistent=False)

    def strengths(self) -> Tensor:
        """What noise is multiplied by in every channel, (C,)."""
        padded = torch.cat([self.strength, self.strength.new_zeros(1)])  # for channels that no noise may enter
        return padded.index_select(0, self.places)

    def forward(self, x: GeometricTensor, noise: Tensor) -> GeometricTensor:
        """(B, C, H, W) and noise (B, 1, H, W) -> (B, C, H, W)."""
        tensor = typed_tensor(self, x)
        return self.out_type(tensor + self.strengths().to(tensor.dtype)[:, None, None] * noise)

    @torch.no_grad()
    def export(self) -> nn.Module:
        """Plain torch on tensors: (B, C, H, W) and noise (B, 1, H, W) -> (B, C, H, W)."""
        return as_graph(Strengths(self.strengths()))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape


class Strengths(nn.Module):
    """Channels with noise added, times a number for each."""

    def __init__(self, strength: Tensor) -> None:
        super().__init__()
        self.strength = nn.Parameter(strength.clone())

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """(B, C, H, W) and noise (B, 1, H, W) -> (B, C, H, W)."""
        return x + self.strength[:, None, None] * noise
