"""Certificates are asked by exact type, and a layer that is no longer what its type says is not taken for it."""

from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import EquivariantModule, FieldType, GeometricTensor

from steergan.layers import GroupConvolution, Pointwise
from steergan.verification import Finding, Situation, certifies, exact, registry, verify
from steergan.verification.registry import certifier_of, tampering
from tests.verification.networks import HIDDEN, lift, rolled


class Halved(EquivariantModule):
    """A user's layer that no certificate knows, and whose forward the proof does not follow by itself."""

    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = field_type

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return GeometricTensor(torch.from_numpy(x.tensor.detach().numpy() / 2), x.type)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


@pytest.fixture
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations of one test are forgotten after it."""
    monkeypatch.setattr(registry, "_CERTIFIERS", dict(registry._CERTIFIERS))
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))


@pytest.mark.usefixtures("_forgotten")
def test_a_certificate_of_a_users_own_layer_is_asked_and_a_second_one_refused() -> None:
    network = enn.SequentialModule(lift(), Halved(HIDDEN))
    assert verify(network, [5]).verdict == "not proved"
    seen: list[Situation] = []

    @certifies(Halved)
    def halved(layer: Halved, at: Situation) -> list[Finding]:
        seen.append(at)
        return [exact("every entry is halved")]

    found = verify(network, [5], level=2)
    assert found.verdict == "proved", found.sentence
    assert any(r.finding.argument == "every entry is halved" and r.layer == "Halved" for r in found.records)
    assert {at.in_shape for at in seen} == {(2, 8, 5, 5)}
    assert {at.training for at in seen} == {True, False}
    with pytest.raises(ValueError, match="Halved has a certificate already"):
        certifies(Halved)(halved)
    with pytest.raises(ValueError, match="GroupConvolution has a certificate already"):
        certifies(GroupConvolution)(halved)


class MyConvolution(GroupConvolution):
    """A subclass that nobody vouches for."""


def subclassed(layer: Any) -> None:
    layer.__class__ = MyConvolution


def hooked(layer: Any) -> None:
    layer.register_forward_hook(lambda module, args, output: None)


def patched(layer: Any) -> None:
    layer.forward = MethodType(lambda self, x: GroupConvolution.forward(self, x), layer)


def wrong_hook(layer: Any) -> None:
    layer.register_forward_hook(lambda module, args, output: rolled(output))


def wrong_patch(layer: Any) -> None:
    layer.forward = MethodType(lambda self, x: rolled(GroupConvolution.forward(self, x)), layer)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (subclassed, "MyConvolution is a subclass of GroupConvolution, which is certified"),
        (hooked, "it has a forward hook"),
        (patched, "its method forward was patched"),
        (wrong_hook, "it has a forward hook"),
        (wrong_patch, "its method forward was patched"),
    ],
)
def test_a_layer_that_is_not_what_its_type_says_is_not_taken_for_it(change: Callable[[Any], None], reason: str) -> None:
    network = enn.SequentialModule(lift(), Pointwise(HIDDEN, "relu"))
    assert verify(network, [5], level=2).verdict == "proved"
    change(network[0])
    found = verify(network, [5], level=2)
    assert found.verdict == "not proved"
    fault = found.first_fault
    assert fault is not None
    assert fault.path == "0"
    assert fault.finding.argument.startswith(reason)
    assert verify(network, [5]).verdict == ("broken" if "wrong" in change.__name__ else "not proved")


def test_a_method_replaced_in_the_class_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = enn.SequentialModule(lift())
    right = GroupConvolution.forward
    monkeypatch.setattr(GroupConvolution, "forward", lambda self, x: rolled(right(self, x)))
    found = verify(network, [5], level=2)
    assert found.verdict == "not proved"
    assert "a method of the class GroupConvolution was replaced" in found.sentence


def test_parts_of_a_certified_layer_are_looked_at_too() -> None:
    layer = lift()
    assert certifier_of(layer) is not None
    assert tampering(layer) is None
    layer.expansions[0].register_forward_hook(lambda module, args, output: None)
    assert tampering(layer) == "expansions.0: it has a forward hook"
    other = lift()
    other.extra = Halved(HIDDEN)
    assert tampering(other) == "extra: a part of it is a Halved, which no certificate knows"
    assert certifier_of(other.extra) is None
    assert tampering(other.extra) is None
