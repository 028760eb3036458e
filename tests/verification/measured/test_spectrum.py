"""The error as a function of the angle, by harmonics."""

import numpy as np
import pytest

from steergan.verification.measured.spectrum import harmonics


@pytest.mark.parametrize("rotations", [4, 8])
def test_a_discretisation_shows_as_harmonics_of_its_order(rotations: int) -> None:
    angles = 2 * np.pi * np.arange(48) / 48
    error = np.stack([0.3 + 0.1 * np.cos(rotations * angles), 0.3 + 0.1 * np.sin(rotations * angles)], axis=1)
    found = harmonics(error)
    assert found[0] == pytest.approx(0.09)
    assert found[rotations] == pytest.approx(0.005)
    assert np.delete(found, [0, rotations]).max() < 1e-20
