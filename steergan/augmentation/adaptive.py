"""The probability of augmentation, controlled by how well the discriminator knows the real images."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

INTERVAL = 4
"""Generator steps between adjustments."""


class AdaptiveProbability:
    """A probability p, from 0, that rises while the discriminator overfits and falls while it does not.

    Every `INTERVAL` steps, with r the mean over the real images shown since the last time of

        sign(D(real) - mean D(generated))

    the mean being that of the same batch,

        p <- clamp(p + sign(r - target) * images shown / adaptive_images, 0, 1)

    Everything stays on the device: nothing waits for an accelerator.

    Args:
        target: of r; `augmentation.adaptive_target` of a recipe.
        images: over how many real images p can move by 1.
        device: where p lives.

    Source: Karras et al. 2020, section 3.1: r_t, 500,000 images, every four minibatches, target 0.6.
    Differs: there r is the mean sign of D(real), which measures the offset of all scores where it is free, as it nearly
        is while the hinge does not bend: it may be 0.8 on real and on generated images alike. p ends at 1 (there it is
        only kept above 0); four generator steps, with all their discriminator updates.
    """

    def __init__(self, target: float, images: int, device: torch.device | str = "cpu") -> None:
        self.target, self.images = target, images
        self.probability = torch.zeros((), device=device)
        self.sign_sum = torch.zeros((), device=device)
        self.count = 0

    @torch.no_grad()
    def observe(self, sign: Tensor, count: int) -> None:
        """Take in the mean sign, 0-d, of `count` real images."""
        self.sign_sum += sign * count
        self.count += count

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """Adjust p if generator step `step` ends an interval."""
        if step % INTERVAL or not self.count:
            return
        direction = (self.sign_sum / self.count - self.target).sign()
        self.probability.add_(direction * self.count / self.images).clamp_(0, 1)
        self.sign_sum.zero_()
        self.count = 0

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; tensors are the object's own."""
        return {"probability": self.probability, "sign_sum": self.sign_sum, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            KeyError: something is missing.
        """
        self.probability.copy_(state["probability"])
        self.sign_sum.copy_(state["sign_sum"])
        self.count = int(state["count"])
