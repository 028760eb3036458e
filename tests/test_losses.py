import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steergan.losses import OBJECTIVES, Loss
from steergan.recipe import LossSettings

Numbers = list[float]
LOSSES: dict[str, Loss] = {
    f"{name} {player}": getattr(objective, player)
    for name, objective in OBJECTIVES.items()
    for player in ("discriminator", "generator")
}
number = st.floats(-12, 12)
scores = st.lists(number, min_size=1, max_size=6)


def mean(values: Numbers) -> float:
    return math.fsum(values) / len(values)


def log_sigmoid(x: float) -> float:
    return math.log(1 / (1 + math.exp(-x)))


def cross_entropy(up: Numbers, down: Numbers) -> float:
    return -mean([log_sigmoid(u) for u in up]) - mean([log_sigmoid(-d) for d in down])


def relativistic(up: Numbers, down: Numbers) -> float:
    return cross_entropy([u - mean(down) for u in up], [d - mean(up) for d in down])


def pairing(up: Numbers, down: Numbers) -> float:
    return -mean([log_sigmoid(u - d) for u, d in zip(up, down, strict=True)])


# The sources' formulas, in plain floats.
FORMULAS: dict[str, Callable[[Numbers, Numbers], float]] = {
    "non-saturating discriminator": cross_entropy,
    "non-saturating generator": lambda up, down: -mean([log_sigmoid(u) for u in up]),
    "wasserstein discriminator": lambda up, down: mean(down) - mean(up),
    "wasserstein generator": lambda up, down: -mean(up),
    "relativistic-average discriminator": relativistic,
    "relativistic-average generator": relativistic,
    "relativistic-pairing discriminator": pairing,
    "relativistic-pairing generator": pairing,
    "hinge discriminator": lambda up, down: mean([max(0, 1 - u) for u in up]) + mean([max(0, 1 + d) for d in down]),
    "hinge generator": lambda up, down: -mean(up),
}


def gradients(loss: Loss, up: Numbers, down: Numbers) -> tuple[Tensor, Tensor]:
    up_B = torch.tensor(up, requires_grad=True)
    down_B = torch.tensor(down, requires_grad=True)
    found = torch.autograd.grad(loss(up_B, down_B), (up_B, down_B), allow_unused=True, materialize_grads=True)
    return found[0], found[1]


def test_every_objective_of_a_recipe_exists() -> None:
    for name in OBJECTIVES:
        assert LossSettings.model_validate({"name": name}).name == name
    assert set(LOSSES) == set(FORMULAS)


@pytest.mark.parametrize("name", LOSSES)
@given(up=scores, down=scores)
@settings(max_examples=25, deadline=None)
def test_loss_is_its_formula(name: str, up: Numbers, down: Numbers) -> None:
    if "pairing" in name:
        up, down = up[: len(down)], down[: len(up)]
    loss = LOSSES[name](torch.tensor(up, dtype=torch.float64), torch.tensor(down, dtype=torch.float64))
    # softplus is linear beyond 20, which is right to 2e-9.
    assert loss.item() == pytest.approx(FORMULAS[name](up, down), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    draw = torch.Generator().manual_seed(0)
    up, down = (torch.randn(5, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(LOSSES[name], (up, down))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [30.0, 1e4])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_large_scores_keep_finite_gradients(name: str, size: float, sign: float) -> None:
    up, down = gradients(LOSSES[name], [sign * size, sign * size], [-sign * size, -sign * size])
    assert up.isfinite().all()
    assert down.isfinite().all()


@pytest.mark.parametrize("size", [30.0, 1e4])
def test_a_score_far_on_the_wrong_side_has_the_full_gradient(size: float) -> None:
    for name in LOSSES:
        loss = LOSSES[name]
        up, down = gradients(loss, [-size], [size])
        # The relativistic loss sees the gap twice: once for each term.
        full = 2.0 if name.startswith("relativistic-average") else 1.0
        assert up.item() == pytest.approx(-full, abs=1e-6), name
        if name.endswith("discriminator") or name.startswith("relativistic"):
            assert down.item() == pytest.approx(full, abs=1e-6), name


@pytest.mark.parametrize("size", [30.0, 1e4])
@pytest.mark.parametrize(
    "name", ["non-saturating discriminator", "relativistic-average generator", "hinge discriminator"]
)
def test_a_score_far_on_the_right_side_has_no_gradient(name: str, size: float) -> None:
    up, down = gradients(LOSSES[name], [size], [-size])
    assert abs(up.item()) < 1e-12
    assert abs(down.item()) < 1e-12


@pytest.mark.parametrize("name", ["wasserstein", "relativistic-average", "relativistic-pairing"])
@given(pairs=st.lists(st.tuples(number, number), min_size=1, max_size=6), shift=st.floats(-5, 5))
@settings(max_examples=25, deadline=None)
def test_relative_losses_see_differences_only(name: str, pairs: list[tuple[float, float]], shift: float) -> None:
    loss, (up, down) = OBJECTIVES[name].discriminator, zip(*pairs, strict=True)
    up_B, down_B = torch.tensor(up, dtype=torch.float64), torch.tensor(down, dtype=torch.float64)
    assert loss(up_B + shift, down_B + shift).item() == pytest.approx(loss(up_B, down_B).item(), rel=1e-9, abs=1e-9)


def test_scores_that_make_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 scores came; pairs were wanted"):
        OBJECTIVES["relativistic-pairing"].discriminator(torch.zeros(3), torch.zeros(2))


def test_both_means_of_the_relativistic_loss_carry_gradients() -> None:
    up, down = gradients(OBJECTIVES["relativistic-average"].discriminator, [0.3, -1.0, 2.0], [0.7, -0.2])
    # A function of differences has gradients that cancel; with a detached mean they would not.
    assert (up.sum() + down.sum()).abs() < 1e-6
    assert up.sum() < -0.1


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_says_truly_whether_the_generator_sees_real_scores(name: str) -> None:
    objective = OBJECTIVES[name]
    fake = torch.tensor([0.2, -0.4])
    values = {objective.generator(fake, real).item() for real in (torch.tensor([1.0, 2.0]), torch.tensor([-3.0, 0.5]))}
    assert (len(values) == 2) == objective.generator_sees_real
