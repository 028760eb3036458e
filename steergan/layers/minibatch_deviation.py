"""How much the images of a batch differ from each other, as one more feature of each."""

import torch
from torch import Tensor, nn

EPSILON = 1e-8
"""Added to variances, so that the deviation has derivatives where all images are alike."""


class MinibatchDeviation(nn.Module):
    """Appends to features the mean of their standard deviations over a few images: little of it where a batch is alike.

    Images are taken `images` at a time as they come, a last group may have fewer; each feature's variance is that over
    the group (biased), and the mean over features of sqrt(variance + 1e-8) is the same number for all of the group.

    Args:
        images: of a group.

    Shapes: (B, D) -> (B, D + 1).
    Symmetry: invariant where the features are, whichever images are moved, each by an element of its own: features are
        pooled over the group and over space before they are compared.
    Source: Karras et al. 2018, "Progressive Growing of GANs", section 3; groups of images: Karras et al. 2020,
        "Analyzing and Improving the Image Quality of StyleGAN", whose code takes four.
    Differs: of pooled features, not at every pixel of a map, where an image would have to be turned as its mates are;
        groups are of consecutive images, so that parts of a batch, and processes, can hold whole ones.

    Examples:
        >>> phi = torch.tensor([[0.0, 1.0], [2.0, 7.0], [5.0, 0.0], [5.0, 4.0]])
        >>> MinibatchDeviation(2)(phi)[:, 2]  # features of two images have deviations of 1 and 3, of two of 0 and 2
        tensor([2.0000, 2.0000, 1.0000, 1.0000])
    """

    def __init__(self, images: int) -> None:
        super().__init__()
        self.images = images

    def forward(self, phi: Tensor) -> Tensor:
        """(B, D) -> (B, D + 1)."""
        whole = len(phi) - len(phi) % self.images
        found = [deviation(phi[:whole].unflatten(0, (-1, self.images)))] if whole else []
        if whole < len(phi):
            found.append(deviation(phi[whole:].unsqueeze(0)))
        return torch.cat([phi, torch.cat(found)], dim=1)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"images={self.images}"


def deviation(phi_NGD: Tensor) -> Tensor:
    """Of N groups of G images, the mean deviation of their features, (N * G, 1)."""
    variance_ND = (phi_NGD - phi_NGD.mean(1, keepdim=True)).square().mean(1)
    mean_N1 = (variance_ND + EPSILON).sqrt().mean(1, keepdim=True)
    return mean_N1.repeat_interleave(phi_NGD.shape[1], dim=0)
