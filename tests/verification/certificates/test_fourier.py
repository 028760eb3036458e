"""The certificate of convolutions in the group's Fourier basis, and what it says of wrong ones."""

import ctypes
import json
from dataclasses import replace
from types import MethodType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import steergan.kernels.operators
import steergan.layers.convolution
from steergan.kernels import interface, library
from steergan.kernels.interface import ALGEBRAS
from steergan.layers import GroupConvolution, UpsampleConvolution
from steergan.layers.filters import path as paths
from steergan.layers.filters.matrices import GatheredMatrix
from steergan.layers.filters.path import choose_convolution
from steergan.layers.shared_filters import FilteredLayer
from steergan.symmetry import trivial_type
from steergan.verification import Finding, Situation, differences, verify
from steergan.verification.certificates import fourier
from tests.thorough import size
from tests.verification import drawn
from tests.verification.fourier_networks import C4, HIDDEN, convolution_network, layer_of, loaded, require_kernels

ALGEBRA, TABLES, WEIGHTS, OPERATOR = range(4)


@pytest.fixture(autouse=True)
def _kernels() -> None:
    require_kernels()


def findings(layer: Any, side: int = 9) -> list[Finding]:
    shape = (2, layer.in_type.size, side, side)
    return list(fourier.fourier_findings(layer, Situation((), shape, (), (), layer.training)))


def verdicts(layer: Any) -> list[str]:
    return [finding.verdict for finding in findings(layer)]


# --- right ones


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kernel", [1, 3, 7])
@pytest.mark.parametrize("kind", [GroupConvolution, UpsampleConvolution])
@pytest.mark.parametrize("group", ALGEBRAS)
def test_the_fourier_form_of_every_group_is_proved(group: str, kind: type, kernel: int, training: bool) -> None:
    layer = layer_of(group, kind, kernel, spectral_norm=kernel == 3).train(training)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    found = findings(layer)
    assert [(f.kind, f.verdict, f.scope) for f in found] == [("exact", "holds", "all weights")] * 4, found
    assert all(f.form == "Fourier" for f in found)
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())


def test_layers_that_take_the_dense_path_have_no_such_findings() -> None:
    layer = layer_of("C4")
    choose_convolution(layer, "auto")
    assert findings(layer) == []  # too few fields


def test_nothing_is_said_of_layers_that_never_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(GroupConvolution(trivial_type(C4, 1), HIDDEN, 3)) == []
    assert findings(GroupConvolution(HIDDEN, HIDDEN, 2)) == []
    dense = layer_of("C4")
    dense.convolution_choice = "dense"
    assert findings(dense) == []
    layer = layer_of("C4")
    assert len(findings(layer)) == 4
    monkeypatch.setattr(library, "native", lambda: None)
    assert findings(layer) == []


def test_certificates_of_machines_with_and_without_kernels_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    there = verify(network, [6])
    assert there.verdict == "proved", there.sentence
    kept = [r for r in there.records if r.finding.form == "Fourier"]
    assert {r.path for r in kept} == {"2", "3"}
    with monkeypatch.context() as without:
        without.setattr(library, "native", lambda: None)
        absent = verify(network, [6])
    assert not any(r.finding.form == "Fourier" for r in absent.records)
    assert differences(json.loads(there.to_json()), absent) == differences(json.loads(absent.to_json()), there) == []
    doubted = replace(kept[0], finding=replace(kept[0].finding, kind="unknown", verdict="not proved"))
    doubtful = replace(there, records=tuple(doubted if r is kept[0] else r for r in there.records))
    assert differences(json.loads(doubtful.to_json()), absent)


# --- wrong binaries and tables


def test_a_wrong_algebra_breaks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    found = library.native()
    assert found is not None
    right = found.functions

    def dihedral(number: int, *arrays: int | None) -> int:
        return int(right.steergan_algebra(ALGEBRAS["D2"], *arrays))

    loaded(monkeypatch, steergan_algebra=dihedral)
    certificate = verify(convolution_network(), [5], level=2)
    assert certificate.verdict == "broken"
    assert "y[" in certificate.sentence
    loaded(monkeypatch, steergan_algebra=lambda *arguments: 1)
    assert "knows no algebra" in verify(convolution_network(), [5], level=2).sentence


@pytest.mark.parametrize("group", ALGEBRAS)
def test_two_entries_of_a_tap_table_exchanged_are_seen(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = interface._tables(group, 3)
    for which in (0, 1):
        wrong = [table.copy() for table in tables]
        wrong[which][-1, [1, 5]] = wrong[which][-1, [5, 1]]
        with monkeypatch.context() as patch:
            patch.setattr(interface, "_tables", lambda group, kernel, wrong=wrong: tuple(wrong))
            assert verdicts(layer_of(group)) == ["holds", "broken", "holds", "broken"]
    outside = [table.copy() for table in tables]
    outside[1][0, 0] = outside[1].max() + 1
    with monkeypatch.context() as patch:
        patch.setattr(interface, "_tables", lambda group, kernel: tuple(outside))
        layer = layer_of(group)
        assert fourier._tables_fault(layer, group) == "a table points outside of the filter"
    twice = [table.copy() for table in tables]
    twice[0][0, 0] = twice[0][0, 1]
    monkeypatch.setattr(interface, "_tables", lambda group, kernel: tuple(twice))
    assert fourier._tables_fault(layer, group)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_binary_whose_loops_are_wrong_is_seen_in_either_number_type(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = library.native()
    assert found is not None
    right = found.functions
    number = {"float32": ctypes.c_float, "float64": ctypes.c_double}[dtype]

    def convolve(problem: Any, x: int, w: int, y: int) -> int:
        status = int(right.steergan_convolve(problem, x, w, y))
        if problem._obj.type == interface.TYPES[dtype]:
            number.from_address(y).value += 1  # one pixel of one channel
        return status

    loaded(monkeypatch, steergan_convolve=convolve)
    layer = layer_of("D4")
    assert verdicts(layer) == ["holds", "holds", "holds", "broken"]
    assert (findings(layer)[OPERATOR].witness == "integers in float32") == (dtype == "float32")


# --- layers that are not what they were


def rolled(*arguments: Any) -> Tensor:
    out: Tensor = fourier.OPERATOR(*arguments)
    return out.roll(1, 3)


@pytest.mark.parametrize("module", [steergan.layers.convolution, steergan.kernels.operators], ids=["layer", "kernels"])
def test_a_replaced_operator_is_noticed(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    assert verify(network, [5], level=2).verdict == "proved"
    monkeypatch.setattr(module, "convolve", rolled)
    found = verify(network, [5], level=2)
    assert found.verdict == "not proved"
    assert "steergan::convolve was replaced" in found.sentence


@pytest.mark.parametrize(
    "method", ["fourier_convolution", "takes_fourier", "normalized_weight", "gathered_filter", "forward"]
)
@pytest.mark.parametrize("on", ["instance", "class"])
def test_methods_of_the_fourier_form_are_watched(method: str, on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    layer: Any = network[2]
    right = getattr(GroupConvolution, method)

    def other(self: Any, *arguments: Any) -> Any:
        return right(self, *arguments)

    if on == "instance":
        setattr(layer, method, MethodType(other, layer))
    else:
        kind = next(kind for kind in GroupConvolution.__mro__ if method in vars(kind))
        monkeypatch.setattr(kind, method, other)
    found = verify(network, [5], level=2)
    assert found.verdict == "not proved"
    assert "was patched" in found.sentence or "was replaced" in found.sentence


def test_filters_that_are_not_the_bank_s_weights_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of("C4")
    with monkeypatch.context() as patch:
        right = GatheredMatrix.__matmul__
        patch.setattr(GatheredMatrix, "__matmul__", lambda self, vector: 2 * right(self, vector))
        # sigma is twice as large, on both paths; the bank's own is not.
        assert verdicts(layer) == ["holds", "holds", "broken", "broken"]
    normalized: Any = FilteredLayer._normalized
    other = lambda self, values, matrix: normalized(self, values, matrix).flip(0)  # noqa: E731
    monkeypatch.setattr(FilteredLayer, "_normalized", other)
    assert findings(layer)[WEIGHTS].witness == "they are other numbers than the weights over sigma"


def test_a_layer_whose_choice_does_nothing_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths.FourierPath, "takes_fourier", lambda self, x: False)
    assert findings(layer_of("C4"))[OPERATOR].witness == "the layer does not take it where it was told to"


# --- whole networks


@settings(max_examples=size(3, 60))
@given(network=drawn.networks("gathered"))
def test_right_networks_are_proved_with_every_convolution_in_the_fourier_form(network: Any) -> None:
    choose_convolution(network.module, "fourier")
    found = verify(network.module, network.sizes, others=network.others)
    assert found.verdict == "proved", (network.name, found.sentence)
