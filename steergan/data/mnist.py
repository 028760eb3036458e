"""MNIST's IDX files, and the official rotated digits' .amat files: found, read, and checked."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from steergan.data.images import Labels, Pixels
from steergan.errors import DataError, reason

SIDE = 28
CLASSES = 10
IMAGES_MAGIC, LABELS_MAGIC = 0x00000803, 0x00000801

AMAT_FILES = tuple((f"mnist_all_rotation_normalized_float_{part}.amat",) for part in ("train_valid", "test"))
IDX_FILES = tuple(
    tuple(f"{part}{separator}{kind}-ubyte{ending}" for separator in "-." for ending in ("", ".gz"))
    for part, kind in (
        ("train-images", "idx3"),
        ("train-labels", "idx1"),
        ("t10k-images", "idx3"),
        ("t10k-labels", "idx1"),
    )
)
"""Every file, in the spellings under which it is found."""

OFFLINE = "replace it by a whole copy, or run `steergan data prepare rotmnist --download` where there is a network"


def read_idx(path: Path) -> Pixels:
    """One IDX file of bytes, gzipped or not: images uint8 (N, H, W), or labels uint8 (N,).

    Raises:
        DataError: not readable, damaged gzip, another format, or shorter or longer than its header says.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{path}: damaged gzip file; {OFFLINE}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); {OFFLINE}") from None
    magic = int.from_bytes(content[:4], "big")
    if magic not in (IMAGES_MAGIC, LABELS_MAGIC) or len(content) < 4 + 4 * (magic & 0xFF):
        start = content[:4].hex() or "nothing"
        raise DataError(f"{path}: not an IDX file of images or labels (it starts with {start}); {OFFLINE}")
    axes = magic & 0xFF
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", axes, offset=4))
    body = len(content) - 4 - 4 * axes
    if body != np.prod(shape, dtype=object):
        raise DataError(f"{path}: {body} bytes follow a header that announces {' x '.join(map(str, shape))}; {OFFLINE}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def read_labelled(images_path: Path, labels_path: Path) -> tuple[Pixels, Labels]:
    """A pair of IDX files: uint8 (N, 28, 28), int64 (N,).

    Raises:
        DataError: as `read_idx`; images of another size, labels above 9, or not one label for each image.
    """
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.shape[1:] != (SIDE, SIDE):
        raise DataError(f"{images_path}: holds an array {images.shape}; images of 28 x 28 were wanted; {OFFLINE}")
    if labels.shape != images.shape[:1]:
        raise DataError(f"{labels_path}: {labels.size} labels for {len(images)} images ({images_path.name}); {OFFLINE}")
    if labels.max(initial=0) >= CLASSES:
        raise DataError(f"{labels_path}: a label {labels.max()}; 0 to 9 were wanted; {OFFLINE}")
    return images, labels.astype(np.int64)


def read_amat(path: Path, count: int) -> tuple[Pixels, Labels]:
    """One official file of rotated digits, rows of 784 floats in [0, 1] and a label: uint8 (N, 28, 28), int64 (N,).

    Pixels are taken row by row, as is usual for these two files. (The same authors' files with noise or pictures behind
    upright digits are column by column; mirroring these by mistake would turn every 2 into an S.)

    Raises:
        DataError: not readable, not such rows, or not `count` of them.
    """
    images, labels = np.empty((count, SIDE, SIDE), np.uint8), np.empty(count, np.int64)
    done = 0
    for pixels, digits in amat_rows(path):
        if done + len(digits) > count:
            raise DataError(f"{path}: more than {count} rows; {OFFLINE}")
        images[done : done + len(digits)], labels[done : done + len(digits)] = pixels, digits
        done += len(digits)
    if done != count:
        raise DataError(f"{path}: {done} rows; {count} were wanted; {OFFLINE}")
    return images, labels


def amat_rows(path: Path, chunk: int = 2000) -> Iterator[tuple[Pixels, Labels]]:
    """The rows of an .amat file, some at a time: text is slow to read, and takes ten times the room of its pixels."""
    try:
        with path.open(encoding="ascii") as file:
            while lines := [line for _, line in zip(range(chunk), file, strict=False) if line.strip()]:
                rows = np.loadtxt(lines, dtype=np.float64, ndmin=2)
                yield amat_images(path, rows)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {OFFLINE}") from None
    except ValueError:
        raise DataError(f"{path}: not rows of numbers, all of one length; {OFFLINE}") from None


def amat_images(path: Path, rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[Pixels, Labels]:
    """Rows of an .amat file as images and labels."""
    if rows.shape[1] != SIDE * SIDE + 1:
        raise DataError(f"{path}: rows of {rows.shape[1]} numbers; 784 pixels and a label were wanted; {OFFLINE}")
    pixels, digits = rows[:, :-1], rows[:, -1]
    if not (np.isin(digits, range(CLASSES)).all() and ((pixels >= 0) & (pixels <= 1)).all()):
        raise DataError(f"{path}: a pixel outside [0, 1] or a label outside 0 to 9; {OFFLINE}")
    return (pixels * 255).round().astype(np.uint8).reshape(-1, SIDE, SIDE), digits.astype(np.int64)
