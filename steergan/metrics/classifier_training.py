"""Training a classifier whose features will measure generators."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample
from torch.optim.lr_scheduler import OneCycleLR

from steergan.errors import DataError, RunError
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit
from steergan.progress import Progress, unheard
from steergan.randomness import numpy_stream, seed_torch, stream_seed, torch_stream


@dataclass(frozen=True)
class ClassifierTraining:
    """How a classifier is built and trained: Adam under one cycle of the learning rate (up, then down to zero).

    Examples:
        >>> from steergan.metrics import ClassifierTraining
        >>> ClassifierTraining(epochs=2).updates_for(12_000)
        375
    """

    group: str = "C4"
    widths: tuple[int, ...] = (10, 10, 10, 10, 10, 10)
    """Regular fields of each 3x3 group convolution."""
    features: int = 64
    """Invariant features."""
    epochs: int = 2
    updates: tuple[int, int] = (300, 1000)
    """The fewest and the most updates, whatever the number of images."""
    batch_size: int = 64
    peak_rate: float = 0.01
    rotate: bool = True
    """Rotate every image by a uniform angle each time; for images without a preferred orientation."""

    def updates_for(self, count: int) -> int:
        """Updates for a set of `count` images."""
        fewest, most = self.updates
        return min(most, max(fewest, ceil(self.epochs * count / self.batch_size)))

    def with_updates(self, updates: int) -> "ClassifierTraining":
        """Settings with so many updates, whatever the number of images."""
        return replace(self, updates=(updates, updates))


def train_classifier(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    classes: int,
    settings: ClassifierTraining | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Progress = unheard,
) -> Classifier:
    """A classifier of the images, in evaluation mode.

    The same arguments give the same weights on the same machine and number of threads.

    Args:
        images: uint8 (N, C, H, W).
        labels: int64 (N,), from 0 to classes - 1.
        classes: how many there are.
        settings: what is built and how it is trained; None: the defaults.
        seed: of weights, order and angles.
        device: where it is trained.
        progress: hears of updates.

    Raises:
        DataError: fewer than two images, or labels that don't match the images or the classes.
        RunError: the loss is not finite.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import ClassifierTraining, train_classifier
        >>> images = np.zeros((4, 1, 8, 8), np.uint8)
        >>> short = ClassifierTraining(widths=(2, 2), features=3, updates=(1, 1))
        >>> train_classifier(images, np.arange(4) % 2, classes=2, settings=short).training
        False
    """
    trainer = ClassifierTrainer(images, labels, classes, settings or ClassifierTraining(), seed=seed, device=device)
    while trainer.done < trainer.updates:
        trainer.update()
        progress(trainer.done, trainer.updates)
    return trainer.classifier.eval()


class ClassifierTrainer:
    """A classifier on its way, update by update; its state can be kept between two of them.

    Args:
        images: uint8 (N, C, H, W).
        labels: int64 (N,), from 0 to classes - 1.
        classes: how many there are.
        settings: what is built and how it is trained.
        seed: of weights, order and angles.
        device: where it is trained.

    Raises:
        DataError: fewer than two images, or labels that don't match the images or the classes.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        classes: int,
        settings: ClassifierTraining,
        *,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        check_labels(images, labels, classes)
        self.images, self.labels, self.settings, self.seed, self.device = images, labels, settings, seed, device
        with torch.random.fork_rng(devices=[]):  # layers may initialise from torch's global stream
            seed_torch(stream_seed(seed, "classifier-weights"))
            self.classifier = Classifier(settings.group, classes, images.shape[1:], settings.widths, settings.features)
        self.classifier.to(device).train()
        self.updates, self.done = settings.updates_for(len(images)), 0
        self.optimizer = torch.optim.Adam(self.classifier.parameters(), lr=settings.peak_rate)
        self.schedule = OneCycleLR(
            self.optimizer, settings.peak_rate, total_steps=self.updates, cycle_momentum=False
        )

    def update(self) -> None:
        """One more step of Adam.

        Raises:
            RunError: the loss is not finite.
        """
        rows = rows_of(self.done, len(self.images), self.settings.batch_size, self.seed)
        image = to_unit(torch.from_numpy(self.images[rows]))
        image = rotated(image, self.seed, self.done) if self.settings.rotate else image
        loss = cross_entropy(
            self.classifier(image.to(self.device)), torch.from_numpy(self.labels[rows]).to(self.device)
        )
        if not torch.isfinite(loss):
            wanted = f"lower its peak_rate, {self.settings.peak_rate}"
            raise RunError(f"classifier: the loss is {loss.item()} at update {self.done}; {wanted}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.done += 1

    def state_dict(self) -> dict[str, Any]:
        """All that the next update depends on, and how many are done."""
        parts = {name: getattr(self, name).state_dict() for name in ("classifier", "optimizer", "schedule")}
        return {**parts, "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of the same training.

        Raises:
            KeyError, RuntimeError, TypeError, ValueError: it is another's.
        """
        for name in ("classifier", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.done = int(state["done"])


def shuffled(count: int, batch_size: int, updates: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """The rows of each update, in turn."""
    return (rows_of(update, count, batch_size, seed) for update in range(updates))


def rows_of(update: int, count: int, batch_size: int, seed: int) -> NDArray[np.int64]:
    """Row numbers of an update: every epoch is a seeded order of all rows, short rests left out."""
    size = min(batch_size, count)
    epoch, place = divmod(update, count // size)
    order = order_of(epoch, count, seed)
    return order[place * size : (place + 1) * size]


@lru_cache(maxsize=1)
def order_of(epoch: int, count: int, seed: int) -> NDArray[np.int64]:
    """All rows in the order of an epoch."""
    return numpy_stream(seed, "classifier-order", epoch).permutation(count)


def rotated(image: Tensor, seed: int, update: int) -> Tensor:
    """Images (B, C, H, W), each rotated about its centre by a uniform angle; the border's colour fills the corners."""
    angle = 2 * torch.pi * torch.rand(len(image), generator=torch_stream(seed, "classifier-angles", update))
    return turned(image, angle.tolist())


def turned(image: Tensor, angles: Sequence[float]) -> Tensor:
    """Images (B, C, H, W) rotated counterclockwise by angles in radians, one each, bilinearly."""
    angle = torch.tensor(angles, dtype=image.dtype)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    height, width = image.shape[-2:]
    # affine_grid's coordinates run from -1 to 1 on both axes, so a rotation of a rectangle needs its sides.
    first = torch.stack([cosine, -sine * height / width, zero], dim=1)
    second = torch.stack([sine * width / height, cosine, zero], dim=1)
    grid = affine_grid(torch.stack([first, second], dim=1), list(image.shape), align_corners=False)
    return grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def check_labels(images: NDArray[np.uint8], labels: NDArray[np.int64], classes: int) -> None:
    """Refuse what a classifier can't be trained on.

    Raises:
        DataError: fewer than two images, or labels that don't match the images or the classes.
    """
    if len(images) < 2 or len(images) != len(labels):
        raise DataError(
            f"{len(images)} images with {len(labels)} labels; at least two images, each with a label, were wanted"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels run from {labels.min()} to {labels.max()}; {classes} classes have 0 to {classes - 1}")
