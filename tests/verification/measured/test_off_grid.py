"""Between the angles of the grid: what is exact measures as exact, what is not shows where it should."""

from typing import Any

import numpy as np
import pytest
import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from hypothesis import given, settings

from steergan.layers import (
    AveragePool,
    FieldBatchNorm,
    GroupConvolution,
    Upsample,
)
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Subject
from steergan.verification.claims import make_subject
from steergan.verification.measured.moved_inputs import element_or_none
from steergan.verification.measured.off_grid import (
    TABLE,
    beyond_floor,
    decibels,
    measure_off_grid,
)
from tests.verification import drawn
from tests.verification.turning_networks import Invariant, fourier


def subject_of(module: EquivariantModule, size: int = 24, claim: str = "equivariant") -> Subject:
    return Subject("network", module, module.in_type, claim, None, ((size, size),))  # type: ignore[arg-type]


def test_a_network_of_single_pixels_errs_by_interpolation_alone() -> None:
    """f(g x) is exact for it, so what is measured is the floor, about as it is measured without a network."""
    space = gspace("SO2")
    image = trivial_type(space, 1)
    found = measure_off_grid(subject_of(GroupConvolution(image, image, 1)), seeds=(0, 1))
    assert len(found.angles) == 48
    for degrees in (15.0, 30.0, 45.0):
        measured = found.at(degrees)
        assert measured is not None
        median, upper, floor = measured
        assert 0 < median < 5e-3
        assert floor / 3 < median < 3 * floor
        assert upper >= median
    assert found.at(90.0) == pytest.approx((0, 0, 0), abs=1e-6)
    assert found.eq_r is not None
    assert found.eq_r > 50


def test_the_floor_falls_with_the_resolution() -> None:
    """The bumps are as wide as the map is, so that more pixels show the same picture more finely."""
    image = trivial_type(gspace("SO2"), 1)
    floors = []
    for size in (24, 48):
        found = measure_off_grid(subject_of(GroupConvolution(image, image, 1), size), steps=8, seeds=(0, 1)).at(45.0)
        assert found is not None
        floors.append(found[2])
    assert floors[1] < floors[0] / 2


def test_more_rotations_and_larger_filters_err_less() -> None:
    errors = {}
    for name, kernel_size in (("C4", 3), ("C8", 5)):
        network = Invariant(name, kernel_size)
        subject = Subject(name, network, network.in_type, "invariant", None, ((24, 24),))
        found = measure_off_grid(subject, steps=8).at(45.0)
        assert found is not None
        errors[name] = found[0]
        assert found[2] == 0
    assert errors["C4"] > errors["C8"]


def test_nearest_upsampling_errs_more_than_bilinear() -> None:
    image = trivial_type(gspace("C8"), 1)
    errors = [
        measure_off_grid(subject_of(Upsample(image, 2, mode), 12), steps=8, seeds=(0, 1)).at(45.0)
        for mode in ("nearest", "bilinear")
    ]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[0][0] > 2 * errors[1][0]


def test_fields_are_measured_at_the_angles_of_their_group_only() -> None:
    regular = regular_type(gspace("C8"), 2)
    found = measure_off_grid(subject_of(AveragePool(regular), 12), seeds=(0,))
    assert found.angles == tuple(45.0 * i for i in range(8))
    assert found.harmonics == ()
    assert found.at(30.0) is None


@pytest.mark.parametrize(("name", "mirrored"), [("D8", 2), ("O2", 4), ("SO2", 0)])
def test_reflections_are_measured_where_a_group_has_them(name: str, mirrored: int) -> None:
    space = gspace(name)
    fields = fourier("O2") if name == "O2" else regular_type(space, 1) if name == "D8" else fourier("SO2")
    found = measure_off_grid(subject_of(FieldBatchNorm(fields)), steps=8, seeds=(0,))
    assert len(found.reflected) == mirrored
    assert all(error < 0.05 for error in found.reflected)
    assert len(TABLE) == 4


def test_a_wrong_type_shows_as_a_large_error() -> None:
    """The channels of a vector field are left as they are, as if it were scalar."""

    class Forgetful(EquivariantModule):
        def __init__(self) -> None:
            super().__init__()
            self.in_type = trivial_type(gspace("SO2"), 2)
            self.out_type = FieldType(gspace("SO2"), [gspace("SO2").irrep(1)])

        def forward(self, x: GeometricTensor) -> GeometricTensor:
            return self.out_type(x.tensor)

        def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
            return input_shape

    found = measure_off_grid(subject_of(Forgetful()), steps=8, seeds=(0,)).at(45.0)
    assert found is not None
    assert found[0] > 0.3
    assert found[2] < 0.01


@settings(max_examples=4)
@given(drawn.networks("basis"))
def test_networks_of_any_layers_and_sizes_are_measured(network: Any) -> None:
    state = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    subject = make_subject(network.module, network.sizes, others=network.others)
    found = measure_off_grid(subject, steps=8, seeds=(0,))
    assert 0.0 in found.angles
    spaces = (network.module.in_type.gspace, network.module.out_type.gspace)
    for angle, error in zip(found.angles, found.median, strict=True):
        of_the_group = all(element_or_none(space, angle, False) is not None for space in spaces)
        assert error < 1e-4 or not of_the_group or angle % 90
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.module.state_dict().items())


# --- decibels


def test_the_error_of_c4_filters_is_in_multiples_of_four() -> None:
    network = Invariant("C4", 3)
    found = measure_off_grid(Subject("C4", network, network.in_type, "invariant", None, ((24, 24),)), seeds=(0,))
    power = np.array(found.harmonics)
    assert power[4::4].sum() > 0.99 * power[1:].sum()


def test_decibels_and_shares() -> None:
    assert decibels(0.1) == pytest.approx(20)
    assert beyond_floor(0.5, 0.3) == pytest.approx(0.4)
    assert beyond_floor(0.1, 0.3) == 0
