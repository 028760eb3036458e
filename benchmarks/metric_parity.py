"""Our Frechet and kernel distances against clean-fid's, of the same image files through the same extractor."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.benchmark.report import Report
from steergan.data import load
from steergan.metrics import (
    ClassifierExtractor,
    ClassifierTraining,
    FeatureExtractor,
    extract,
    frechet_distance,
    kernel_distance,
    moments,
)
from steergan.networks.classifier import Classifier
from steergan.pictures import as_pictures
from steergan.randomness import numpy_stream, stream_seed
from steergan.recipe.data import Patches
from steergan.run import surroundings
from steergan.tables import Table

SIDE, STRIDE = 32, 16
PHOTOGRAPH = "scikit-image:ihc.png"
AGREEMENT = 1e-6
"""Relative, as claimed."""
KID_SUBSET = 1000
"""Clean-fid's; sets of one size that fit are compared whole, so that its unseeded subsets are no matter."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Parity:
    """A distance computed twice."""

    name: str
    ours: float
    clean_fid: float

    @property
    def relative(self) -> float:
        """Difference over clean-fid's value."""
        return abs(self.ours - self.clean_fid) / abs(self.clean_fid)


@dataclass(frozen=True)
class ParityBenchmark:
    """Both distances, and what they were computed of."""

    found: tuple[Parity, ...]
    counts: tuple[int, int]
    length: int
    """Features of an image."""
    extractor: str
    extractor_sha256: str

    @property
    def agrees(self) -> bool:
        """Whether all differences are as small as claimed."""
        return all(parity.relative <= AGREEMENT for parity in self.found)


def fixed_images(seed: int = 0) -> tuple[Pixels, Pixels]:
    """Two sets of patches of one photograph: its left and its right half, of one size, in a seeded order."""
    settings = Patches(
        path=PHOTOGRAPH, size=SIDE, stride=STRIDE, foreground=0.0, split="right", held_out=0.5
    )
    halves = [load(settings, "train").images, load(settings, "held_out").images]
    count = min(KID_SUBSET, *map(len, halves))
    left, right = (half[numpy_stream(seed, "metric-parity").permutation(len(half))[:count]] for half in halves)
    return left, right


def fixed_extractor(seed: int = 0) -> ClassifierExtractor:
    """A p4-CNN with seeded, untrained weights: 64 features, which tell tissue from tissue well enough to compare."""
    settings = ClassifierTraining()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "metric-parity"))
        classifier = Classifier(settings.group, 2, (3, SIDE, SIDE), settings.widths, settings.features)
    return ClassifierExtractor("untrained p4-CNN", classifier)


def compare(extractor: FeatureExtractor, first: Pixels, second: Pixels) -> ParityBenchmark:
    """FID and KID of two sets of images (N, 3, H, W): ours from arrays, clean-fid's from folders of PNG files."""
    from cleanfid import fid

    features = [extract(extractor, images).invariant for images in (first, second)]
    with tempfile.TemporaryDirectory() as root, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # clean-fid's call of SciPy's sqrtm
        folders = [write_folder(Path(root) / name, images) for name, images in (("a", first), ("b", second))]
        said = {"num_workers": 0, "device": torch.device("cpu"), "verbose": False, "custom_fn_resize": unchanged}
        model = through(extractor)
        theirs = fid.compute_fid(*folders, mode="clean", custom_feat_extractor=model, **said)
        kid = fid.kernel_distance(*(fid.get_folder_features(folder, model, **said) for folder in folders))
    ours = frechet_distance(*map(moments, features))
    found = (
        Parity("Frechet distance", ours, float(theirs)),
        Parity("Kernel distance", kernel_distance(*features, subset_size=KID_SUBSET), kid),
    )
    return ParityBenchmark(found, (len(first), len(second)), features[0].shape[1], extractor.name, extractor.sha256)


def through(extractor: FeatureExtractor) -> Callable[[Tensor], Tensor]:
    """An extractor as clean-fid calls it: float (B, 3, H, W) in 0..255 -> features (B, D) float64."""
    return lambda images: extractor(images.round().to(torch.uint8)).invariant.double()


def unchanged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Clean-fid's resizing, left out: the extractor takes images as they are."""
    return image


def write_folder(folder: Path, images: Pixels) -> str:
    """Images as numbered PNG files."""
    from PIL import Image

    folder.mkdir()
    for number, picture in enumerate(as_pictures(images)):
        Image.fromarray(picture).save(folder / f"{number:06d}.png")
    return str(folder)


def table(found: ParityBenchmark) -> Table:
    """Both values of both distances."""
    return Table(
        caption="The same image files through the same extractor, in float64.",
        columns=["distance", "steergan", "clean-fid", "relative difference"],
        rows=[[parity.name, parity.ours, parity.clean_fid, f"{parity.relative:.1e}"] for parity in found.found],
    )


def verdict(found: ParityBenchmark) -> str:
    """Whether they agree, in a sentence."""
    largest = max(parity.relative for parity in found.found)
    said = "as claimed" if found.agrees else f"more than the {AGREEMENT:g} that was claimed"
    return f"The largest relative difference is {largest:.1e}, {said}."


def report(found: ParityBenchmark) -> Report:
    """The comparison, ready to be told."""
    return Report(
        benchmark="metrics",
        title="FID and KID against clean-fid",
        claim="Frechet and kernel distances agree with clean-fid's through its custom extractor to 1e-6 relative.",
        protocol={
            "clean-fid": version("clean-fid"),
            "images": f"{found.counts[0]} and {found.counts[1]} patches of {SIDE} pixels: the left and the right half "
            "of scikit-image's ihc.png",
            "features": found.length,
            "extractor": found.extractor,
            "extractor_sha256": found.extractor_sha256,
            "seed": 0,
        },
        tables=[table(found)],
        verdict=verdict(found),
        figures={"distances": [vars(parity) for parity in found.found]},
        surroundings=surroundings(torch.device("cpu")),
    )
