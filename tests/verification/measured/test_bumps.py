"""Inputs that a group moves in closed form, at any angle."""

import numpy as np
import pytest
import torch
from escnn.nn import GeometricTensor

from steergan.motions import element_at, plane_motion
from steergan.symmetry import gspace, trivial_type
from steergan.verification.measured.bumps import fibre_of, random_bumps
from steergan.verification.measured.off_grid import inner_disk, turned_map
from tests.verification.turning_networks import fourier


@pytest.mark.parametrize("degrees", [0.0, 90.0, 33.0])
def test_bumps_turn_in_closed_form(degrees: float) -> None:
    """At 90 degrees as pixels do; at others as far as splines can tell."""
    fields = trivial_type(gspace("SO2"), 2)
    bumps = random_bumps(fields, (33, 33), 0)
    motion = plane_motion(degrees)
    found = bumps.moved(motion, None).render().double().numpy()
    wanted = turned_map(bumps.render().double().numpy(), motion)
    tolerance, inside = 1e-6 if degrees % 90 == 0 else 2e-3, inner_disk(33, 33)
    assert np.abs(found - wanted)[..., inside].max() < tolerance * np.abs(wanted).max()


def test_amplitudes_turn_with_their_fibre() -> None:
    fields = fourier()
    element = element_at(gspace("SO2"), 90)
    bumps = random_bumps(fields, (9, 9), 3)
    moved = bumps.moved(plane_motion(90), fibre_of(fields, element)).render()
    wanted = GeometricTensor(bumps.render(), fields).transform(element).tensor
    assert torch.allclose(moved, wanted, atol=1e-5)


def test_bumps_lie_within_the_disk() -> None:
    image = random_bumps(trivial_type(gspace("SO2"), 1), (32, 32), 1).render()
    row, column = np.indices((32, 32)) - 15.5
    outside = torch.from_numpy(np.hypot(row, column) > 16)
    assert image[..., outside].abs().max() < 0.2 * image.abs().max()
