"""The real side: kept with its protocol, made anew when damaged; floors of one set; refused Frechet distances."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.metrics import FeatureBatch, Reference, frechet_distance, measure, moments, prepare_reference
from steergan.metrics.reference import read_reference

SAID = {"label_law": "", "ema": "", "batch_norm": ""}


class Counting:
    """The first pixels as features; counts the images that it saw."""

    name, sha256 = "pixels", "ab12"

    def __init__(self, length: int = 3) -> None:
        self.length, self.seen = length, 0

    def __call__(self, images: Tensor) -> FeatureBatch:
        self.seen += len(images)
        return FeatureBatch(images.flatten(1)[:, : self.length].float(), None)


def noise(seed: int, count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, size=(count, 1, 4, 4), dtype=np.uint8)


def prepared(
    extractor: Counting, cache: Path | None, *, count: int = 40, held_out: str = "h", train: str = "t", seed: int = 0
) -> Reference:
    labels = np.zeros(60, dtype=np.int64)
    sums = {"held_out_checksum": held_out, "train_checksum": train}
    return prepare_reference(extractor, noise(0, 70), noise(1, 60), labels, count=count, cache=cache, seed=seed, **sums)


def test_a_kept_reference_is_taken_instead_of_features(tmp_path: Path) -> None:
    extractor = Counting()
    first = prepared(extractor, tmp_path)
    assert extractor.seen == 80
    again = prepared(extractor, tmp_path)
    assert extractor.seen == 80
    assert again.floor == first.floor
    np.testing.assert_array_equal(again.real.features, first.real.features)
    fakes, labels = noise(2, 40), np.zeros(40, dtype=np.int64)
    assert measure(again, fakes, labels, **SAID) == measure(first, fakes, labels, **SAID)


def test_the_kept_file_carries_moments_and_protocol(tmp_path: Path) -> None:
    reference = prepared(Counting(), tmp_path)
    (path,) = tmp_path.iterdir()
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_allclose(file["covariance"], reference.real.invariant.covariance, rtol=1e-12)
        np.testing.assert_array_equal(file["mean"], reference.real.invariant.mean)
        assert '"extractor_sha256": "ab12"' in str(file["about"])


@pytest.mark.parametrize("change", [{"count": 39}, {"held_out": "x"}, {"train": "x"}, {"seed": 1}])
def test_another_protocol_is_computed_anew(tmp_path: Path, change: dict[str, object]) -> None:
    extractor = Counting()
    prepared(extractor, tmp_path)
    before = extractor.seen
    prepared(extractor, tmp_path, **change)  # type: ignore[arg-type]
    assert extractor.seen > before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("place", [0.02, 0.5, 0.98])
def test_a_damaged_file_is_made_anew(tmp_path: Path, place: float) -> None:
    extractor = Counting()
    first = prepared(extractor, tmp_path)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    whole = bytes(content)
    for offset in range(64):
        content[int(place * (len(content) - 64)) + offset] ^= 0xFF
    path.write_bytes(content)
    again = prepared(extractor, tmp_path)
    assert extractor.seen == 160
    assert again.floor == first.floor
    assert path.read_bytes() == whole


def test_a_truncated_or_missing_file_is_no_reference(tmp_path: Path) -> None:
    prepared(Counting(), tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert read_reference(path, {}) is None
    assert read_reference(tmp_path / "none.npz", {}) is None


def test_floor_of_one_set_is_that_of_two_disjoint_halves() -> None:
    images, labels, extractor = noise(0, 50), np.zeros(50, dtype=np.int64), Counting()
    same = {"held_out_checksum": "s", "train_checksum": "s"}
    found = prepare_reference(extractor, images, images, labels, count=50, **same)
    assert found.floor.count == 25
    assert found.floor.frechet_invariant > 1  # type: ignore[operator]
    assert extractor.seen == 50  # nothing is looked at twice


def test_floor_of_a_large_enough_set_is_of_other_images() -> None:
    images, labels = noise(0, 90), np.zeros(90, dtype=np.int64)
    same = {"held_out_checksum": "s", "train_checksum": "s"}
    found = prepare_reference(Counting(16), images, images, labels, count=40, **same)
    assert found.floor.count == 40
    seen = {tuple(row) for row in found.real.features}
    assert len(seen) == 40
    # Of disjoint images of one law, not of the same ones:
    assert found.floor.recall < 1


@pytest.mark.parametrize(("count", "refused"), [(16, True), (17, False)])
def test_frechet_distance_of_no_more_images_than_features_is_refused(count: int, refused: bool) -> None:
    reference = prepared(Counting(16), None, count=count)
    fakes = noise(2, count)
    found = measure(reference, fakes, np.zeros(count, dtype=np.int64), **SAID)
    assert (found.frechet_invariant is None) == refused
    assert (reference.floor.frechet_invariant is None) == refused
    assert np.isfinite(found.kid)
    assert ("invariant" in found.rank_deficient) == refused
    if not refused:
        features = Counting(16)(torch.from_numpy(fakes)).invariant.double().numpy()
        assert found.frechet_invariant == frechet_distance(reference.real.invariant, moments(features))
