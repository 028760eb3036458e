"""GAN objectives as functions of scores.

A loss is `(up_B, down_B) -> scalar`: it pushes the `up` scores up and the `down` scores down. An objective is a pair of
them, one per player; all have one form, so a recipe names an objective and no ladder of `if` follows. Every
logarithm of a probability is written with `softplus`, so gradients stay right at any score.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

Loss = Callable[[Tensor, Tensor], Tensor]


def non_saturating_discriminator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up) - E log(1 - sigmoid(down)).

    Args:
        up_B: scores to push up, (B,) float.
        down_B: scores to push down, (B,) float.

    Source: Goodfellow et al. 2014; named in Dey et al., section 3.1, as NSGAN.
    """
    return softplus(-up_B).mean() + softplus(down_B).mean()


def non_saturating_generator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up); `down_B` is not used."""
    return softplus(-up_B).mean()


def wasserstein_discriminator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """E down - E up; means nothing without a Lipschitz constraint (`penalties.wgan_gp`, spectral norm).

    Source: Arjovsky et al. 2017; named in Dey et al., section 3.1, as WGAN.
    """
    return down_B.mean() - up_B.mean()


def linear_generator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E up, the generator's part of the Wasserstein and the hinge objective; `down_B` is not used."""
    return -up_B.mean()


def relativistic_average(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up - E down) - E log(1 - sigmoid(down - E up)), for either player.

    Both means carry gradients.

    Source: Jolicoeur-Martineau 2018; named in Dey et al., section 3.1, as RaGAN.
    Differs: no epsilon inside the logarithms (it would flatten the gradient at large scores).
    """
    return softplus(down_B.mean() - up_B).mean() + softplus(down_B - up_B.mean()).mean()


def hinge_discriminator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """E max(0, 1 - up) + E max(0, 1 + down).

    Source: Lim and Ye 2017, Tran et al. 2017; used by Dey et al. for CIFAR-10 (C.2).
    """
    return relu(1 - up_B).mean() + relu(1 + down_B).mean()


class Objective(NamedTuple):
    """What the two players minimise."""

    discriminator: Loss
    """Called with up = real scores, down = fake scores."""
    generator: Loss
    """Called with up = fake scores, down = real scores."""
    generator_sees_real: bool = False
    """Whether the generator's loss depends on the real scores; if not, they are not computed for its update."""
    relative: bool = False
    """Whether only differences of scores count, so that the sign of a score alone means nothing."""


OBJECTIVES: dict[str, Objective] = {
    "non-saturating": Objective(non_saturating_discriminator, non_saturating_generator),
    "wasserstein": Objective(wasserstein_discriminator, linear_generator, relative=True),
    "relativistic-average": Objective(
        relativistic_average, relativistic_average, generator_sees_real=True, relative=True
    ),
    "hinge": Objective(hinge_discriminator, linear_generator),
}
"""The objectives by their names in a recipe (`loss.name`)."""
