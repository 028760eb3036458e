"""Layers of Fourier fields and irreps are proved at multiples of 90 degrees, and their mutants are not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from escnn import nn as enn
from escnn.group import directsum
from escnn.nn import EquivariantModule, FieldType, SequentialModule

from steergan.layers import (
    AntialiasedPool,
    ConditionalBatchNorm,
    FieldBatchNorm,
    FourierPointwise,
    Gated,
    GroupConvolution,
    InvariantMap,
    Restriction,
)
from steergan.layers.fourier_pointwise import sampling_matrix
from steergan.symmetry import fourier_representation, gated_representation, gspace, regular_type, trivial_type
from steergan.verification import verify
from tests.verification.drawn import live_a_little_iid


def fourier(name: str = "SO2", fields: int = 2) -> FieldType:
    return FieldType(gspace(name), [fourier_representation(gspace(name), 2)] * fields)


def small(name: str) -> SequentialModule:
    """Image -> Fourier fields, normed, sampled, pooled -> gated ones -> invariants."""
    space = gspace(name)
    image, fields = trivial_type(space, 1), fourier(name)
    gates = FieldType(space, [gated_representation(space, 2)] * 2)
    gate = Gated(gates)
    return SequentialModule(
        GroupConvolution(image, fields, 5, spectral_norm=True),
        FieldBatchNorm(fields),
        FourierPointwise(fields),
        AntialiasedPool(fields, 3),
        GroupConvolution(fields, gates, 3),
        gate,
        InvariantMap(gate.out_type),
    )


@pytest.mark.parametrize(("name", "elements"), [("SO2", 4), ("O2", 8)])
def test_networks_of_continuous_groups_are_proved_at_quarter_turns(name: str, elements: int) -> None:
    torch.manual_seed(0)
    found = verify(small(name), [9], level=5)
    assert found.verdict == "proved", found.sentence
    assert (found.group, len(found.elements)) == (f"{name} at multiples of 90 degrees", elements)
    bounds = [record.finding.bound for record in found.records if record.finding.kind == "bounded"]
    assert bounds
    assert max(bound or 0 for bound in bounds) < 1e-6


@pytest.mark.parametrize(
    ("name", "part", "group"), [("SO2", "C4", "C4"), ("O2", "D4", "D4"), ("C8", "C2", "C2"), ("O2", "SO2", "SO2 at")]
)
def test_a_restricted_network_is_proved_under_the_subgroup(name: str, part: str, group: str) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    fields = regular_type(space, 2) if name == "C8" else fourier(name)
    restriction = Restriction(fields, gspace(part))
    network = SequentialModule(
        GroupConvolution(trivial_type(space, 1), fields, 5),
        restriction,
        GroupConvolution(restriction.out_type, trivial_type(gspace(part), 2), 3),
    )
    found = verify(network, [8], level=5, modes=("evaluation",))
    assert found.verdict == "proved", found.sentence
    assert found.group.startswith(group)


@pytest.mark.parametrize("training", [True, False])
def test_norms_of_mixed_fields_are_proved(training: bool) -> None:
    space = gspace("O2")
    mixed = FieldType(space, [fourier_representation(space, 2), space.trivial_repr, space.irrep(1, 1)])
    layer = ConditionalBatchNorm(mixed, 3)
    mode = "training" if training else "evaluation"
    found = verify(layer, [5], others=(torch.randn(2, 3),), modes=(mode,), level=5)
    assert found.verdict == "proved", found.sentence


def test_every_sample_meets_the_function_that_the_layer_names() -> None:
    """Nothing that is put into a layer changes it behind its certificate: it keeps a name, no function."""
    layer = FourierPointwise(fourier(), "leaky_relu", slope=0.3)
    assert not [name for name, value in vars(layer).items() if callable(value) and not isinstance(value, FieldType)]
    x = torch.randn(2, layer.in_type.size, 3, 3)
    samples = layer.sampling @ x.unflatten(1, (2, -1)).flatten(3)
    wanted = layer.projection @ torch.where(samples > 0, samples, 0.3 * samples)
    assert torch.allclose(layer(layer.in_type(x)).tensor, wanted.view_as(x))


# --- mutants


def with_other_samples(layer: FourierPointwise) -> None:
    """18 samples are no multiple of 4: a quarter turn moves them between each other."""
    sampling = sampling_matrix(layer.in_type.gspace, 2, 18)
    layer.sampling = torch.from_numpy(sampling).float()
    layer.projection = torch.from_numpy(np.linalg.pinv(sampling)).float()


def with_a_projection_of_other_samples(layer: FourierPointwise) -> None:
    layer.projection = layer.projection.roll(1, 1)


def with_a_shifted_irrep(layer: ConditionalBatchNorm) -> None:
    """The shift goes along a channel of the first irrep."""
    moments: Any = layer.norm.moments
    moments.basis0 = moments.basis0.roll(1, 0)


def with_mixed_up_means(layer: ConditionalBatchNorm) -> None:
    moments: Any = layer.norm.moments
    moments.basis0 = torch.ones_like(moments.basis0)


def with_half_a_norm(layer: InvariantMap) -> None:
    members: Any = layer.parts[0].members
    members[1, 2] = 0


def with_a_trivial_that_is_none(layer: InvariantMap) -> None:
    trivial: Any = layer.parts[0].trivial
    trivial[1] = True


def with_another_type(layer: Restriction) -> None:
    """Its irreps stand in another order."""
    c4 = gspace("C4")
    other = directsum([c4.irrep(1), c4.irrep(0), c4.irrep(2), c4.irrep(2)], name="another order")
    layer.out_type = FieldType(c4, [other] * len(layer.in_type))


def with_a_gate_that_turns(layer: Gated) -> None:
    """The gate is taken from the field: its first irrep of frequency 1 stands where the trivial one was."""
    space = gspace("SO2")
    layer.out_type = FieldType(space, [space.irrep(0) + space.irrep(2) + space.irrep(1)] * len(layer.in_type))


def with_an_askew_blur(layer: AntialiasedPool) -> None:
    layer.taps.copy_(layer.taps.roll(1))


MUTANTS: list[tuple[Callable[[], EquivariantModule], Callable[[Any], None]]] = [
    (lambda: FourierPointwise(fourier()), with_other_samples),
    (lambda: FourierPointwise(fourier("O2")), with_a_projection_of_other_samples),
    (lambda: ConditionalBatchNorm(fourier(), 3), with_a_shifted_irrep),
    (lambda: ConditionalBatchNorm(fourier(), 3), with_mixed_up_means),
    (lambda: InvariantMap(fourier()), with_half_a_norm),
    (lambda: InvariantMap(fourier()), with_a_trivial_that_is_none),
    (lambda: AntialiasedPool(fourier(), 3), with_an_askew_blur),
    (lambda: Restriction(fourier(), gspace("C4")), with_another_type),
    (lambda: Gated(FieldType(gspace("SO2"), [gated_representation(gspace("SO2"), 2)] * 2)), with_a_gate_that_turns),
]


@pytest.mark.parametrize(("make", "mutate"), MUTANTS, ids=[mutate.__name__ for _, mutate in MUTANTS])
def test_mutants_are_not_proved_and_their_originals_are(
    make: Callable[[], EquivariantModule], mutate: Callable[[Any], None]
) -> None:
    torch.manual_seed(0)
    layer = make()
    others = (torch.randn(2, 3),) if isinstance(layer, ConditionalBatchNorm) else ()
    assert verify(layer, [5], others=others, modes=("evaluation",), level=5).verdict == "proved"
    mutate(layer)
    found = verify(layer, [5], others=others, modes=("evaluation",), level=5)
    assert found.verdict in ("broken", "not proved"), found.sentence
    certified = [record for record in found.records if record.level == 1]
    assert any(record.finding.verdict in ("broken", "not proved") for record in certified)


# --- escnn's norm of any fields


def iid(name: str, kind: str) -> enn.IIDBatchNorm2d:
    space = gspace(name)
    irreps = directsum([space.trivial_repr, *space.fibergroup.irreps()[1:3]])
    norm = enn.IIDBatchNorm2d(FieldType(space, [space.regular_repr if kind == "regular" else irreps] * 2))
    with torch.no_grad():
        live_a_little_iid(norm)
    return norm


@pytest.mark.parametrize("kind", ["regular", "irreps"])
@pytest.mark.parametrize("name", ["C8", "D4"])
def test_the_norm_of_any_fields_is_proved_and_with_a_wrong_table_it_is_not(name: str, kind: str) -> None:
    right = verify(iid(name, kind), [5], level=4)
    assert right.verdict == "proved", right.sentence
    for part in ("_avg", "_change_of_basis", "_running_mean"):
        norm = iid(name, kind)
        table = next(buffer for key, buffer in norm.named_buffers() if key.endswith(part))
        row = -1 if part == "_running_mean" else 0
        table[row, -1] += 1e-2
        found = verify(norm, [5], level=2)
        assert found.verdict == ("broken" if part == "_running_mean" else "not proved"), (part, found.sentence)


def test_a_norm_that_sorts_channels_wrongly_is_not_proved() -> None:
    norm = iid("C8", "irreps")
    name = norm._sizes[0][0]
    norm._nfields[name] = 1
    assert verify(norm, [5], level=1).verdict == "not proved"
    assert "the tables that sort channels" in verify(norm, [5], level=1).sentence
