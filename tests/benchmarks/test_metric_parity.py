"""FID and KID of image files against clean-fid's own way from files to figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import metric_parity
from benchmarks.__main__ import benchmarks
from benchmarks.metric_parity import AGREEMENT, ParityBenchmark, compare, fixed_extractor, fixed_images
from steergan.metrics import frechet_distance
from steergan.results import read_results


@pytest.fixture(scope="module")
def found() -> ParityBenchmark:
    left, right = fixed_images()
    return compare(fixed_extractor(), left[:150], right[:140])


def test_both_distances_are_clean_fids_to_a_millionth(found: ParityBenchmark) -> None:
    frechet, kernel = found.found
    assert frechet.relative < AGREEMENT
    assert min(found.counts) > found.length == 64
    assert found.counts == (150, 140)
    # Clean-fid draws its subsets unseeded; of unequal sets they are the smaller one whole, and parts of the other.
    assert kernel.ours == pytest.approx(kernel.clean_fid, rel=0.2)


def test_kernel_distances_of_equal_counts_are_clean_fids_to_a_millionth() -> None:
    left, right = fixed_images()
    found = compare(fixed_extractor(), left[:80], right[:80])
    assert found.agrees
    assert all(parity.relative < AGREEMENT for parity in found.found)


def test_a_wrong_distance_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    true: Callable[..., float] = frechet_distance
    monkeypatch.setattr(metric_parity, "frechet_distance", lambda a, b: true(a, b) * (1 + 2e-6))
    left, right = fixed_images()
    found = compare(fixed_extractor(), left[:80], right[:80])
    assert not found.agrees
    assert "more than the 1e-06 that was claimed" in metric_parity.verdict(found)


def test_images_are_fixed_and_the_halves_are_others() -> None:
    (left, right), (again, _) = fixed_images(), fixed_images()
    np.testing.assert_array_equal(left, again)
    assert left.shape == right.shape
    assert len(left) > 300
    assert {image.tobytes() for image in left}.isdisjoint(image.tobytes() for image in right)


def test_command_records_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = [half[:80] for half in fixed_images()]
    monkeypatch.setattr(metric_parity, "fixed_images", lambda: halves)
    record = tmp_path / "metric-parity.json"
    result = CliRunner().invoke(benchmarks, ["metrics", "--record", str(record)], prog_name="steergan")
    assert result.exit_code == 0, result.output
    (claim,) = read_results(tmp_path)
    assert claim.id == "metric-parity"
    assert "as claimed" in claim.verdict
