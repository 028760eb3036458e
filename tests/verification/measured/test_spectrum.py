"""The error as a function of the angle, by harmonics."""

import sys

import numpy as np
import pytest

from steergan.verification.measured.spectrum import analyzed, analyzed_by_numpy, harmonics


@pytest.mark.parametrize("rotations", [4, 8])
def test_a_discretisation_shows_as_harmonics_of_its_order(rotations: int) -> None:
    angles = 2 * np.pi * np.arange(48) / 48
    error = np.stack([0.3 + 0.1 * np.cos(rotations * angles), 0.3 + 0.1 * np.sin(rotations * angles)], axis=1)
    found = harmonics(error)
    assert found[0] == pytest.approx(0.09)
    assert found[rotations] == pytest.approx(0.005)
    assert np.delete(found, [0, rotations]).max() < 1e-20


@pytest.mark.parametrize("angles", [48, 7])
def test_numpys_transform_is_lie_learns(angles: int) -> None:
    pytest.importorskip("lie_learn.spectral.T1FFT", reason="lie_learn has no wheel for this Python or platform")
    error_AI = np.random.default_rng(0).normal(size=(angles, 5))
    assert np.abs(analyzed_by_numpy(error_AI)).max() > 0.1
    np.testing.assert_allclose(analyzed_by_numpy(error_AI), analyzed(error_AI), rtol=0, atol=1e-12)


def test_without_lie_learn_numpys_transform_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    error_AI = np.random.default_rng(1).normal(size=(48, 3))
    found = harmonics(error_AI)
    monkeypatch.setitem(sys.modules, "lie_learn.spectral.T1FFT", None)
    np.testing.assert_allclose(harmonics(error_AI), found, rtol=0, atol=1e-12)
    power_N = (np.abs(np.fft.rfft(error_AI, axis=0) / 48) ** 2).mean(axis=1)  # of a half; the other is alike
    np.testing.assert_allclose(harmonics(error_AI)[1:], 2 * power_N[1:24], rtol=0, atol=1e-12)
