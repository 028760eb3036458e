"""Between the angles of the grid: what is exact measures as exact, what is not shows where it should."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor, SequentialModule
from hypothesis import given, settings

from steergan.layers import (
    AveragePool,
    FieldBatchNorm,
    FourierPointwise,
    GroupConvolution,
    GroupPool,
    InvariantMap,
    Pointwise,
    Upsample,
)
from steergan.motions import element_at, plane_motion
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type
from steergan.verification import Subject, verify
from steergan.verification.claims import make_subject
from steergan.verification.measured.bumps import fibre_of, random_bumps
from steergan.verification.measured.fibre_errors import fibre_errors, is_between, own_angle
from steergan.verification.measured.off_grid import (
    TABLE,
    beyond_floor,
    decibels,
    inner_disk,
    measure_off_grid,
    turned_map,
)
from steergan.verification.measured.spectrum import harmonics
from tests.verification import drawn


def subject_of(module: EquivariantModule, size: int = 24, claim: str = "equivariant") -> Subject:
    return Subject("network", module, module.in_type, claim, None, ((size, size),))  # type: ignore[arg-type]


def fourier(name: str = "SO2", frequency: int = 2) -> FieldType:
    return FieldType(gspace(name), [fourier_representation(gspace(name), frequency)] * 2)


class Invariant(torch.nn.Module):
    """Group convolutions, and the mean over pixels of what does not move."""

    def __init__(self, name: str, kernel_size: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        space = gspace(name)
        self.in_type = trivial_type(space, 1)
        fields = fourier(name) if name in ("SO2", "O2") else regular_type(space, 4)
        act: Any = FourierPointwise(fields) if name in ("SO2", "O2") else Pointwise(fields, "relu")
        last: Any = InvariantMap(fields) if name in ("SO2", "O2") else GroupPool(fields)
        convolutions = [GroupConvolution(i, fields, kernel_size) for i in (self.in_type, fields)]
        self.layers = SequentialModule(convolutions[0], act, convolutions[1], last)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(self.in_type(image)).tensor.square().mean((2, 3)).sum(1)


# --- inputs


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


# --- errors


def test_a_network_of_single_pixels_errs_by_interpolation_alone() -> None:
    """f(g x) is exact for it, so what is measured is the floor, about as it is measured without a network."""
    space = gspace("SO2")
    image = trivial_type(space, 1)
    found = measure_off_grid(subject_of(GroupConvolution(image, image, 1)))
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
        found = measure_off_grid(subject_of(GroupConvolution(image, image, 1), size)).at(45.0)
        assert found is not None
        floors.append(found[2])
    assert floors[1] < floors[0] / 2


def test_more_rotations_and_larger_filters_err_less() -> None:
    errors = {}
    for name, kernel_size in (("C4", 3), ("C8", 5)):
        network = Invariant(name, kernel_size)
        found = measure_off_grid(Subject(name, network, network.in_type, "invariant", None, ((24, 24),))).at(45.0)
        assert found is not None
        errors[name] = found[0]
        assert found[2] == 0
    assert errors["C4"] > errors["C8"]


def test_nearest_upsampling_errs_more_than_bilinear() -> None:
    image = trivial_type(gspace("C8"), 1)
    errors = [measure_off_grid(subject_of(Upsample(image, 2, mode))).at(45.0) for mode in ("nearest", "bilinear")]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[0][0] > 2 * errors[1][0]


def test_fields_are_measured_at_the_angles_of_their_group_only() -> None:
    regular = regular_type(gspace("C8"), 2)
    found = measure_off_grid(subject_of(AveragePool(regular)))
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

    found = measure_off_grid(subject_of(Forgetful())).at(45.0)
    assert found is not None
    assert found[0] > 0.3
    assert found[2] < 0.01


@settings(max_examples=6)
@given(drawn.networks("basis"))
def test_networks_of_any_layers_and_sizes_are_measured(network: Any) -> None:
    state = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    subject = make_subject(network.module, network.sizes, None, None, None, None, network.others, None, "")
    found = measure_off_grid(subject, steps=8, seeds=(0,))
    assert 0.0 in found.angles
    exact = [error for angle, error in zip(found.angles, found.median, strict=True) if angle % 90 == 0]
    assert max(exact) < 1e-4
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.module.state_dict().items())


# --- spectrum, decibels


@pytest.mark.parametrize("rotations", [4, 8])
def test_a_discretisation_shows_as_harmonics_of_its_order(rotations: int) -> None:
    angles = 2 * np.pi * np.arange(48) / 48
    error = np.stack([0.3 + 0.1 * np.cos(rotations * angles), 0.3 + 0.1 * np.sin(rotations * angles)], axis=1)
    found = harmonics(error)
    assert found[0] == pytest.approx(0.09)
    assert found[rotations] == pytest.approx(0.005)
    assert np.delete(found, [0, rotations]).max() < 1e-20


def test_the_error_of_c4_filters_is_in_multiples_of_four() -> None:
    network = Invariant("C4", 3)
    found = measure_off_grid(Subject("C4", network, network.in_type, "invariant", None, ((24, 24),)))
    power = np.array(found.harmonics)
    assert power[4::4].sum() > 0.99 * power[1:].sum()


def test_decibels_and_shares() -> None:
    assert decibels(0.1) == pytest.approx(20)
    assert beyond_floor(0.5, 0.3) == pytest.approx(0.4)
    assert beyond_floor(0.1, 0.3) == 0


# --- channels alone


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


# --- certificates


def test_the_certificate_says_what_was_measured_and_is_proved_without() -> None:
    network = Invariant("SO2", 5)
    certificate = verify(network, [24], modes=("evaluation",), in_type=network.in_type)
    assert certificate.verdict == "proved"
    rows = {record.path: record for record in certificate.records if record.level == 6}
    assert {"15 degrees", "45 degrees", "90 degrees", "channels alone", "harmonics of the angle"} <= set(rows)
    assert all((record.kind, record.verdict) == ("measured", "no claim") for record in rows.values())
    assert certificate.off_grid is not None
    assert "measured at 45 degrees" in certificate.sentence
    saved = json.loads(certificate.to_json())
    assert saved["off_grid"]["angles"][:2] == [0.0, 7.5]
    without = verify(network, [24], modes=("evaluation",), in_type=network.in_type, off_grid=False)
    assert (without.verdict, without.off_grid) == ("proved", None)
    worse = replace(certificate, off_grid=replace(certificate.off_grid, median=(9.0,) * 48))
    assert worse.verdict == "proved"


def test_nothing_is_measured_on_the_grid() -> None:
    image = trivial_type(gspace("C4"), 1)
    certificate = verify(GroupConvolution(image, image, 3), [8], modes=("evaluation",))
    assert certificate.off_grid is None
    assert not [record for record in certificate.records if record.level == 6]
