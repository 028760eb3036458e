"""Fine-tuning a torchvision backbone on the images that are to be measured."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR

from steergan.errors import RunError
from steergan.metrics.backbone import Backbone
from steergan.metrics.classifier_training import check_labels, shuffled
from steergan.metrics.images import Rows
from steergan.progress import Progress, unheard
from steergan.randomness import seed_torch, stream_seed, torch_stream
from steergan.symmetry.actions import act, action_table


class Epoch(Protocol):
    """Called after every epoch."""

    def __call__(self, number: int, accuracy: float, /) -> None:
        """Hear of an epoch: its number, from 1, and the accuracy on the validation images."""


def untold(number: int, accuracy: float, /) -> None:
    """Hear of an epoch, and tell nobody."""


@dataclass(frozen=True)
class BackboneTraining:
    """Adam under one cycle of the learning rate; the epoch with the best validation accuracy is kept.

    Examples:
        >>> from steergan.metrics import BackboneTraining
        >>> BackboneTraining(epochs=3, group="trivial").batch_size
        32
    """

    epochs: int = 10
    batch_size: int = 32
    peak_rate: float = 1e-4
    group: str = "D4"
    """Images are moved by a uniform element of it; `trivial` for images with an orientation."""
    seed: int = 0
    """Of the order of the images, of what moves them, and of dropout."""


def train_backbone(
    backbone: Backbone,
    images: NDArray[np.uint8],
    labels: Rows,
    rows: tuple[Rows, Rows],
    settings: BackboneTraining,
    *,
    progress: Progress = unheard,
    on_epoch: Epoch = untold,
) -> float:
    """Fine-tune a backbone where it is, and leave it in evaluation mode.

    Of epochs that are equally good the first is kept. Images are read batch by batch.

    Args:
        backbone: with a head for the labels.
        images: uint8 (N, 1 or 3, H, W).
        labels: int64 (N,).
        rows: which images to train on, and which to validate on.
        settings: how.
        progress: hears of updates.
        on_epoch: hears of epochs.

    Returns:
        The validation accuracy of the weights that are kept.

    Raises:
        DataError: labels that don't fit images or classes.
        RunError: the loss is not finite.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import BackboneTraining, build_backbone, train_backbone
        >>> images, labels = np.zeros((6, 1, 8, 8), np.uint8), np.arange(6) % 2
        >>> backbone = build_backbone("shufflenet_v2_x0_5", 2, side=32)
        >>> train_backbone(backbone, images, labels, (np.arange(4), np.arange(4, 6)), BackboneTraining(epochs=1))
        0.5
    """
    train, validation = rows
    check_labels(images, labels, backbone.architecture.classes)
    device = next(backbone.parameters()).device
    per_epoch = len(train) // min(settings.batch_size, len(train))
    updates = settings.epochs * per_epoch
    optimizer = torch.optim.Adam(backbone.parameters(), lr=settings.peak_rate)
    schedule = OneCycleLR(optimizer, settings.peak_rate, total_steps=updates, cycle_momentum=False)
    best, kept = -1.0, {}
    for update, places in enumerate(shuffled(len(train), settings.batch_size, updates, settings.seed)):
        chosen = train[places]
        backbone.train()
        resized = backbone.resized(torch.from_numpy(images[chosen]).to(device))
        image = moved(resized, settings.group, settings.seed, update)
        with torch.random.fork_rng(devices=[]):  # dropout draws from torch's global stream
            seed_torch(stream_seed(settings.seed, "backbone-dropout", update))
            loss = cross_entropy(backbone.logits(image), torch.from_numpy(labels[chosen]).to(device))
        if not torch.isfinite(loss):
            raise RunError(f"backbone: the loss is {loss.item()} at update {update}; lower --rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        progress(update + 1, updates)
        if (update + 1) % per_epoch == 0:
            accuracy = float((predicted(backbone, images, validation) == labels[validation]).mean())
            if accuracy > best:
                best, kept = accuracy, {key: value.detach().clone() for key, value in backbone.state_dict().items()}
            on_epoch((update + 1) // per_epoch, accuracy)
    backbone.load_state_dict(kept)
    backbone.eval()
    return best


def moved(image: Tensor, group: str, seed: int, update: int) -> Tensor:
    """Square images (B, C, H, H), each moved by a uniform element of a grid group."""
    table = action_table(group, *image.shape[-2:])
    elements = torch.randint(len(table), (len(image),), generator=torch_stream(seed, "backbone-elements", update))
    return act(image, table.to(image.device), elements.to(image.device))


@torch.no_grad()
def predicted(backbone: Backbone, images: NDArray[np.uint8], rows: Rows, batch_size: int = 64) -> Rows:
    """The likeliest label of some of the images (N, 1 or 3, H, W) uint8, in evaluation mode: int64 (rows,)."""
    device = next(backbone.parameters()).device
    backbone.eval()
    found = []
    for start in range(0, len(rows), batch_size):
        batch = torch.from_numpy(images[rows[start : start + batch_size]])
        found.append(backbone.logits(backbone.resized(batch.to(device))).argmax(dim=1).cpu())
    return np.asarray(torch.cat(found).numpy())


def class_accuracies(seen: Rows, labels: Rows, classes: int) -> list[float | None]:
    """Share of each class's images whose label was seen; None for a class without images.

    Args:
        seen: labels int64 (N,).
        labels: true ones, int64 (N,).
        classes: how many there are.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import class_accuracies
        >>> class_accuracies(np.array([0, 1, 1]), np.array([0, 0, 1]), 3)
        [0.5, 1.0, None]
    """
    right = seen == labels
    return [float(right[labels == k].mean()) if (labels == k).any() else None for k in range(classes)]
