"""The certificate of convolutions in the group's Fourier basis, and what it says of wrong ones."""

import ctypes
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from escnn import nn as enn
from hypothesis import given, settings
from torch import Tensor, nn

import steergan.kernels.operators
import steergan.layers.convolution
from steergan.kernels import interface, library
from steergan.kernels.interface import ALGEBRAS
from steergan.layers import GroupConvolution, Pointwise, UpsampleConvolution
from steergan.layers.filters import path as paths
from steergan.layers.filters.matrices import GatheredMatrix
from steergan.layers.filters.path import choose_convolution
from steergan.layers.spectral_norm import FilteredLayer
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Finding, Situation, differences, verify
from steergan.verification.certificates import fourier
from steergan.verification.measured.integers import IntegerMode, NotInteger
from steergan.verification.records import FOURIER_FORM
from tests.verification import drawn

ALGEBRA, TABLES, WEIGHTS, OPERATOR = range(4)
C4 = gspace("C4")
HIDDEN = regular_type(C4, 3)


@pytest.fixture(autouse=True)
def kernels() -> None:
    if library.native() is None:
        pytest.skip(library.absence())


def layer_of(group: str, kind: type = GroupConvolution, kernel: int = 3, spectral_norm: bool = True) -> Any:
    space = gspace(group)
    layer = kind(regular_type(space, 3), regular_type(space, 2), kernel, spectral_norm=spectral_norm)
    bias = (layer if kind is GroupConvolution else layer.convolution).bias
    nn.init.normal_(bias)
    choose_convolution(layer, "fourier")
    return layer


def findings(layer: Any, side: int = 9) -> list[Finding]:
    shape = (2, layer.in_type.size, side, side)
    return list(fourier.fourier_findings(layer, Situation((), shape, (), (), layer.training)))


def verdicts(layer: Any) -> list[str]:
    return [finding.verdict for finding in findings(layer)]


def convolution_network() -> enn.SequentialModule:
    """Two convolutions in the Fourier form, one of them after an upsampling."""
    image = trivial_type(C4, 1)
    network = enn.SequentialModule(
        GroupConvolution(image, HIDDEN, 3),
        Pointwise(HIDDEN, "relu"),
        GroupConvolution(HIDDEN, HIDDEN, 3),
        UpsampleConvolution(HIDDEN, HIDDEN, 3),
    )
    choose_convolution(network, "fourier")
    return network


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
    assert all(f.argument.startswith(FOURIER_FORM) for f in found)
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("group", ALGEBRAS)
def test_the_tables_give_the_bank_of_any_weights(group: str, kernel: int) -> None:
    layer = layer_of(group, kernel=kernel, spectral_norm=False)
    weight = layer.weights[0].unflatten(2, (-1, kernel, kernel))
    assert torch.equal(fourier.bank_of(weight, group), layer.filter_bank())


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
    kept = [r for r in there.records if r.argument.startswith(FOURIER_FORM)]
    assert {r.path for r in kept} == {"2", "3"}
    with monkeypatch.context() as without:
        without.setattr(library, "native", lambda: None)
        absent = verify(network, [6])
    assert not any(r.argument.startswith(FOURIER_FORM) for r in absent.records)
    assert differences(json.loads(there.to_json()), absent) == differences(json.loads(absent.to_json()), there) == []
    doubted = replace(kept[0], kind="unknown", verdict="not proved")
    doubtful = replace(there, records=tuple(doubted if r is kept[0] else r for r in there.records))
    assert differences(json.loads(doubtful.to_json()), absent)


# --- wrong binaries and tables


class Wrong:
    """The kernels, with one function exchanged."""

    def __init__(self, **exchanged: Callable[..., int]) -> None:
        found = library.native()
        assert found is not None
        self.right, self.exchanged = found.functions, exchanged

    def __getattr__(self, name: str) -> Any:
        return self.exchanged.get(name) or getattr(self.right, name)


def loaded(monkeypatch: pytest.MonkeyPatch, **exchanged: Callable[..., int]) -> None:
    found = library.native()
    assert found is not None
    wrong: Any = Wrong(**exchanged)
    native = replace(found, functions=wrong)
    monkeypatch.setattr(library, "native", lambda: native)


def algebra_of(group: str) -> list[Any]:
    """Signal, filters, back and products, as the binary gives them."""
    found = library.native()
    assert found is not None
    sizes, order = np.zeros(4, dtype=np.int32), gspace(group).fibergroup.order()
    found.functions.steergan_algebra(ALGEBRAS[group], sizes.ctypes.data, None, None, None, None)
    arrays: list[Any] = [np.zeros(int(n) * order) for n in sizes[:3]] + [np.zeros(int(sizes[3]) * 3, np.int32)]
    found.functions.steergan_algebra(ALGEBRAS[group], sizes.ctypes.data, *(a.ctypes.data for a in arrays))
    return arrays


def with_number(monkeypatch: pytest.MonkeyPatch, part: int, position: int, value: float) -> None:
    """Have the binary give another number at one place of its algebra."""
    found = library.native()
    assert found is not None
    right, kind = found.functions, ctypes.c_int32 if part == 3 else ctypes.c_double

    def algebra(number: int, sizes: int, *arrays: int | None) -> int:
        status = int(right.steergan_algebra(number, sizes, *arrays))
        address = arrays[part]
        if address is not None:
            kind.from_address(address + position * ctypes.sizeof(kind)).value = kind(value).value
        return status

    loaded(monkeypatch, steergan_algebra=algebra)


@pytest.mark.parametrize("part", range(4), ids=["signal", "filters", "back", "products"])
@pytest.mark.parametrize("group", ["C2", "C4", "D2", "D4"])
def test_every_number_of_an_algebra_counts(group: str, part: int) -> None:
    for position, number in enumerate(algebra_of(group)[part].tolist()):
        for changed in {-number, number + 1, number + 100, 1e300 if part < 3 else -1} - {number}:
            with pytest.MonkeyPatch.context() as patch:
                with_number(patch, part, position, changed)
                assert fourier.algebra_fault(group), (position, number, changed)
    assert not fourier.algebra_fault(group)


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


# --- level 3


def level_three(network: nn.Module) -> str:
    certificate = verify(network, [6], level=3)
    assert certificate.verdict == "proved", certificate.sentence
    return next(r.argument for r in certificate.records if r.level == 3)


def test_level_three_runs_in_the_fourier_form_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    calls: list[int] = []
    right: Any = interface.call
    monkeypatch.setattr(interface, "call", lambda *arguments: calls.append(1) or right(*arguments))
    assert level_three(network).endswith("elements; 2 convolutions in the Fourier form")
    assert calls
    for choice in ("dense", "auto"):  # too few fields
        choose_convolution(network, choice)
        calls.clear()
        assert level_three(network).endswith("which no convolution takes: too few fields, or the dense path was chosen")
        assert not calls
    network = convolution_network()
    monkeypatch.setattr(library, "native", lambda: None)
    monkeypatch.setattr(library, "absence", lambda: "no compiler")
    assert level_three(network).endswith("not in the Fourier form: no compiler")


def test_level_three_has_no_integer_form_of_sums_that_may_be_rounded() -> None:
    w = torch.ones(1, 1, 4, 1, 1, dtype=torch.float64)
    for size, exact in ((2.0**53 / 4**3, False), (2.0**53 / 4**3 - 1, True)):
        x = torch.full((1, 4, 1, 1), size, dtype=torch.float64)
        with IntegerMode() as mode, nullcontext() if exact else pytest.raises(NotInteger, match=r"convolve.* 2\^53"):
            torch.ops.steergan.convolve(x, w, "C4", False)
        assert mode.fourier == exact


def test_level_three_says_nothing_of_networks_without_a_fourier_form() -> None:
    network = enn.SequentialModule(GroupConvolution(trivial_type(C4, 1), HIDDEN, 3))
    assert level_three(network).endswith("elements")


def test_level_three_sees_a_wrong_table(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    image, filters = interface._tables("C4", 3)
    wrong = image.copy()
    wrong[1, [0, 1]] = wrong[1, [1, 0]]
    monkeypatch.setattr(interface, "_tables", lambda group, kernel: (wrong, filters))
    found = [r for r in verify(network, [6]).records if r.level == 3]
    assert [r.verdict for r in found] == ["broken"]
    assert "first in 2" in found[0].witness
    assert {r.verdict for r in verify(network, [6]).records if r.level == 4} == {"broken"}


# --- whole networks


@settings(max_examples=8)
@given(network=drawn.networks("gathered"))
def test_right_networks_are_proved_with_every_convolution_in_the_fourier_form(network: Any) -> None:
    choose_convolution(network.module, "fourier")
    found = verify(network.module, network.sizes, others=network.others)
    assert found.verdict == "proved", (network.name, found.sentence)


# --- the operator in a module of a user's own


class Own(nn.Module):
    def __init__(self, in_type: enn.FieldType, adjoint: bool = False, by_input: bool = False) -> None:
        super().__init__()
        self.in_type, self.adjoint, self.by_input = in_type, adjoint, by_input
        self.w = nn.Parameter(torch.randn(3, 3, 4, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        w = self.w * x[0, 0, 0, 0] if self.by_input else self.w
        out: Tensor = torch.ops.steergan.convolve(x, w, "C4", self.adjoint)
        return out


def own(network: Own) -> Any:
    return verify(network, [5], "equivariant", out_type=HIDDEN, level=2)


def test_the_operator_is_followed_by_the_values_at_hand_outside_certified_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = own(Own(HIDDEN))
    assert found.verdict == "proved", found.sentence
    assert "the weights at hand" in found.sentence
    assert "filters at hand are not equivariant" in own(Own(trivial_type(C4, 12))).sentence
    assert "the adjoint of a convolution" in own(Own(HIDDEN, adjoint=True)).sentence
    assert "filters depend on the input" in own(Own(HIDDEN, by_input=True)).sentence
    loaded(monkeypatch, steergan_algebra=lambda *arguments: 1)
    assert "kernels whose algebra is wrong" in own(Own(HIDDEN)).sentence


@torch.library.custom_op("steergan_tests::relu", mutates_args=())
def relu(x: Tensor) -> Tensor:
    return x.roll(1, 3)


def test_an_operator_with_a_known_name_of_another_namespace_is_not_known() -> None:
    class Impostor(nn.Module):
        in_type = HIDDEN

        def forward(self, x: Tensor) -> Tensor:
            return torch.ops.steergan_tests.relu(x)  # type: ignore[no-any-return]

    found = verify(Impostor(), [5], "equivariant", out_type=HIDDEN, level=2)
    assert found.verdict == "not proved"
    assert "steergan_tests::relu is not one that the proof knows" in found.sentence
