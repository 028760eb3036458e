"""What is measured decides, at the shapes of the model; whoever is slower stays as it was."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import GeometricTensor
from torch import Tensor, nn

from steergan.acceleration import AccelerationError, Workload, accelerate, measuring, report_of, swapping
from steergan.errors import SteerganError
from steergan.layers import FieldBatchNorm, GroupConvolution, GroupPool, counterparts
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.tables import Interval, median_and_quartiles
from steergan.verification.claims import make_subject
from tests.stock_models import convolution, grouped

IMAGE, FIELDS = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)


class Network(nn.Module):
    """Convolution, norm, a pool by two, the same convolution twice, group pooling; and one layer that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type = IMAGE
        self.lift, self.norm = convolution(IMAGE, FIELDS), enn.InnerBatchNorm(FIELDS)
        self.halve = enn.PointwiseAvgPoolAntialiased(FIELDS, sigma=0.66, stride=2)
        self.again, self.idle, self.depthwise = convolution(FIELDS, FIELDS), enn.GroupPooling(FIELDS), grouped()
        self.pool = enn.GroupPooling(FIELDS)

    def forward(self, x: GeometricTensor, scale: Tensor | None = None) -> Tensor:
        y = self.again(self.again(self.halve(self.norm(self.lift(x)))))
        y = self.pool(self.depthwise(y)).tensor.mean((2, 3))
        return y if scale is None else y * scale[:, None]


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network()


def exactly(ratio: float) -> Interval:
    return median_and_quartiles([ratio])


def measured_as(monkeypatch: pytest.MonkeyPatch, ratios: dict[type, float], whole: float) -> list[Any]:
    """Times as fast, as if measured, by the class of the new layer; and with what the measurement was called."""
    calls: list[Any] = []

    def of_layer(old: nn.Module, new: nn.Module, met: Any, work: Workload) -> Interval:
        calls.append((old, new, met, work))
        return exactly(ratios[type(new)])

    monkeypatch.setattr(swapping, "layer_times_as_fast", of_layer)
    monkeypatch.setattr(swapping, "model_times_as_fast", lambda *args: exactly(whole))
    return calls


def test_what_makes_no_difference_is_left_alone(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    measured_as(monkeypatch, {GroupConvolution: 1.5, FieldBatchNorm: 1.01, GroupPool: 2.0}, 1.2)
    old_norm = network.norm
    accelerate(network, 9, for_=Workload("training", 3), certify=False)
    assert network.norm is old_norm
    (row,) = [row for row in report_of(network).rows if row.paths == ("norm",)]
    assert (row.new, row.why) == (None, "no difference here")


def test_what_is_faster_is_swapped_and_the_rest_stays(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measured_as(monkeypatch, {GroupConvolution: 1.5, FieldBatchNorm: 0.9, GroupPool: 2.0}, 1.2)
    old_norm, idle = network.norm, network.idle
    accelerate(network, [9, 17], for_=Workload("training", 3), certify=False)
    assert isinstance(network.lift, GroupConvolution)
    assert isinstance(network.pool, GroupPool)
    assert network.norm is old_norm
    assert network.idle is idle
    rows = {row.paths: row for row in report_of(network).rows}
    assert rows["lift",].new == "GroupConvolution"
    assert (rows["norm",].new, rows["norm",].why) == (None, "ours is slower here")
    assert (rows["idle",].new, rows["idle",].why) == (None, "it was not called")
    assert "groups 2" in rows["depthwise",].why
    assert rows["depthwise",].times_as_fast is None
    maps = {type(old).__name__ + str(old.in_type.size): met for old, _, met, _ in calls}
    assert [m.shape for m in maps["R2Conv1"]] == [(3, 1, 17, 17)]
    assert [m.wants_gradient for m in maps["R2Conv1"]] == [False]
    assert [m.shape for m in maps["R2Conv8"]] == [(3, 8, 9, 9)] * 2
    assert all(m.wants_gradient for m in maps["R2Conv8"])


def test_a_model_that_is_no_faster_as_a_whole_stays(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    measured_as(monkeypatch, {GroupConvolution: 1.5, FieldBatchNorm: 1.5, GroupPool: 1.5}, 0.99)
    before = [*network.modules()]
    assert accelerate(network, 9, for_="inference", certify=False) is network
    assert all(a is b for a, b in zip(network.modules(), before, strict=True))
    report = report_of(network)
    assert report.whole is not None
    assert report.whole.centre == 0.99
    reasons = {row.why for row in report.rows if row.times_as_fast}
    assert reasons == {"the whole model is not faster with ours"}
    assert "| the whole model |" in str(report)
    assert "Inference, 8 images of 9 x 9." in str(report)


def test_layers_alike_are_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [convolution(FIELDS, FIELDS) for _ in range(3)]
    model = enn.SequentialModule(*layers, convolution(FIELDS, FIELDS, 5))
    calls = measured_as(monkeypatch, {GroupConvolution: 2}, 2)
    accelerate(model, 9, certify=False)
    assert len(calls) == 3  # the first one's input wants no gradient
    assert not any(isinstance(layer, enn.R2Conv) for layer in model)


def test_a_wrong_layer_is_refused_even_if_it_is_slow(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    measured_as(monkeypatch, {GroupConvolution: 2, FieldBatchNorm: 2, GroupPool: 0.5}, 2)
    monkeypatch.setitem(counterparts.COUNTERPARTS, enn.GroupPooling, lambda old: GroupPool(old.in_type, "mean"))
    with pytest.raises(AccelerationError, match="something else"):
        accelerate(network, 9, certify=False)


class Slow(nn.Module):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.in_type, self.seconds = FIELDS, seconds
        self.weight, self.modes = nn.Parameter(torch.ones(())), []  # type: ignore[var-annotated]

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        self.modes.append((self.training, torch.is_grad_enabled()))
        time.sleep(self.seconds)
        return GeometricTensor(x.tensor * self.weight, FIELDS)


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_seconds_are_compared(mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "BUDGET", 0)
    modes: list[Any] = []
    monkeypatch.setattr(measuring, "copied", lambda layer: layer)
    slow, quick = Slow(0.02), Slow(0)
    met = [measuring.Meeting((2, 8, 3, 3), torch.float32, True)]
    found = measuring.layer_times_as_fast(slow, quick, met, Workload(mode))
    assert found.centre > 2
    assert len(found.values) == measuring.FEWEST
    modes = slow.modes
    assert set(modes) == {(mode == "training", mode == "training")}


def test_a_measured_model_is_left_as_it_was(network: Network) -> None:
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    numbers = torch.get_rng_state()
    subject = make_subject(network, 9)
    for mode in ("training", "inference"):
        work = Workload(mode, 2)
        measuring.meetings(subject, ["lift"], (9, 9), work)
        measuring.model_times_as_fast(subject, subject, (9, 9), work)
        measuring.layer_times_as_fast(
            network.norm, network.norm, [measuring.Meeting((2, 8, 3, 3), torch.float32, True)], work
        )
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_other_inputs_are_repeated_until_they_are_as_many(network: Network) -> None:
    subject = make_subject(network, 9, others=(torch.tensor([1.0, 2.0]),))
    (scores,) = measuring.forward(subject, network.eval(), (9, 9), Workload("inference", 5))()
    assert scores.shape == (5, 2)


def test_stock_layers_are_timed_with_the_filters_of_their_weights(network: Network) -> None:
    stale = network.again.eval()
    nn.init.ones_(stale.weights)
    fresh: Any = measuring.working(stale, Workload("inference"))
    assert not fresh.training
    assert torch.allclose(fresh.filter, fresh.expand_parameters()[0])


@pytest.mark.parametrize("for_", ["training", "inference"])
def test_measured_for_real_the_function_is_the_same(network: Network, for_: Any) -> None:
    x = GeometricTensor(torch.randn(2, 1, 9, 9), IMAGE)
    wanted = network(x)
    assert accelerate(network, 9, for_=for_, certify=False) is network
    assert torch.allclose(network(x), wanted, atol=1e-4)
    report = report_of(network)
    swapped = {path for row in report.rows if row.new for path in row.paths}
    assert swapped == {path for path, part in network.named_modules() if type(part) in OWN}
    assert all(row.times_as_fast is None or row.times_as_fast.centre > 1 for row in report.rows if row.new)


OWN = (GroupConvolution, FieldBatchNorm, GroupPool)

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: Workload("speed"), "'training', 'inference', a Workload or None"),  # type: ignore[arg-type]
    (lambda: Workload(batch_size=0), "a batch of 0 images"),
    (lambda: accelerate(Network(), 9, for_=3), "for_ = 3; 'training'"),  # type: ignore[arg-type]
    (lambda: accelerate(Network(), 9, for_="fast"), "for_ = 'fast'"),  # type: ignore[arg-type]
    (lambda: report_of(Network()), "Network was not accelerated"),
]


@pytest.mark.parametrize(("action", "words"), REFUSED)
def test_what_means_nothing_is_refused(action: Callable[[], object], words: str) -> None:
    with pytest.raises(SteerganError, match=words):
        action()
