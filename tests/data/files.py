"""Original files in their true formats, small enough to make in a test."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """An IDX file of bytes: zero, zero, type 8, axes; lengths, big-endian; values."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def some_digits(count: int, seed: int) -> Arrays:
    """Images that differ from each other, 28 x 28, and labels of ten classes."""
    stream = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 8:20, 8:20] = stream.integers(0, 256, (count, 12, 12))
    return images, np.arange(count, dtype=np.int64) % 10


def write_mnist(folder: Path, *, zipped: bool = False, separator: str = "-", train: int = 200, test: int = 50) -> Path:
    """MNIST's four files, with fewer images."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count, seed in (("train", train, 1), ("t10k", test, 2)):
        images, labels = some_digits(count, seed)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels.astype(np.uint8))):
            name = f"{part}-{kind[:6]}{separator}{kind[7:]}-ubyte"
            content = idx_bytes(array)
            (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)
    return folder


def write_amat(path: Path, count: int, seed: int) -> Arrays:
    """One of the official files, with fewer rows."""
    images, labels = some_digits(count, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.concatenate([images.reshape(count, -1) / 255, labels[:, None]], axis=1)
    np.savetxt(path, rows, fmt="%.7g", delimiter="   ", newline=" \n")
    return images, labels
