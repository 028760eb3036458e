"""Maps of noise that a generator takes from the end of its latent, and that turn with the seed map."""

from collections.abc import Sequence

import torch
from escnn.gspaces import GSpace2D
from torch import Tensor, nn

from steergan.symmetry import grid_permutation


class NoiseMaps(nn.Module):
    """Where in a conditioning vector the numbers of each map stand, and which pixel goes where.

    A conditioning vector is the latent, the noise, one map behind the other, and the embedding of the label. The noise
    is part of what callers draw as the latent: so it depends on the seed and the step as that does, is interpolated,
    scaled by truncation and exported with it, and its law is that of the latent.

    Args:
        space: of the group, which permutes pixels where there are maps.
        latent: numbers in front of the noise.
        sizes: (h, w) of every map in pixels; none: there is no noise, and nothing is done.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> noise = NoiseMaps(gspace("C4"), 1, [(2, 2)])
        >>> c = torch.tensor([[7.0, 1.0, 2.0, 3.0, 4.0, 8.0]])
        >>> noise.without(c).tolist(), noise.maps(c)[0].tolist()
        ([[7.0, 8.0]], [[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> noise.turned(c, torch.tensor([1])).tolist()
        [[7.0, 2.0, 4.0, 1.0, 3.0, 8.0]]
    """

    def __init__(self, space: GSpace2D, latent: int, sizes: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.latent, self.sizes = latent, tuple(sizes)
        self.counts = [height * width for height, width in self.sizes]
        self.numbers = sum(self.counts)
        for i, size in enumerate(self.sizes):
            self.register_buffer(f"turn{i}_GP", torch.from_numpy(grid_permutation(space, *size)), persistent=False)

    @property
    def turns(self) -> list[Tensor]:
        """For every map, where each pixel of it comes from under each element, (G, h * w) int64."""
        return [turn for turn in self._buffers.values() if turn is not None]

    def without(self, c: Tensor) -> Tensor:
        """Conditioning vector (B, latent + noise + rest) -> (B, latent + rest)."""
        if not self.numbers:
            return c
        return torch.cat([c[:, : self.latent], c[:, self.latent + self.numbers :]], dim=1)

    def with_maps(self, c: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """(B, latent + rest) and maps (B, 1, h, w) -> the conditioning vector, (B, latent + noise + rest)."""
        return torch.cat([c[:, : self.latent], *(each.flatten(1) for each in maps), c[:, self.latent :]], dim=1)

    def maps(self, c: Tensor) -> list[Tensor]:
        """Conditioning vector -> every map, (B, 1, h, w)."""
        found, start = [], self.latent
        for count, size in zip(self.counts, self.sizes, strict=True):
            found.append(c[:, start : start + count].unflatten(1, (1, *size)))
            start += count
        return found

    def turned(self, c: Tensor, element: Tensor | None) -> Tensor:
        """The conditioning vector with each sample's maps moved by its element, (B,) int64; None: nothing moves."""
        if element is None or not self.turns:
            return c
        moved = [each.flatten(1).gather(1, turn[element]) for each, turn in zip(self.maps(c), self.turns, strict=True)]
        return self.with_maps(self.without(c), moved)
