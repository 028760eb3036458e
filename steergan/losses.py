"""GAN objectives as functions of scores.

A loss is `(up_B, down_B) -> scalar`: it pushes the `up` scores up and the `down` scores down. An objective is a pair of
them, one per player; all have one form, so a recipe names an objective and no ladder of `if` follows. Every
logarithm of a probability is written with `softplus`, so gradients stay right at any score. All are means over scores:
where an image has a map of them, (B, ...) in place of (B,), every patch of it counts as an image does.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

Loss = Callable[[Tensor, Tensor], Tensor]


def non_saturating_discriminator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up) - E log(1 - sigmoid(down)), cross entropy.

    Args:
        up_B: scores to push up, (B,) float.
        down_B: scores to push down, (B,) float.

    Returns:
        The loss, 0-d.

    Source: Goodfellow et al. 2014; named in Dey et al. 2021, section 3.1, as NSGAN.

    Examples:
        >>> import torch
        >>> non_saturating_discriminator(torch.zeros(4), torch.zeros(4))  # 2 log 2
        tensor(1.3863)
    """
    return softplus(-up_B).mean() + softplus(down_B).mean()


def non_saturating_generator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up), which does not go flat where the discriminator is sure.

    Args:
        up_B: scores to push up, (B,) float.
        down_B: not used.

    Returns:
        The loss, 0-d.

    Source: Goodfellow et al. 2014; named in Dey et al. 2021, section 3.1, as NSGAN.

    Examples:
        >>> import torch
        >>> non_saturating_generator(torch.tensor([0.0, -100.0]), torch.zeros(2))
        tensor(50.3466)
    """
    return softplus(-up_B).mean()


def wasserstein_discriminator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """E down - E up; means nothing without a Lipschitz constraint (`penalties.wgan_gp`, spectral norm).

    Args:
        up_B: scores to push up, (B,) float.
        down_B: scores to push down, (B,) float.

    Returns:
        The loss, 0-d.

    Source: Arjovsky et al. 2017; named in Dey et al. 2021, section 3.1, as WGAN.

    Examples:
        >>> import torch
        >>> wasserstein_discriminator(torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.5]))
        tensor(-1.5000)
    """
    return down_B.mean() - up_B.mean()


def linear_generator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E up, the generator's part of the Wasserstein and the hinge objective.

    Args:
        up_B: scores to push up, (B,) float.
        down_B: not used.

    Returns:
        The loss, 0-d.

    Source: Arjovsky et al. 2017; Lim and Ye 2017.

    Examples:
        >>> import torch
        >>> linear_generator(torch.tensor([1.0, 3.0]), torch.zeros(2))
        tensor(-2.)
    """
    return -up_B.mean()


def relativistic_average(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up - E down) - E log(1 - sigmoid(down - E up)), for either player.

    Both means carry gradients.

    Args:
        up_B: scores to push up, (B,) float.
        down_B: scores to push down, (B,) float.

    Returns:
        The loss, 0-d.

    Source: Jolicoeur-Martineau 2018; named in Dey et al. 2021, section 3.1, as RaGAN.
    Differs: no epsilon inside the logarithms (it would flatten the gradient at large scores).

    Examples:
        >>> import torch
        >>> up_B, down_B = torch.tensor([1.0, 2.0]), torch.tensor([-1.0, 0.0])
        >>> relativistic_average(up_B, down_B), relativistic_average(up_B + 7, down_B + 7)
        (tensor(0.2803), tensor(0.2803))
    """
    return softplus(down_B.mean() - up_B).mean() + softplus(down_B - up_B.mean()).mean()


def relativistic_pairing(up_B: Tensor, down_B: Tensor) -> Tensor:
    """-E log sigmoid(up - down), pair by pair, for either player.

    Args:
        up_B: scores to push up, (B,) float.
        down_B: scores to push down, (B,) float; those of one place belong together, and their images have one label.

    Returns:
        The loss, 0-d.

    Raises:
        ValueError: unequal numbers of scores.

    Source: Jolicoeur-Martineau 2018, section 3; Huang et al. 2024, "The GAN is dead; long live the GAN!", which has it
        with R1 and R2.

    Examples:
        >>> import torch
        >>> up_B, down_B = torch.tensor([1.0, 5.0]), torch.tensor([1.0, -95.0])
        >>> relativistic_pairing(up_B, down_B)  # (log 2 + 0) / 2
        tensor(0.3466)
    """
    if up_B.shape != down_B.shape:
        raise ValueError(f"{len(up_B)} and {len(down_B)} scores came; pairs were wanted, one of each in every pair")
    return softplus(down_B - up_B).mean()


def hinge_discriminator(up_B: Tensor, down_B: Tensor) -> Tensor:
    """E max(0, 1 - up) + E max(0, 1 + down).

    Args:
        up_B: scores to push up, (B,) float.
        down_B: scores to push down, (B,) float.

    Returns:
        The loss, 0-d.

    Source: Lim and Ye 2017, Tran et al. 2017; used by Dey et al. 2021 for CIFAR-10 (C.2).

    Examples:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([2.0, 0.5]), torch.tensor([-3.0, -1.0]))
        tensor(0.2500)
    """
    return relu(1 - up_B).mean() + relu(1 + down_B).mean()


class Objective(NamedTuple):
    """What the two players minimise: a loss each, and penalties.

    Examples:
        >>> objective = OBJECTIVES["hinge"]._replace(r1_weight=0.1)
        >>> objective.generator_sees_real, objective.r1_weight
        (False, 0.1)
    """

    discriminator: Loss
    """Called with up = real scores, down = fake scores."""
    generator: Loss
    """Called with up = fake scores, down = real scores."""
    generator_sees_real: bool = False
    """Whether the generator's loss depends on the real scores; if not, they are not computed for its update."""
    coupled: bool = False
    """Whether a batch's loss is more than the mean of its images' losses: its parts need each other's scores."""
    r1_weight: float = 0.0
    """Of `penalties.r1_penalty`; 0 leaves it out."""
    r2_weight: float = 0.0
    """Of the same at generated images; 0 leaves it out."""
    wgan_gp_weight: float = 0.0
    """Of `penalties.wgan_gp`; 0 leaves it out."""
    orthogonal_weight: float = 0.0
    """Of `penalties.orthogonal_penalty` on the generator's weights; 0 leaves it out."""
    reconstruction_weight: float = 0.0
    """Of `penalties.reconstruction_loss`, in the generator's loss; 0 leaves it out."""
    discriminator_weight: float = 1.0
    """Of the discriminator's loss against its penalties."""


OBJECTIVES: dict[str, Objective] = {
    "non-saturating": Objective(non_saturating_discriminator, non_saturating_generator),
    "wasserstein": Objective(wasserstein_discriminator, linear_generator),
    "relativistic-average": Objective(
        relativistic_average, relativistic_average, generator_sees_real=True, coupled=True
    ),
    "relativistic-pairing": Objective(
        relativistic_pairing, relativistic_pairing, generator_sees_real=True
    ),
    "hinge": Objective(hinge_discriminator, linear_generator),
}
"""The objectives by their names in a recipe (`loss.name`)."""
