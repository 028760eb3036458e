"""The certificate of channels taken for regular fields of the pixel group, and what it says of wrong ones."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType
from torch import Tensor

from steergan.layers import FourierPointwise, GroupConvolution, Pointwise, UpsampleConvolution, choose_convolution
from steergan.layers.filters.path import FourierFields
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type
from steergan.verification import Finding, Situation, differences, verify
from steergan.verification.certificates import fourier
from tests.verification.fourier_networks import require_kernels

ALGEBRA, TABLES, CHANGE, BANK, OPERATOR = range(5)
D4 = gspace("D4")
TYPES = {
    "C8": regular_type(gspace("C8"), 2),
    "SO2": FieldType(gspace("SO2"), [fourier_representation(gspace("SO2"), 2)] * 2),
    "D4": regular_type(D4, 1) + FieldType(D4, list(D4.irreps)),
}


@pytest.fixture(autouse=True)
def _kernels() -> None:
    require_kernels()


def layer_of(name: str, kind: Any = GroupConvolution) -> Any:
    torch.manual_seed(0)
    layer = kind(TYPES[name], TYPES[name], 3, spectral_norm=True)
    choose_convolution(layer, "fourier")
    return layer


def findings(layer: Any) -> list[Finding]:
    situation = Situation((), (2, layer.in_type.size, 9, 9), (), (), layer.training)
    return list(fourier.fourier_findings(layer, situation))


def verdicts(layer: Any) -> list[str]:
    return [finding.verdict for finding in findings(layer)]


@pytest.mark.parametrize("kind", [GroupConvolution, UpsampleConvolution])
@pytest.mark.parametrize(("name", "change"), [("C8", "exact"), ("SO2", "bounded"), ("D4", "bounded")])
def test_fields_of_other_groups_are_proved(name: str, change: str, kind: Any) -> None:
    layer = layer_of(name, kind)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    found = findings(layer)
    assert [f.verdict for f in found] == ["holds"] * 5, found
    assert [f.kind for f in found] == ["exact", "exact", change, "bounded", "exact"]
    assert all(f.form == "Fourier" for f in found)
    assert all((f.bound or 0) < 1e-12 for f in found)
    assert (found[BANK].scope == "all weights") == (name == "D4")
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())


def test_band_limited_filters_between_the_pixel_group_s_own_fields_are_proved() -> None:
    torch.manual_seed(0)
    layer = GroupConvolution(regular_type(D4, 2), regular_type(D4, 2), 5, band_limited=True)
    choose_convolution(layer, "fourier")
    found = findings(layer)
    assert [(f.verdict, f.kind) for f in found] == [
        ("holds", kind) for kind in ("exact", "exact", "exact", "bounded", "exact")
    ]


# --- mutants


def changed(layer: Any, side: str, **attributes: Any) -> Any:
    fields: FourierFields = layer.fourier_fields
    layer.fourier_fields = fields._replace(**{side: replace(getattr(fields, side), **attributes)})
    return layer


@pytest.mark.parametrize("side", ["into", "out"])
def test_two_channels_exchanged_are_seen(side: str) -> None:
    layer = layer_of("C8")
    order = getattr(layer.fourier_fields, side).order.clone()
    order[[1, 2]] = order[[2, 1]]
    assert verdicts(changed(layer, side, order=order, inverse=order.argsort()))[CHANGE:OPERATOR] == ["broken"] * 2


def test_cosets_that_are_exchanged_on_one_side_are_still_fields_but_not_where_they_come_back() -> None:
    """Regular fields in another order are right, as long as the way back knows."""
    layer = layer_of("C8")
    order = layer.fourier_fields.into.order
    swapped = order.view(2, 2, 4).flip(1).flatten()
    right = changed(layer_of("C8"), "into", order=swapped, inverse=swapped.argsort())
    assert verdicts(right) == ["holds"] * 5
    wrong = findings(changed(layer, "into", order=swapped))
    assert [f.verdict for f in wrong][CHANGE:OPERATOR] == ["broken"] * 2
    assert wrong[CHANGE].witness == "in channels: the way back is not the transpose"


@pytest.mark.parametrize("side", ["into", "out"])
@pytest.mark.parametrize("name", ["SO2", "D4"])
def test_a_wrong_entry_of_the_change_of_basis_is_seen(name: str, side: str) -> None:
    layer = layer_of(name)
    right = getattr(layer.fourier_fields, side).matrix
    for factor, place in ((1 + 1e-6, (0, 0)), (-1.0, (1, int(right[1].abs().argmax())))):
        matrix = right.clone()
        matrix[place] *= factor
        if torch.equal(matrix, right):
            continue
        found = verdicts(changed(layer_of(name), side, matrix=matrix))
        assert found[CHANGE] == "broken"
        assert factor > 0 or found[BANK] == "broken"


def test_a_rotated_change_of_basis_is_an_isometry_and_no_intertwiner() -> None:
    layer = layer_of("SO2")
    matrix = layer.fourier_fields.into.matrix
    turned = matrix.roll(1, 1)
    found = findings(changed(layer, "into", matrix=turned))
    assert found[CHANGE].verdict == "broken"
    assert "does not commute with the rotation by 90 degrees" in found[CHANGE].witness


@pytest.mark.parametrize("name", TYPES)
def test_filters_of_another_row_are_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of an element that is not the identity: an equivariant convolution, but not the bank's."""
    right = FourierFields.reduced, FourierFields.reduced_basis
    monkeypatch.setattr(FourierFields, "reduced", lambda self, bank: right[0](self, bank).roll(1, 2))

    def reduced_basis(self: FourierFields, basis: Tensor, taps: int) -> Tensor | None:
        found = right[1](self, basis, taps)
        return None if found is None else found.roll(taps, 2)

    monkeypatch.setattr(FourierFields, "reduced_basis", reduced_basis)
    assert verdicts(layer_of(name)) == ["holds", "holds", "holds", "broken", "holds"]


def test_a_layer_that_forgets_the_way_back_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of("C8")
    right = GroupConvolution.fourier_convolution
    monkeypatch.setattr(GroupConvolution, "fourier_convolution", lambda self, x: right(self, x).roll(1, 1))
    assert verdicts(layer)[OPERATOR] == "broken"


# --- whole networks


def test_networks_are_proved_at_all_levels_and_the_sentence_tells_of_their_form() -> None:
    image, fields = trivial_type(gspace("C8"), 1), TYPES["C8"]
    network = enn.SequentialModule(
        GroupConvolution(image, fields, 3), Pointwise(fields, "relu"), GroupConvolution(fields, fields, 3)
    )
    choose_convolution(network, "fourier")
    found = verify(network, [7])
    assert found.verdict == "proved", found.sentence
    assert {r.path for r in found.records if r.finding.form == "Fourier"} == {"2"}
    fourier_fields = TYPES["SO2"]
    network = enn.SequentialModule(
        FourierPointwise(fourier_fields, samples=8), GroupConvolution(fourier_fields, fourier_fields, 3)
    )
    choose_convolution(network, "fourier")
    assert verify(network, [7]).verdict == "proved"


def test_a_change_of_basis_leaves_all_weights_proved_and_certificates_alike() -> None:
    image, mixed = trivial_type(D4, 1), TYPES["D4"]
    network = enn.SequentialModule(GroupConvolution(image, mixed, 3), GroupConvolution(mixed, mixed, 3))
    choose_convolution(network, "fourier")
    found = verify(network, [5])
    assert found.verdict == "proved", found.sentence
    assert "every value of its weights" in found.sentence
    assert "1 of them in their Fourier form, whose changes of basis are right to" in found.sentence
    choose_convolution(network, "dense")
    dense = verify(network, [5])
    assert dense.verdict == "proved"
    assert differences(json.loads(found.to_json()), dense) == []
    assert differences(json.loads(dense.to_json()), found) == []
