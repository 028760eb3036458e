"""The classifier that is trained on a run's own images, for features and label agreement: once for the same images."""

import hashlib
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import torch

from steergan.errors import DataError, RunError
from steergan.files import cache_unwritable, write_whole
from steergan.metrics import classifier_training
from steergan.metrics.classifier_file import classifier_bytes, read_classifier, read_provenance
from steergan.metrics.classifier_training import ClassifierTrainer, ClassifierTraining
from steergan.metrics.images import LabelledImages
from steergan.networks.classifier import Classifier
from steergan.progress import Progress, unheard
from steergan.randomness import seed_torch, stream_seed
from steergan.timing import seconds_of

FORMAT = 1
"""Counts up when equal settings make other weights."""
SECONDS_PER_SAVE = 10.0
PATIENCE = 0.5
"""Seconds between two looks at whether another process has finished the same training."""


@dataclass(frozen=True, eq=False)
class OwnClassifier:
    """What decides about a classifier, and where it is kept.

    A set with a single class has nothing to classify; there an untrained network with fixed weights serves, whose
    features still tell distributions apart, if less sharply (Naeem et al. 2020).

    Args:
        images: to train on.
        path: of a .safetensors file; one that was made for other images is replaced.
        seed: of weights, order and angles.
        updates: of the training; 0: by the number of images.
        device: where it is trained, and returned.
        cache: a folder that is searched before anything is trained; None: nothing is kept but at the path.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> from steergan.metrics import OwnClassifier
        >>> images = ImageSet(np.zeros((9, 1, 8, 8), np.uint8), np.zeros(9, np.int64), ("only",), "ab12")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     own = OwnClassifier(images, Path(folder) / "classifier.safetensors")
        ...     before, classifier = own.is_kept, own.get()
        ...     before, own.is_kept, classifier.training
        (False, True, False)
    """

    images: LabelledImages
    path: Path
    seed: int = 0
    updates: int = 0
    device: str | torch.device = "cpu"
    cache: Path | None = None

    @property
    def settings(self) -> ClassifierTraining:
        """How it is trained."""
        settings = classifier_training.ClassifierTraining()
        return settings.with_updates(self.updates) if self.updates else settings

    @property
    def learns(self) -> bool:
        """Whether there is anything to learn: several classes."""
        return len(self.images.class_names) > 1

    @property
    def made_for(self) -> dict[str, str]:
        """What its file says of the images."""
        return {"data_checksum": self.images.checksum, "class_names": json.dumps(self.images.class_names)}

    @property
    def decided_by(self) -> str:
        """What decides about the weights, beside the images."""
        return json.dumps({"format": FORMAT, "seed": self.seed, **asdict(self.settings)}, sort_keys=True)

    @property
    def key(self) -> str:
        """A name in the cache: the same for the same images and settings, whatever the machine."""
        decides = f"{self.images.checksum} {len(self.images.class_names)} {self.decided_by}"
        return hashlib.sha256(decides.encode()).hexdigest()[:24]

    @property
    def is_kept(self) -> bool:
        """Whether the file holds it.

        Raises:
            DataError: the file is damaged.
        """
        if not self.path.exists():
            return False
        said = read_provenance(self.path)
        return self.made_for.items() <= said.items() and said.get("decided_by", self.decided_by) == self.decided_by

    @property
    def cached(self) -> Path | None:
        """The file in the cache, be it there or not; None where there can't be one."""
        return self.cache / f"{self.key}.safetensors" if self.cache and self.learns and self.images.checksum else None

    def from_cache(self) -> Classifier | None:
        """The classifier of the cache; None if it isn't there, or is damaged."""
        with suppress(DataError):
            return read_classifier(self.cached) if self.cached and self.cached.exists() else None
        return None

    def get(self, progress: Progress = unheard) -> Classifier:
        """The classifier: from its file, from the cache, or trained now, going on where it was stopped.

        Args:
            progress: hears of updates; what it raises ends the training, which goes on the next time.

        Raises:
            DataError: the file is damaged.
            RunError: it can't be written.
        """
        if not self.is_kept:
            if not self.learns:
                classifier = self.untrained()
            else:
                with self.alone(progress):
                    classifier = self.from_cache() or self.trained(progress)
            self.write(self.path, classifier)
        return read_classifier(self.path).to(self.device)

    def write(self, path: Path, classifier: Classifier) -> None:
        """Keep a classifier."""
        made = {**self.made_for, "decided_by": self.decided_by} if self.learns else self.made_for
        write_whole(path, classifier_bytes(classifier, made))

    def trained(self, progress: Progress) -> Classifier:
        """A classifier that can tell the classes apart, kept in the cache where that can be written."""
        trainer = self.trainer()
        state = self.state()
        if state is not None:
            trainer.load_state_dict(state)
        saved = time.monotonic()
        while trainer.done < trainer.updates:
            trainer.update()
            if time.monotonic() - saved > SECONDS_PER_SAVE:
                self.save(trainer)
                saved = time.monotonic()
            try:
                progress(trainer.done, trainer.updates)
            except BaseException:
                self.save(trainer)
                raise
        classifier = trainer.classifier.eval()
        if self.cached:
            try:
                self.write(self.cached, classifier)
            except RunError as error:  # a cache that is full or read-only costs time, and no run
                cache_unwritable(error, "a classifier is trained again where the same images come again")
        for file in self.state_files:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return classifier

    def trainer(self) -> ClassifierTrainer:
        """One that has not begun."""
        images, classes = self.images, len(self.images.class_names)
        return ClassifierTrainer(
            images.images, images.labels, classes, self.settings, seed=self.seed, device=self.device
        )

    def seconds(self) -> float:
        """About how long what is left of the training takes here, by the second of two updates that are thrown away."""
        trainer, state = self.trainer(), self.state()
        trainer.update()
        done = 0 if state is None else state["done"]
        return seconds_of(trainer.update, self.device) * (trainer.updates - done)

    @property
    def state_files(self) -> list[Path]:
        """Where a training that was stopped may be kept: in the cache, or beside the file."""
        beside = self.path.with_name(f"{self.path.stem}.partial-training")
        return [*([self.cached.with_suffix(".partial-training")] if self.cached else []), beside]

    def save(self, trainer: ClassifierTrainer) -> None:
        """Keep a training in the first place that can be written, if there is any."""
        content = io.BytesIO()
        torch.save({**trainer.state_dict(), "key": self.key}, content)
        digest = hashlib.sha256(content.getvalue()).digest()
        for file in self.state_files:
            with suppress(RunError):
                return write_whole(file, digest + content.getvalue())

    def state(self) -> dict[str, Any] | None:
        """What was kept of the same training; None if there is nothing, or it is damaged."""
        for file in self.state_files:
            with suppress(OSError):
                content = file.read_bytes()
                if hashlib.sha256(content[32:]).digest() == content[:32]:
                    state: dict[str, Any] = torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
                    if state["key"] == self.key:
                        return state
        return None

    @contextmanager
    def alone(self, progress: Progress) -> Iterator[None]:
        """Meanwhile no other process trains the same classifier; where locks can't be had, one does.

        Args:
            progress: is called while another process is at it.
        """
        lock = None
        if self.cached:
            with suppress(OSError, NotImplementedError):
                self.cached.parent.mkdir(parents=True, exist_ok=True)
                lock = filelock.FileLock(self.cached.with_suffix(".lock"))
                while True:
                    with suppress(filelock.Timeout):
                        lock.acquire(timeout=PATIENCE)
                        break
                    progress(0, self.settings.updates_for(len(self.images)))
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def untrained(self) -> Classifier:
        """A classifier with weights from the seed."""
        settings, (channels, height, width) = ClassifierTraining(), self.images.images.shape[1:]
        with torch.random.fork_rng(devices=[]):
            seed_torch(stream_seed(self.seed, "untrained classifier"))
            return Classifier(settings.group, 1, (channels, height, width), settings.widths, settings.features)
