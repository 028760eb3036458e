"""Dense layers and tables of vectors, orthogonally initialised, with optional spectral norms."""

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear

from steergan.layers.plain import frozen
from steergan.layers.shared_filters import FilteredLayer
from steergan.layers.spectral_norm import NormOf


class SpectralLinear(torch.nn.Linear, FilteredLayer):
    """A dense layer, orthogonally initialised with zero bias, with an optional spectral norm.

    Args:
        in_features: length of the input.
        out_features: length of the output.
        bias: whether to add one.
        spectral_norm: whether the weight is divided by its spectral norm.

    Shapes: (..., in_features) -> (..., out_features).
    Symmetry: neither; it acts on vectors that the group leaves alone.
    Source: Dey et al. 2021, C.2 (spectral norm everywhere but on the class embedding; orthogonal initialisation).

    Examples:
        >>> layer = SpectralLinear(6, 4)
        >>> layer(torch.randn(2, 6)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, spectral_norm: bool | NormOf = True
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.start_spectral_norm(spectral_norm)

    def reset_parameters(self) -> None:
        """An orthogonal weight and a zero bias."""
        torch.nn.init.orthogonal_(self.weight)
        if self.bias is not None:
            torch.nn.init.zeros_(self.bias)

    def filter_weights(self) -> list[Tensor]:
        """The weight alone."""
        return [self.weight]

    def raw_filter(self) -> Tensor:
        """The weight, (out_features, in_features)."""
        return self.weight

    @torch.no_grad()
    def export(self) -> torch.nn.Linear:
        """Torch's own dense layer, its weight divided by the spectral norm."""
        layer = torch.nn.Linear(self.in_features, self.out_features, self.bias is not None, device="meta")
        layer.weight = torch.nn.Parameter(self.normed_filter().clone())
        if self.bias is not None:
            layer.bias = torch.nn.Parameter(self.bias.clone())
        return frozen(layer)

    def forward(self, input: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        return linear(input, self.kept("filter", self.filter_matrix), self.bias)


class SpectralEmbedding(torch.nn.Embedding, FilteredLayer):
    """Vectors of labels, orthogonally initialised, with an optional spectral norm.

    Args:
        labels: how many there are.
        features: length of a vector.
        spectral_norm: whether the table, (labels, features), is divided by its spectral norm.

    Shapes: (...) int64 -> (..., features).
    Symmetry: neither; the group leaves labels alone.
    Source: Miyato and Koyama 2018, whose code has the norm; Dey et al. 2021, C.2, which has not.

    Examples:
        >>> layer = SpectralEmbedding(3, 4)
        >>> layer(torch.tensor([0, 2])).shape
        torch.Size([2, 4])
    """

    def __init__(self, labels: int, features: int, spectral_norm: bool | NormOf = True) -> None:
        super().__init__(labels, features)
        self.start_spectral_norm(spectral_norm)

    def reset_parameters(self) -> None:
        """An orthogonal table."""
        super().reset_parameters()  # draws what it always drew first
        torch.nn.init.orthogonal_(self.weight)

    def filter_weights(self) -> list[Tensor]:
        """The table alone."""
        return [self.weight]

    def raw_filter(self) -> Tensor:
        """The table, (labels, features)."""
        return self.weight

    @torch.no_grad()
    def export(self) -> torch.nn.Embedding:
        """Torch's own table, divided by the spectral norm."""
        layer = torch.nn.Embedding(self.num_embeddings, self.embedding_dim, _weight=self.normed_filter().clone())
        return frozen(layer)

    def forward(self, input: Tensor) -> Tensor:
        """(...) int64 -> (..., features)."""
        return embedding(input, self.kept("filter", self.filter_matrix))
