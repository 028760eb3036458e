import copy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from steergan.randomness import torch_stream
from steergan.recipe import TrainingSettings
from steergan.training import ExponentialAverage, draw_latents
from tests.training import plain_pair as pair
from tests.training import steered_pair as steered
from tests.training.states import differences, frozen_copy

LABELS = torch.tensor([0, 1, 1, 1])


def settings(**changes: Any) -> TrainingSettings:
    return TrainingSettings(**({"batch_size": 16, "seed": 2} | changes))


def scalar_run(weights: list[float], **changes: Any) -> float:
    """The average of a network with one weight, which takes these values at steps 1, 2, ..."""
    network: Any = nn.Linear(1, 1, bias=False).double()
    average = ExponentialAverage(network, settings(**changes))
    for step, weight in enumerate(weights, 1):
        with torch.no_grad():
            network.weight.fill_(weight)
        average.update(step)
    return float(average.state_dict()["weight"])


def test_constant_decay_is_the_geometric_series() -> None:
    weights = [3.0, -1.0, 4.0, 1.0, -5.0]
    network: Any = nn.Linear(1, 1, bias=False).double()
    with torch.no_grad():
        network.weight.fill_(2.0)
    average = ExponentialAverage(network, settings(ema_decay=0.9, ema_rampup=0))
    expected = 2.0 * 0.9**5 + sum(0.1 * 0.9 ** (5 - step) * w for step, w in enumerate(weights, 1))
    for step, weight in enumerate(weights, 1):
        with torch.no_grad():
            network.weight.fill_(weight)
        average.update(step)
    assert float(average.state_dict()["weight"]) == pytest.approx(expected, rel=1e-12)


def test_a_full_horizon_is_the_plain_mean_since_the_start() -> None:
    # With ema_rampup = 1, d_n = 1 - 1 / n: the running mean.
    weights = [float(step * step) for step in range(1, 30)]
    assert scalar_run(weights, ema_decay=0.9999, ema_rampup=1.0) == pytest.approx(sum(weights) / 29, rel=1e-12)
    assert scalar_run(weights, ema_decay=0.9999, ema_rampup=1.0, ema_start=9) == pytest.approx(sum(weights[9:]) / 20)


def test_half_a_horizon_weighs_steps_linearly() -> None:
    # With ema_rampup = 1/2, d_n = 1 - 2 / n, so step k weighs (k - 1) / (1 + ... + (n - 1)).
    weights = [float((7 * step) % 11) for step in range(1, 40)]
    expected = sum((k - 1) * w for k, w in enumerate(weights, 1)) / sum(range(39))
    assert scalar_run(weights, ema_decay=0.9999, ema_rampup=0.5) == pytest.approx(expected, rel=1e-12)


def test_until_the_start_the_average_is_a_copy() -> None:
    assert scalar_run([3.0, 1 / 3, 0.1], ema_decay=0.9, ema_rampup=0, ema_start=3) == 0.1


@given(decay=st.floats(0, 0.99999), share=st.floats(0.01, 1), start=st.integers(0, 50), step=st.integers(1, 20_000))
@hypothesis_settings(max_examples=200, deadline=None)
def test_the_horizon_never_exceeds_its_share_of_the_steps(decay: float, share: float, start: int, step: int) -> None:
    average = ExponentialAverage(nn.Linear(1, 1), settings(ema_decay=decay, ema_rampup=share, ema_start=start))  # type: ignore[arg-type]
    d = average.decay(step)
    assert 0 <= d <= decay
    if d > 0:
        assert 1 / (1 - d) <= share * (step - start) * (1 + 1e-9)
    if share * (step - start) >= 1 / (1 - decay):
        assert d == decay


def trained(batches: int = 5) -> Any:
    """A generator whose batch norm has seen some batches."""
    torch.manual_seed(0)
    generator = pair.PlainGenerator()
    see_batches(generator, batches)
    return generator


def see_batches(generator: Any, batches: int) -> None:
    z, _ = draw_latents(generator, 64, torch_stream(0, "test/0"))
    for _ in range(batches):
        generator(z, torch.zeros(64, dtype=torch.int64))


def test_copied_moments_are_the_trained_networks() -> None:
    generator = trained()
    average = ExponentialAverage(generator, settings(ema_batch_norm="copy"))
    see_batches(generator, 3)
    snapshot: Any = average.snapshot(1, LABELS)
    assert torch.equal(snapshot.norm.running_mean, generator.norm.running_mean)
    assert torch.equal(snapshot.norm.running_var, generator.norm.running_var)
    assert not any(module.training for module in snapshot.modules())


def test_reestimated_moments_are_the_mean_over_fresh_batches_of_the_averaged_network() -> None:
    generator = trained()
    average = ExponentialAverage(generator, settings(ema_decay=0.5, ema_rampup=0))
    with torch.no_grad():
        generator.hidden.weight.mul_(2)
    average.update(1)
    snapshot: Any = average.snapshot(7, LABELS, batches=400)

    z, _ = draw_latents(generator, 40_000, torch_stream(11, "other/0"))
    # Label 1 is three times as frequent as label 0 in LABELS.
    y = (torch.arange(40_000) % 4 > 0).long()
    with torch.no_grad():
        hidden = snapshot.hidden(torch.cat([z, snapshot.embed(y)], 1))
    assert torch.allclose(snapshot.norm.running_mean, hidden.mean(0), atol=0.05)
    # Within a batch, so a little apart from the variance of all.
    assert torch.allclose(snapshot.norm.running_var, hidden.var(0), rtol=0.08)
    assert not torch.allclose(snapshot.norm.running_mean, generator.norm.running_mean, atol=0.05)
    assert snapshot.norm.momentum == 0.1
    assert not any(module.training for module in snapshot.modules())


def test_reestimated_moments_owe_nothing_to_the_trained_networks() -> None:
    snapshots = [
        ExponentialAverage(trained(batches), settings()).snapshot(1, LABELS, batches=2).state_dict()
        for batches in (5, 50)
    ]
    first, second = snapshots
    assert differences(first, second) == []


def test_a_snapshot_is_a_pure_function_and_touches_nothing_that_is_trained() -> None:
    generator = trained()
    average = ExponentialAverage(generator, settings())
    before = frozen_copy({"generator": generator.state_dict(), "average": average.state_dict()})
    random = torch.get_rng_state()
    first = frozen_copy(average.snapshot(7, LABELS).state_dict())
    average.snapshot(8, LABELS)
    torch.randn(3)
    torch.set_rng_state(random)
    assert differences(frozen_copy(average.snapshot(7, LABELS).state_dict()), first) == []
    assert differences(frozen_copy(average.snapshot(8, LABELS).state_dict()), first) != []
    assert torch.equal(random, torch.get_rng_state())
    assert differences({"generator": generator.state_dict(), "average": average.state_dict()}, before) == []
    assert generator.training


def test_evaluating_in_between_leaves_later_averages_alone() -> None:
    states = []
    for evaluated in (False, True):
        generator = trained()
        average = ExponentialAverage(generator, settings(ema_decay=0.7, ema_rampup=0))
        for step in range(1, 5):
            with torch.no_grad():
                generator.hidden.weight.add_(0.1)
            average.update(step)
            if evaluated:
                average.snapshot(step, LABELS)
        last = copy.deepcopy(average.snapshot(9, LABELS).state_dict())
        states.append({"average": average.state_dict(), "last": last})
    first, second = states
    assert differences(first, second) == []


def test_a_restored_average_gives_the_same_snapshot() -> None:
    generator = trained()
    average = ExponentialAverage(generator, settings(ema_decay=0.7, ema_rampup=0))
    with torch.no_grad():
        generator.hidden.weight.add_(1)
    average.update(1)
    restored = ExponentialAverage(generator, settings(ema_decay=0.7, ema_rampup=0))
    restored.load_state_dict(average.state_dict())
    assert differences(restored.snapshot(1, LABELS).state_dict(), average.snapshot(1, LABELS).state_dict()) == []


def test_an_average_of_another_network_is_refused() -> None:
    average = ExponentialAverage(trained(), settings())
    with pytest.raises(KeyError, match="not in both"):
        average.load_state_dict({"weight": torch.zeros(1)})


@pytest.mark.parametrize("policy", ["copy", "reestimate"])
def test_spectral_norm_of_a_snapshot_is_that_of_the_averaged_weights(policy: str) -> None:
    torch.manual_seed(0)
    generator = steered.SteeredGenerator()
    average = ExponentialAverage(generator, settings(ema_decay=0.5, ema_rampup=0, ema_batch_norm=policy))
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn_like(parameter))
    before = copy.deepcopy(generator.state_dict())
    average.update(1)
    snapshot: Any = average.snapshot(1, LABELS)
    for layer in (snapshot.seed, snapshot.first, snapshot.last, snapshot.norm.scale):
        singular = torch.linalg.matrix_norm(layer.filter_matrix().detach(), 2)
        assert singular.item() == pytest.approx(1, abs=1e-4)
    assert all(torch.equal(before[key], value) for key, value in generator.state_dict().items())


def test_field_batch_norm_is_reestimated_too() -> None:
    torch.manual_seed(0)
    generator = steered.SteeredGenerator()
    average = ExponentialAverage(generator, settings())
    snapshot: Any = average.snapshot(1, LABELS, batches=200)
    seen: list[torch.Tensor] = []
    snapshot.first.register_forward_hook(lambda module, inputs, output: seen.append(output.tensor))
    z, element = draw_latents(generator, 4000, torch_stream(5, "other/0"))
    with torch.no_grad():
        snapshot(z, LABELS.repeat(1000), element)
    x_FN = seen[0].unflatten(1, (3, 4)).transpose(0, 1).flatten(1)
    assert torch.allclose(snapshot.norm.norm.running_mean, x_FN.mean(1), atol=0.03)
    assert torch.allclose(snapshot.norm.norm.running_var, x_FN.var(1), rtol=0.08)
