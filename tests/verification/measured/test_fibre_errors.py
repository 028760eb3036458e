"""Channels alone, no pixel moved: near machine precision where the representation theory is right."""

import pytest

from steergan.layers import FourierPointwise
from steergan.symmetry import gspace
from steergan.verification.measured.fibre_errors import fibre_errors, is_between, own_angle
from tests.verification.turning_networks import Invariant, fourier


def test_channels_alone_are_near_machine_precision_and_nonlinearities_fold_back_between_samples() -> None:
    network = Invariant("SO2", 5)
    found = fibre_errors(network)
    space = network.in_type.gspace
    exact = [f for f in found if not is_between(f, space)]
    assert {f.layer for f in exact} == {"GroupConvolution", "FourierPointwise", "InvariantMap"}
    assert max(f.error for f in exact) < 1e-5
    assert 1e-4 < max(f.error for f in found if is_between(f, space)) < 0.2


@pytest.mark.parametrize(("name", "degrees"), [("C8", 45), ("D8", 45), ("C12", 30), ("SO2", 22.5)])
def test_the_smallest_angle_is_that_of_the_group_or_of_the_samples(name: str, degrees: float) -> None:
    assert own_angle(gspace(name)) == pytest.approx(degrees)


def test_a_wrong_fibre_is_seen_without_moving_a_pixel() -> None:
    layer = FourierPointwise(fourier())
    layer.sampling[:, 3] *= 2
    assert max(f.error for f in fibre_errors(layer)) > 1e-2
