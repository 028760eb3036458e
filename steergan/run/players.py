"""How generator and discriminator stand against each other, and when one of them does nothing any more."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from torch import Tensor

from steergan.data import ImageSet
from steergan.layers import shared_filters
from steergan.losses import OBJECTIVES
from steergan.networks import Discriminator as PaperDiscriminator
from steergan.networks.scale import gain_for, gradient_norms
from steergan.penalties import per_image
from steergan.pixels import as_unit, to_unit
from steergan.randomness import numpy_stream
from steergan.recipe import LossSettings
from steergan.training import Discriminator, Processes
from steergan.training.protocols import as_module
from steergan.translation import PairSet

SCORED = 1000
"""Images of a kind that are scored."""
DIFFERENTIATED = 250
"""Training images at which the gradient is measured."""
PIXELS_AT_ONCE = 2**18

UNBENT = 0.01
"""A hinge that bent for a smaller share of all scores than this at every evaluation is a line. (Between players that
are even all scores are near 0; one that can bend did so before the first step.)"""
SMALL_PENALTY = 0.01
"""A penalty of less than this share of what it stands against is not felt."""
KNOWN_BY_HEART = 0.25
"""Held-out images keep a smaller share than this of the lead that training images have over generated ones."""
CLEAR_LEAD = 0.7
APART = 0.999
"""Probabilities that a training image scores above a generated one: from where it counts, and where nothing is open."""

Row = dict[str, float | None]


def score_players(
    discriminator: Discriminator,
    fake: tuple[Tensor, Tensor],
    real: ImageSet | PairSet,
    held_out: ImageSet | PairSet,
    loss: LossSettings,
) -> Row:
    """What a discriminator in evaluation mode says about images of three kinds, at most 1,000 of each.

    Args:
        discriminator: on any device; it stays as it is.
        fake: generated images, uint8 (N, C, H, W), and their labels, int64 (N,), or inputs, uint8 (N, C, H, W).
        real: the images that it was trained on, with labels, or pairs.
        held_out: others of the same law.
        loss: what it was trained by.

    Returns:
        real_score, held_out_score, fake_score: means.
        auc_train, auc_held_out: probability that a real image scores above a generated one; 0.5: not told apart.
        gradient_norm: root of the mean over 250 training images of ||dD/dx||^2, x in [-1, 1].
        penalty_share: p / (p + gain), where p is what R1 and R2 add to the loss and gain is what the discriminator's
            scores take off it, against scoring all images alike; None without penalties. (The value of the loss itself
            says nothing: a hinge that does not bend is 2 plus what is gained.)
        bent_share: share of the scores of training and generated images where the hinge is flat; None for other losses.
    """
    kinds = {"real": subset(real, SCORED), "held_out": subset(held_out, SCORED), "fake": (fake[0], fake[1])}
    with shared_filters(as_module(discriminator)):
        scored = {name: scores(discriminator, *(some[:SCORED] for some in kind)) for name, kind in kinds.items()}
        squared, squared_at_fake = (
            float(np.mean(slopes(discriminator, *(some[:DIFFERENTIATED] for some in kinds[name])) ** 2))
            for name in ("real", "fake")
        )
    up, down = scored["real"], scored["fake"]
    penalty = (loss.r1_weight * squared + loss.r2_weight * squared_at_fake) / 2
    gained = abs(loss_of(loss, np.zeros(1), np.zeros(1)) - loss_of(loss, up, down))
    bent = np.concatenate([up > 1, down < -1])
    return {
        **{f"{name}_score": float(values.mean()) for name, values in scored.items()},
        "auc_train": lead(up, down),
        "auc_held_out": lead(scored["held_out"], down),
        "gradient_norm": math.sqrt(squared),
        "penalty_share": penalty / (penalty + gained) if penalty else None,
        "bent_share": float(bent.mean()) if loss.name == "hinge" else None,
    }


def set_gain(discriminator: PaperDiscriminator, real: ImageSet, norm: float, processes: Processes) -> str:
    """Multiply a new discriminator's scores so that their gradient at training images is of that size; a line about it.

    Args:
        discriminator: with `initial_gradient`, in training mode, on its device.
        real: the images that it is trained on, of which 250 are looked at.
        norm: root mean square of ||dD/dx||, x in [-1, 1].
        processes: which train it together; all take the first one's gain.
    """
    assert discriminator.gain is not None
    batches = in_batches(*subset(real, DIFFERENTIATED), discriminator)
    gain = processes.told(gain_for(discriminator, batches, norm))
    discriminator.gain.fill_(gain)
    return f"discriminator: scores times {gain:g}, so that their gradient at training images is {norm:g} at the start"


def loss_of(loss: LossSettings, up: NDArray[np.float64], down: NDArray[np.float64]) -> float:
    """The discriminator's loss of scores of real and generated images, of which as many as of the fewer are taken."""
    count = min(len(up), len(down))
    objective = OBJECTIVES[loss.name].discriminator
    return float(objective(torch.from_numpy(up[:count]), torch.from_numpy(down[:count])))


def subset(images: ImageSet | PairSet, count: int) -> tuple[Tensor, Tensor]:
    """At most so many images of a set and their labels, the same at every call, and no two classes apart."""
    rows = numpy_stream(0, "players").permutation(len(images))[:count]
    return torch.from_numpy(images.images[rows]), torch.from_numpy(images.labels[rows])


def in_batches(images: Tensor, labels: Tensor, discriminator: Discriminator) -> Sequence[tuple[Tensor, Tensor]]:
    """Images in [-1, 1] on the discriminator's device, with their labels, so many as its maps leave memory for.

    Inputs that stand in the place of labels come in [-1, 1], too.
    """
    device = next(p for _, p in discriminator.named_parameters()).device
    at_once = max(1, PIXELS_AT_ONCE // (images.shape[2] * images.shape[3]))
    parts = zip(images.split(at_once), labels.split(at_once), strict=True)
    return [(to_unit(x.to(device)), as_unit(y.to(device))) for x, y in parts]


@torch.no_grad()
def scores(discriminator: Discriminator, images: Tensor, labels: Tensor) -> NDArray[np.float64]:
    """The score of every image, (N,)."""
    found = [per_image(discriminator(x, y)).double().cpu() for x, y in in_batches(images, labels, discriminator)]
    return np.asarray(torch.cat(found).numpy())


def slopes(discriminator: Discriminator, images: Tensor, labels: Tensor) -> NDArray[np.float64]:
    """The Euclidean norm of the score's gradient by the pixels at every image, (N,)."""
    found = [gradient_norms(discriminator, x, y).cpu() for x, y in in_batches(images, labels, discriminator)]
    return np.asarray(torch.cat(found).numpy())


def lead(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """The probability that one of the first is larger than one of the second, ties counting half."""
    return float(mannwhitneyu(above, below, method="asymptotic").statistic) / (len(above) * len(below))


def idle_words(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What of the game has come to a standstill by the newest row, by kind; nothing before the first step.

    Args:
        rows: what `score_players` said, with the step, in order.
    """
    if not rows or not rows[-1]["step"]:
        return {}
    now = rows[-1]
    train, held_out, bent, share = (now[key] for key in ("auc_train", "auc_held_out", "bent_share", "penalty_share"))
    found = {}
    if bent is not None and max(row["bent_share"] for row in rows) < UNBENT:
        found["hinge"] = (
            "the hinge has never bent: real images score below 1, generated ones above -1; the discriminator's "
            f"gradient is {now['gradient_norm']:.2g}"
        )
    if share is not None and share < SMALL_PENALTY:
        found["penalty"] = (
            f"the penalty is {share:.1%} of what the discriminator gains by telling images apart: it holds nothing back"
        )
    if train > CLEAR_LEAD and held_out - 0.5 < KNOWN_BY_HEART * (train - 0.5):
        found["overfitting"] = (
            f"the discriminator knows its training images by heart: {train:.0%} of them score above a generated image, "
            f"of held-out images {held_out:.0%}"
        )
    if len(rows) > 1 and min(train, rows[-2]["auc_train"]) > APART:
        found["apart"] = "every real image scores above every generated one, evaluation after evaluation"
    return found
