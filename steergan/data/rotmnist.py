"""Rotated MNIST: the official files, or made from MNIST by the protocol of Larochelle et al. (2007)."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.mnist import AMAT_FILES, CLASSES, IDX_FILES, OFFLINE, SIDE, read_amat, read_labelled
from steergan.data.originals import Originals, data_folders, find_together, missing_together, resolve_path
from steergan.data.plan import PixelRows, Plan, whole_piece
from steergan.data.rotation import TurnedRows, angles_in_words, angles_of_split
from steergan.data.sources import Published, Source
from steergan.errors import DataError
from steergan.extras import needed_by
from steergan.files import cache_folder
from steergan.randomness import numpy_stream
from steergan.recipe.data import RotMNIST

MNIST_COUNT = 70_000
COUNTS: dict[Split, int] = {"train": 12_000, "held_out": 50_000}
DIGITS = tuple(str(digit) for digit in range(CLASSES))


def search_roots(settings: RotMNIST) -> list[Path]:
    """`data.path` alone, if it is set; else every data folder."""
    return [resolve_path(settings.path)] if settings.path else data_folders()


def find_rotmnist(settings: RotMNIST) -> Originals | None:
    """The official .amat files if they are anywhere to be found, else MNIST's four IDX files; None if neither."""
    roots = search_roots(settings)
    for kind, spellings in (("amat", AMAT_FILES), ("idx", IDX_FILES)):
        files = find_together(roots, spellings)
        if files:
            return Originals(kind, files[0].parent, files)
    return None


def where_to_get(settings: RotMNIST) -> str:
    """What to do when there are no originals, or not all of them."""
    roots = search_roots(settings)
    for spellings in (AMAT_FILES, IDX_FILES):
        incomplete = missing_together(roots, spellings)
        if incomplete:
            return f"{incomplete[0]}: {incomplete[1]} is missing beside the other files of its kind; {OFFLINE}"
    where = settings.path or f"STEERGAN_DATA ({os.environ.get('STEERGAN_DATA') or 'not set'})"
    return (
        f"rotmnist: no originals in {where}; put MNIST's four files (train-images-idx3-ubyte.gz, ...) or the two "
        f"official files ({AMAT_FILES[0][0]}, ...) in a folder and set STEERGAN_DATA to it, "
        "or run `steergan data prepare rotmnist --download`"
    )


def plan_rotmnist(originals: Originals, settings: RotMNIST) -> Plan:
    """12,000 training and 50,000 held-out images of 28 x 28, one channel, each digit at a uniform angle in [0, 2 pi).

    Source: Larochelle et al., "An empirical evaluation of deep architectures on problems with many factors of
        variation", ICML 2007 (the data set of Dey et al., section 3.1): its official files, or its protocol.
    Differs: of the protocol, the counts, the missing overlap and the law of the angles are taken over; which digit goes
        where, its angle, and the interpolation (bilinear, rounded to uint8) are ours. So the two don't give the same
        images, and the manifest and the checksum say which one was used.
    """
    return plan_official(originals) if originals.kind == "amat" else plan_rotated(originals, settings)


def plan_official(originals: Originals) -> Plan:
    """The official files: their split, their angles."""
    read = {split: read_amat(file, COUNTS[split]) for split, file in zip(SPLITS, originals.files, strict=True)}
    made = {split: (images[:, None], labels) for split, (images, labels) in read.items()}
    return plan_of(made, "official rotated MNIST (.amat), 12,000 train_valid and 50,000 test images")


def plan_rotated(originals: Originals, settings: RotMNIST) -> Plan:
    """MNIST pooled, shuffled, split without overlap, every digit turned once (bilinear, black outside)."""
    images, labels = read_pool(originals.files)
    order = numpy_stream(settings.seed, "data/rotmnist").permutation(len(images))
    train = COUNTS["train"]
    members: dict[Split, Labels] = {"train": order[:train], "held_out": order[train : train + COUNTS["held_out"]]}
    made = {}
    for split, chosen in members.items():
        angles = angles_of_split(len(chosen), split, settings)
        made[split] = TurnedRows(images[chosen], angles), labels[chosen]
    turned = angles_in_words(settings)
    rule = f"MNIST's 70,000, shuffled; 12,000 and 50,000, turned by {turned}; seed {settings.seed}"
    return plan_of(made, rule)


def plan_of(made: Mapping[Split, tuple[PixelRows, Labels]], rule: str) -> Plan:
    """Images and labels of both splits as a plan."""
    pieces = {split: [whole_piece(split, rows, labels)] for split, (rows, labels) in made.items()}
    return Plan((1, SIDE, SIDE), DIGITS, pieces, rule)


def read_pool(files: tuple[Path, ...]) -> tuple[Pixels, Labels]:
    """All of MNIST, training files first."""
    train, test = read_labelled(*files[:2]), read_labelled(*files[2:])
    count = len(train[1]) + len(test[1])
    if count != MNIST_COUNT:
        raise DataError(f"{files[0]}: {count} images together with {files[2].name}; MNIST has {MNIST_COUNT}; {OFFLINE}")
    return np.concatenate([train[0], test[0]]), np.concatenate([train[1], test[1]])


def download_mnist() -> Path:
    """MNIST's files through torchvision, which checks them, into the cache folder; only ever called when asked for.

    Raises:
        DataError: no network, a damaged download, or a cache folder that can't be written.
    """
    with needed_by("--download"):
        from torchvision.datasets import MNIST  # seconds to import, and only needed here

    folder = cache_folder() / "originals"
    try:
        for train in (True, False):
            MNIST(str(folder), train=train, download=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise DataError(
            f"MNIST could not be downloaded into {folder} ({error}); copy its four files (train-images-idx3-ubyte.gz, "
            "...) from a machine that has them into a folder, and set STEERGAN_DATA to it"
        ) from None
    return folder


SOURCE = Source(
    find=find_rotmnist,
    plan=plan_rotmnist,
    decided_by=("seed",),
    decided_where_set=("angles",),
    size=SIDE,
    kind=(1, CLASSES),
    published=Published(1, CLASSES, (COUNTS["train"], COUNTS["held_out"])),
    wanted="MNIST's four files, or the two official files of rotated digits",
    download=download_mnist,
    unturned=("idx",),
    missing=where_to_get,
)
