"""CIFAR-10: the official batches, pickled (python version) or plain (binary version), in a folder or an archive."""

import io
import pickle
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.originals import Originals, data_folders, find_together, resolve_path
from steergan.data.plan import Piece, Plan
from steergan.data.sources import Published, Source
from steergan.errors import DataError
from steergan.extras import needed_by
from steergan.files import cache_folder
from steergan.recipe.data import Cifar10

SIDE = 32
PIXELS = 3 * SIDE * SIDE
ROWS = 10_000
"""Images of a batch."""
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PYTHON = tuple(f"data_batch_{k}" for k in range(1, 6)), ("test_batch",)
BINARY = tuple(tuple(f"{name}.bin" for name in names) for names in PYTHON)
"""The batches of the training and of the held-out split."""
BATCHES = {"python": PYTHON, "binary": BINARY}
ARCHIVES = ("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz")
LARGEST = 40_000_000
"""Bytes: no batch is larger, so a larger file in an archive is none."""

LAYOUT = f"the folder cifar-10-batches-py or cifar-10-batches-bin, or {' or '.join(ARCHIVES)}"
OFFLINE = "replace it by a whole copy, or run `steergan data prepare cifar10 --download` where there is a network"


def find_cifar10(settings: Cifar10) -> Originals | None:
    """An archive that `data.path` names; else a folder with all batches of one version, else an official archive."""
    roots = [resolve_path(settings.path)] if settings.path else data_folders()
    if roots[0].is_file():
        return Originals("archive", roots[0], (roots[0],))
    for kind, (train, held_out) in BATCHES.items():
        files = find_together(roots, [(name,) for name in (*train, *held_out)])
        if files:
            return Originals(kind, files[0].parent, files)
    for name in ARCHIVES:
        archive = find_together(roots, [(name,)])
        if archive:
            return Originals("archive", archive[0], archive)
    return None


def plan_cifar10(originals: Originals, settings: Cifar10) -> Plan:
    """50,000 training and 10,000 held-out images of 32 x 32, RGB: the official split, in the order of the batches.

    Source: Krizhevsky 2009; Dey et al., Table 1.

    Raises:
        DataError: another `data.size`; a batch that is missing, truncated or damaged, or holds something else.
    """
    if settings.size not in (0, SIDE):
        raise DataError(f"data.size = {settings.size}: CIFAR-10's images are {SIDE} x {SIDE}; leave data.size out")
    contents = read_archive(originals.root) if originals.kind == "archive" else read_files(originals.files)
    kind = next(kind for kind, (_, held_out) in BATCHES.items() if held_out[0] in contents)
    read = read_pickled if kind == "python" else read_binary
    pieces: dict[Split, Sequence[Piece]] = {}
    for split, names in zip(SPLITS, BATCHES[kind], strict=True):
        batches = [(name, *read(f"{originals.root}: {name}", contents.pop(name))) for name in names]
        pieces[split] = [Piece(name, len(labels), partial(as_images, rows, labels)) for name, rows, labels in batches]
    return Plan((3, SIDE, SIDE), CLASS_NAMES, pieces, f"CIFAR-10, {kind} version, official split")


def as_images(rows: Pixels, labels: Labels) -> tuple[Pixels, Labels]:
    """Rows of 3,072 pixels as uint8 (N, 3, 32, 32), with their labels."""
    return rows.reshape(-1, 3, SIDE, SIDE), labels


def read_files(files: Sequence[Path]) -> dict[str, bytes]:
    """Contents of the batches of a folder, by name."""
    try:
        return {file.name: file.read_bytes() for file in files}
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}); {OFFLINE}") from None


def read_archive(path: Path) -> dict[str, bytes]:
    """Contents of the batches in an archive, by name; nothing is unpacked to disk.

    Raises:
        DataError: not a whole archive, or not all batches of one version in it.
    """
    wanted = {name for splits in BATCHES.values() for names in splits for name in names}
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if name in wanted and member.size <= LARGEST else None
                if file is not None:
                    contents[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        reason = str(error).partition(":\n")[0]  # one line of what tarfile says about each format that it tried
        raise DataError(f"{path}: truncated, damaged, or no archive ({reason}); {OFFLINE}") from None
    lacking = [sorted({*names[0], *names[1]} - contents.keys()) for names in BATCHES.values()]
    fewest = min(lacking, key=len)
    if fewest:
        raise DataError(f"{path}: {fewest[0]} is missing in it; {OFFLINE}")
    return contents


class BatchUnpickler(pickle.Unpickler):
    """Reads bytes, text, numbers, lists, dicts and numpy arrays; a pickle that wants anything else is refused.

    Pickles can run any code when they are read. These three are what numpy's arrays need.
    """

    ALLOWED = (("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"))

    def find_class(self, module: str, name: str) -> Any:
        """One of the allowed constructors."""
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes in protocol 2
            return encode_latin1
        module = module.replace("numpy._core.", "numpy.core.")  # its name from numpy 2 on
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch of images needs")
        return super().find_class(module, name)


def encode_latin1(text: str, encoding: str) -> bytes:
    """`_codecs.encode` for the one encoding that pickles of bytes use."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the codec {encoding}")
    return text.encode("latin1")


def read_pickled(name: str, content: bytes) -> tuple[Pixels, Labels]:
    """A batch of the python version: uint8 (N, 3072), int64 (N,).

    Raises:
        DataError: damaged, truncated, not a batch, or a pickle that is not only data.
    """
    try:
        batch = BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{name}: not a pickled batch of images ({reason}); {OFFLINE}") from None
    held: Mapping[Any, Any] = batch if isinstance(batch, dict) else {}
    images, labels = (held.get(key.encode(), held.get(key)) for key in ("data", "labels"))
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or not isinstance(labels, list):
        keys = ", ".join(key.decode() if isinstance(key, bytes) else str(key) for key in held)
        raise DataError(f"{name}: holds {keys or 'no dict'}; data (uint8) and labels (a list) were wanted; {OFFLINE}")
    if not all(isinstance(label, int) and 0 <= label < len(CLASS_NAMES) for label in labels):
        raise DataError(f"{name}: a label outside 0 to {len(CLASS_NAMES) - 1}; {OFFLINE}")
    return checked(name, images, np.array(labels, dtype=np.int64))


def read_binary(name: str, content: bytes) -> tuple[Pixels, Labels]:
    """A batch of the binary version, rows of a label and 3,072 pixels: uint8 (N, 3072), int64 (N,).

    Raises:
        DataError: another length, or labels above 9.
    """
    if len(content) != ROWS * (PIXELS + 1):
        raise DataError(f"{name}: {len(content):,} bytes; {ROWS * (PIXELS + 1):,} were wanted; {OFFLINE}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, PIXELS + 1)
    labels = rows[:, 0].astype(np.int64)
    if labels.max(initial=0) >= len(CLASS_NAMES):
        raise DataError(f"{name}: a label outside 0 to {len(CLASS_NAMES) - 1}; {OFFLINE}")
    return checked(name, rows[:, 1:], labels)


def checked(name: str, images: Pixels, labels: Labels) -> tuple[Pixels, Labels]:
    """A batch with as many images and labels as the official ones."""
    if images.shape != (ROWS, PIXELS) or labels.shape != (ROWS,):
        came = f"images {images.shape} and {len(labels)} labels"
        raise DataError(f"{name}: {came}; ({ROWS}, {PIXELS}) and {ROWS} were wanted; {OFFLINE}")
    return images, labels


def download_cifar10() -> Path:
    """CIFAR-10 through torchvision, which checks it, into the cache folder; only ever called when asked for.

    Raises:
        DataError: no network, a damaged download, or a cache folder that can't be written.
    """
    with needed_by("--download"):
        from torchvision.datasets import CIFAR10  # seconds to import, and only needed here

    folder = cache_folder() / "originals"
    try:
        CIFAR10(str(folder), download=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise DataError(
            f"CIFAR-10 could not be downloaded into {folder} ({error}); copy {ARCHIVES[0]} from a machine that has it "
            "into a folder, and set STEERGAN_DATA to it"
        ) from None
    return folder


SOURCE = Source(
    find=find_cifar10,
    plan=plan_cifar10,
    decided_by=(),
    size=SIDE,
    kind=(3, len(CLASS_NAMES)),
    published=Published(3, len(CLASS_NAMES), (50_000, 10_000)),
    wanted=LAYOUT,
    download=download_cifar10,
)
