"""Everything but the generator that figures depend on: what must agree before two of them may be compared."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from steergan.errors import DataError

SAMPLES = ("classifier_sha256", "fake_count", "label_law", "ema", "batch_norm")
"""What the real side does not depend on."""
FREE = ("extractor", "train_checksum", "count")
"""What may differ between figures that are compared: the extractor's name, the training images, and how many images
were asked for (how many there were is compared)."""


@dataclass(frozen=True)
class Protocol:
    """How generators are measured. A caller says what is above; the metrics fill in what they find, below.

    Examples:
        >>> from steergan.metrics import Protocol
        >>> Protocol(count=1000, label_law="uniform").hash == Protocol(count=1000, label_law="uniform").hash
        True
        >>> Protocol(count=1000).hash == Protocol(count=1000, density_neighbours=9).hash
        False
    """

    count: int
    """Samples, and real images of each kind at most."""
    label_law: str = ""
    """Where the samples' labels come from, in words, such as "real frequencies, stratified"."""
    ema: str = ""
    """Which average of the weights drew the samples, in words."""
    batch_norm: str = ""
    """Which batch-norm moments they were drawn with, in words."""
    seed: int = 0
    """Of the subsets of images, and of the kernel distance's."""
    neighbours: int = 3
    """k of precision and recall. Source: Kynkaanniemi et al. 2019."""
    density_neighbours: int = 5
    """k of density and coverage. Source: Naeem et al. 2020."""
    precision_recall_count: int = 10_000
    """Rows of each set, at most, that precision, recall, density and coverage look at: their cost is quadratic."""
    kid_subsets: int = 100
    kid_subset_size: int = 1000

    extractor: str = ""
    extractor_sha256: str = ""
    resize: str = "clean"
    """How images get to the size that Inception takes."""
    classifier_sha256: str | None = None
    """Of the network that sees labels; None without one."""
    held_out_checksum: str = ""
    """Of the whole held-out set."""
    train_checksum: str = ""
    real_count: int = 0
    """Held-out images that were compared with."""
    fake_count: int = 0

    @property
    def hash(self) -> str:
        """12 hexadecimal digits that are equal where figures may be compared.

        Training images and the latents' seed are left out: runs that differ in these are there to be compared.
        """
        compared = {name: value for name, value in asdict(self).items() if name not in FREE}
        if compared["resize"] == "clean":  # the only way that there was once: hashes are what they were
            del compared["resize"]
        return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:12]

    def of_reals(self) -> dict[str, Any]:
        """The part that the real side depends on, by name: under it a reference is kept."""
        return {name: value for name, value in asdict(self).items() if name not in SAMPLES}

    def refuse_too_few(self, count: int, what: str, remedy: str) -> None:
        """Refuse a set without a k-th neighbour before any work is done for it.

        Args:
            count: images in the set.
            what: they are, for the message.
            remedy: for the message.

        Raises:
            DataError: there are too few.
        """
        if count <= self.density_neighbours:
            wanted = f"at least {self.density_neighbours + 1} were wanted for density and coverage"
            raise DataError(f"{count} {what}; {wanted}; {remedy}")
