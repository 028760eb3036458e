"""Fine-tuning a torchvision backbone on the images that are to be measured."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR

from steergan.augmentation.elements import act, action_table
from steergan.errors import RunError
from steergan.metrics.backbone import Backbone
from steergan.metrics.classifier_training import Progress, check_labels, shuffled
from steergan.randomness import stream_seed, torch_stream

Epoch = Callable[[int, float], None]
"""Called after every epoch with its number, from 1, and the accuracy on the validation images."""


@dataclass(frozen=True)
class BackboneTraining:
    """Adam under one cycle of the learning rate; the epoch with the best validation accuracy is kept."""

    epochs: int = 10
    batch_size: int = 32
    peak_rate: float = 1e-4
    group: str = "D4"
    """Images are moved by a uniform element of it; `trivial` for images with an orientation."""


def train_backbone(
    backbone: Backbone,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    settings: BackboneTraining,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
    on_epoch: Epoch | None = None,
) -> float:
    """Fine-tune on images (N, C, H, W) with labels (N,); returns the validation accuracy of the weights that are kept.

    Of epochs that are equally good the first is kept. Images are read batch by batch.

    Args:
        rows: which images to train on, and which to validate on.

    Raises:
        DataError: labels that don't fit images or classes.
        RunError: the loss is not finite.
    """
    train, validation = rows
    check_labels(images, labels, backbone.architecture.classes)
    backbone.to(device)
    per_epoch = len(train) // min(settings.batch_size, len(train))
    updates = settings.epochs * per_epoch
    optimizer = torch.optim.Adam(backbone.parameters(), lr=settings.peak_rate)
    schedule = OneCycleLR(optimizer, settings.peak_rate, total_steps=updates, cycle_momentum=False)
    best, kept = -1.0, {}
    for update, places in enumerate(shuffled(len(train), settings.batch_size, updates, seed)):
        chosen = train[places]
        backbone.train()
        image = moved(backbone.resized(torch.from_numpy(images[chosen]).to(device)), settings.group, seed, update)
        with torch.random.fork_rng(devices=[]):  # dropout draws from torch's global stream
            torch.manual_seed(stream_seed(seed, "backbone-dropout", update))
            loss = cross_entropy(backbone.logits(image), torch.from_numpy(labels[chosen]).to(device))
        if not torch.isfinite(loss):
            raise RunError(f"backbone: the loss is {loss.item()} at update {update}; lower --rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(update + 1, updates, loss.item())
        if (update + 1) % per_epoch == 0:
            accuracy = float((predicted(backbone, images, validation) == labels[validation]).mean())
            if accuracy > best:
                best, kept = accuracy, {key: value.detach().clone() for key, value in backbone.state_dict().items()}
            if on_epoch is not None:
                on_epoch((update + 1) // per_epoch, accuracy)
    backbone.load_state_dict(kept)
    backbone.eval()
    return best


def moved(image: Tensor, group: str, seed: int, update: int) -> Tensor:
    """Square images, each moved by a uniform element of a grid group."""
    table = action_table(group, *image.shape[-2:])
    elements = torch.randint(len(table), (len(image),), generator=torch_stream(seed, "backbone-elements", update))
    return act(image, table.to(image.device), elements.to(image.device))


@torch.no_grad()
def predicted(
    backbone: Backbone, images: NDArray[np.uint8], rows: NDArray[np.int64], batch_size: int = 64
) -> NDArray[np.int64]:
    """The likeliest label of some of the uint8 images, (rows,), in evaluation mode."""
    device = next(backbone.parameters()).device
    backbone.eval()
    found = []
    for start in range(0, len(rows), batch_size):
        batch = torch.from_numpy(images[rows[start : start + batch_size]])
        found.append(backbone.logits(backbone.resized(batch.to(device))).argmax(dim=1).cpu())
    return np.asarray(torch.cat(found).numpy())


def class_accuracies(seen: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> list[float | None]:
    """Share of each class's images whose label was seen; None for a class without images."""
    right = seen == labels
    return [float(right[labels == k].mean()) if (labels == k).any() else None for k in range(classes)]
