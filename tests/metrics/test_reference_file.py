"""A reference's file: whole and of its protocol, or none at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from steergan.metrics import Distances, Features, Protocol, Reals
from steergan.metrics.reference_file import keep, read_kept
from tests.metrics.drawn import Array

PROTOCOL = Protocol(count=30, extractor_sha256="ab12")
SCRAMBLED = Distances(9.0, None, 3.0, precision=0.0, recall=0.8, density=0.0, coverage=0.0, count=30)


def drawn(group: bool = True) -> Features[Array]:
    rows = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32).astype(np.float64)
    return Features(rows[:, :3], rows if group else None)


@pytest.fixture
def floor(tmp_path: Path) -> Distances:
    """Kept in the folder."""
    reals = Reals(drawn(), PROTOCOL)
    found = reals.distances(Features(drawn().invariant + 1, None))
    keep(tmp_path, PROTOCOL, reals, found, found.without(["recall"]))
    return found


def test_features_and_floor_come_back_as_they_were(tmp_path: Path, floor: Distances) -> None:
    kept = read_kept(tmp_path, PROTOCOL)
    assert kept is not None
    np.testing.assert_array_equal(kept[0].invariant, drawn().invariant)
    np.testing.assert_array_equal(kept[0].equivariant, drawn().equivariant)  # type: ignore[arg-type]
    assert kept[1] == floor
    assert kept[2] == floor.without(["recall"])
    assert kept[1].frechet_equivariant is None


def test_features_without_a_group_come_back_without(tmp_path: Path) -> None:
    reals = Reals(drawn(group=False), PROTOCOL)
    keep(tmp_path, PROTOCOL, reals, reals.distances(drawn(group=False)), SCRAMBLED)
    kept = read_kept(tmp_path, PROTOCOL)
    assert kept is not None
    assert kept[0].equivariant is None


def test_features_that_no_float32_holds_are_kept_as_they_are(tmp_path: Path) -> None:
    wide = Features(np.random.default_rng(0).normal(size=(30, 3)), None)
    reals = Reals(wide, PROTOCOL)
    keep(tmp_path, PROTOCOL, reals, reals.distances(wide), SCRAMBLED)
    np.testing.assert_array_equal(read_kept(tmp_path, PROTOCOL)[0].invariant, wide.invariant)  # type: ignore[index]


def test_the_file_carries_moments_and_protocol(tmp_path: Path, floor: Distances) -> None:
    (path,) = tmp_path.iterdir()
    with np.load(path, allow_pickle=False) as file:
        np.testing.assert_allclose(file["covariance"], np.cov(drawn().invariant, rowvar=False), rtol=1e-12)
        np.testing.assert_array_equal(file["mean"], drawn().invariant.mean(axis=0))
        assert '"extractor_sha256": "ab12"' in str(file["about"])


@pytest.mark.parametrize("change", [{"count": 31}, {"density_neighbours": 9}, {"extractor_sha256": "cd34"}])
def test_another_protocol_has_another_file(tmp_path: Path, floor: Distances, change: dict[str, object]) -> None:
    assert read_kept(tmp_path, replace(PROTOCOL, **change)) is None  # type: ignore[arg-type]


def test_the_file_serves_any_law_of_the_samples(tmp_path: Path, floor: Distances) -> None:
    assert read_kept(tmp_path, replace(PROTOCOL, label_law="uniform", ema="0.9", fake_count=9)) is not None


def test_a_file_of_another_protocol_under_this_ones_name_is_none(tmp_path: Path, floor: Distances) -> None:
    (path,) = tmp_path.iterdir()
    other = replace(PROTOCOL, seed=1)
    keep(tmp_path, other, Reals(drawn(), other), floor, floor)
    (theirs,) = set(tmp_path.iterdir()) - {path}
    theirs.replace(path)
    assert read_kept(tmp_path, PROTOCOL) is None


@pytest.mark.parametrize("place", [0.02, 0.5, 0.98])
def test_a_damaged_file_is_none_and_is_replaced(tmp_path: Path, floor: Distances, place: float) -> None:
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    content = bytearray(whole)
    for offset in range(64):
        content[int(place * (len(content) - 64)) + offset] ^= 0xFF
    path.write_bytes(content)
    assert read_kept(tmp_path, PROTOCOL) is None
    keep(tmp_path, PROTOCOL, Reals(drawn(), PROTOCOL), floor, floor.without(["recall"]))
    assert path.read_bytes() == whole


def test_a_truncated_or_missing_file_is_none(tmp_path: Path, floor: Distances) -> None:
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert read_kept(tmp_path, PROTOCOL) is None
    assert read_kept(tmp_path / "none", PROTOCOL) is None
