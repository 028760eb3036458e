"""The end of a projection discriminator."""

import torch
from torch import Tensor

from steergan.copies import copied
from steergan.layers.dense import SpectralEmbedding, SpectralLinear
from steergan.layers.plain import as_graph
from steergan.layers.spectral_norm import NormOf
from steergan.places import put


class ProjectionHead(torch.nn.Module):
    """score = w . phi + b + <e(y), phi>.

    Args:
        features: length of phi, D.
        classes: number of labels, K.
        spectral_norm: whether w is divided by its length.
        embedding_norm: whether the table of e is divided by its spectral norm.

    Shapes: phi (B, D), y (B,) int64 in 0..K-1 -> score (B,).
    Symmetry: invariant where phi is.
    Source: Miyato and Koyama 2018; Dey et al. 2021, section 2.2 and C.2 (no spectral norm on the class embedding; the
        authors' code has it, but for rotated MNIST).

    Examples:
        >>> head = ProjectionHead(features=5, classes=3)
        >>> head(torch.randn(4, 5), torch.tensor([0, 1, 2, 0])).shape
        torch.Size([4])
    """

    def __init__(
        self, features: int, classes: int, *, spectral_norm: bool | NormOf = True, embedding_norm: bool = False
    ) -> None:
        super().__init__()
        self.linear = SpectralLinear(features, 1, spectral_norm=spectral_norm)
        self.embedding = SpectralEmbedding(classes, features, spectral_norm=embedding_norm)

    def export(self) -> torch.nn.Module:
        """Plain torch: (B, D) and labels (B,) -> (B,)."""
        twin = copied(self)
        put(twin, {"linear": self.linear.export(), "embedding": self.embedding.export()})
        return as_graph(twin)

    def forward(self, phi: Tensor, y: Tensor) -> Tensor:
        """(B, D) and y (B,) -> (B,)."""
        score: Tensor = self.linear(phi).squeeze(1)
        return score + (self.embedding(y) * phi).sum(1)
