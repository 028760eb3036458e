import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.networks import Discriminator, DiscriminatorSpec
from steergan.penalties import consistency_penalty, mixed_images, orthogonal_penalty, r1_penalty, rotation_loss, wgan_gp
from steergan.symmetry import act, action_table


class Quadratic(nn.Module):
    """score = a_y . x + 1/2 x . S x, whose gradient a_y + S x is known."""

    def __init__(self, size: int, classes: int = 2) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        matrix = torch.randn(size, size, generator=draw, dtype=torch.float64)
        self.S = nn.Parameter(matrix + matrix.T)
        self.a = nn.Parameter(torch.randn(classes, size, generator=draw, dtype=torch.float64))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        x = image.flatten(1)
        return (self.a[y] * x).sum(1) + (x @ self.S * x).sum(1) / 2

    def gradient(self, image: Tensor, y: Tensor) -> Tensor:
        return self.a[y] + image.flatten(1) @ self.S


def image(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Y = torch.tensor([0, 1, 1, 0])


def test_r1_is_half_the_weight_times_the_mean_squared_gradient() -> None:
    network, x = Quadratic(12), image(4, 3, 2, 2)
    x.requires_grad_()
    expected = 0.35 * network.gradient(x, Y).square().sum(1).mean()
    assert torch.allclose(r1_penalty(network(x, Y), x, 0.7), expected, rtol=1e-12)


def test_r1_of_a_linear_score_is_its_slope_whatever_the_image() -> None:
    slope = torch.tensor([3.0, -4.0, 12.0, 0.0])
    x = torch.rand(5, 1, 2, 2, requires_grad=True)
    assert r1_penalty(x.flatten(1) @ slope, x, 2.0).item() == pytest.approx(169.0, rel=1e-6)


def test_r1_gradient_by_the_weights_is_that_of_finite_differences() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    x = image(3, 1, 2, 2).requires_grad_()
    weights = dict(network.named_parameters())

    def penalty(*values: Tensor) -> Tensor:
        scores = torch.func.functional_call(network, dict(zip(weights, values, strict=True)), (x,)).squeeze(1)
        return r1_penalty(scores, x, 1.3)

    assert torch.autograd.gradcheck(penalty, tuple(weights.values()))


def test_r1_squares_half_precision_gradients_in_float32() -> None:
    x = torch.zeros(2, 1, 4, 4, dtype=torch.float16, requires_grad=True)
    penalty = r1_penalty((300 * x).flatten(1).sum(1), x, 2.0)
    # 300^2 alone is beyond float16.
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(16 * 300**2)


def test_r1_refuses_an_image_without_gradients() -> None:
    with pytest.raises(ValueError, match="requires_grad_"):
        r1_penalty(torch.zeros(2, requires_grad=True), torch.zeros(2, 1, 1, 1), 1.0)


def at_mixes(network: Any, real: Tensor, fake: Tensor, y: Tensor, mix: Tensor, weight: float) -> Tensor:
    mixed = mixed_images(real, fake, mix)
    return wgan_gp(network(mixed, y), mixed, weight)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_wgan_gp_looks_at_the_mixed_images(share: float) -> None:
    network, real, fake = Quadratic(12), image(4, 3, 2, 2), image(4, 3, 2, 2, seed=5)
    mixed = share * real + (1 - share) * fake
    expected = 10 * (network.gradient(mixed, Y).norm(dim=1) - 1).square().mean()
    mix = torch.full((4,), share, dtype=torch.float64)
    assert torch.allclose(at_mixes(network, real, fake, Y, mix, 10.0), expected, rtol=1e-12)


def test_wgan_gp_mixes_each_pair_by_its_own_share() -> None:
    network, real, fake = Quadratic(12), image(4, 3, 2, 2), image(4, 3, 2, 2, seed=5)
    mix = torch.tensor([0.0, 0.3, 0.6, 1.0], dtype=torch.float64)
    alone = [at_mixes(network, real[i : i + 1], fake[i : i + 1], Y[i : i + 1], mix[i : i + 1], 1.0) for i in range(4)]
    assert torch.allclose(at_mixes(network, real, fake, Y, mix, 1.0), torch.stack(alone).mean(), rtol=1e-12)


def test_wgan_gp_gradient_by_the_weights_is_that_of_finite_differences() -> None:
    network, real, fake = Quadratic(4), image(4, 1, 2, 2), image(4, 1, 2, 2, seed=5)
    mix = torch.tensor([0.1, 0.4, 0.7, 0.9], dtype=torch.float64)

    def penalty(S: Tensor, a: Tensor) -> Tensor:
        return at_mixes(
            lambda x, y: torch.func.functional_call(network, {"S": S, "a": a}, (x, y)), real, fake, Y, mix, 1.0
        )

    # S enters as it is, not symmetrised, so its own gradient is compared.
    assert torch.autograd.gradcheck(penalty, (network.S, network.a))


def test_wgan_gp_of_a_flat_score_has_finite_gradients() -> None:
    weight = torch.zeros(4, requires_grad=True)
    real, fake, mix = torch.ones(3, 1, 2, 2), torch.zeros(3, 1, 2, 2), torch.full((3,), 0.5)
    penalty = at_mixes(lambda x, y: x.flatten(1) @ weight, real, fake, Y[:3], mix, 2.0)
    penalty.backward()
    assert penalty.item() == 2.0
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_wgan_gp_sends_no_gradient_into_the_images() -> None:
    network, real = Quadratic(4), image(4, 1, 2, 2)
    fake = image(4, 1, 2, 2, seed=5).requires_grad_()
    at_mixes(network, real, fake, Y, torch.full((4,), 0.5, dtype=torch.float64), 1.0).backward()
    assert fake.grad is None
    assert network.S.grad is not None


def test_consistency_is_the_weighted_mean_squared_difference_of_scores() -> None:
    network, x = Quadratic(12), image(4, 3, 2, 2)
    expected = 0.3 * (network(x.flip(3), Y) - network(x, Y)).square().mean()
    found = consistency_penalty(network, x, Y, network(x, Y), lambda image: image.flip(3), 0.3)
    assert torch.allclose(found, expected, rtol=1e-12)


def test_consistency_sends_gradients_through_both_scores_and_not_into_the_images() -> None:
    network, x = Quadratic(4), image(4, 1, 2, 2).requires_grad_()
    consistency_penalty(network, x, Y, network(x.detach(), Y), lambda image: image.flip(3), 2.0).backward()
    assert x.grad is None

    def penalty(S: Tensor, a: Tensor) -> Tensor:
        def score(x: Tensor, y: Tensor) -> Tensor:
            return torch.func.functional_call(network, {"S": S, "a": a}, (x, y))

        return consistency_penalty(score, x.detach(), Y, score(x.detach(), Y), lambda image: image.flip(3), 2.0)

    assert torch.autograd.gradcheck(penalty, (network.S, network.a))


@pytest.mark.parametrize("group", ["C4", "D4", "trivial"])
def test_consistency_of_an_invariant_discriminator_is_zero_to_rounding_and_of_a_plain_one_is_not(group: str) -> None:
    torch.manual_seed(0)
    spec = DiscriminatorSpec(group=group, widths=(8, 8), spectral_norm="off")
    network = Discriminator(spec, (3, 8, 8), 2).double()
    x, whole = image(8, 3, 8, 8), group if group != "trivial" else "C4"
    table = action_table(whole, 8, 8)
    elements, y = torch.arange(8) % len(table), torch.arange(8) % 2
    found = consistency_penalty(network, x, y, network(x, y), lambda image: act(image, table, elements), 1.0).item()
    assert (found > 1e-6) if group == "trivial" else (found < 1e-24)


def test_batch_norm_of_an_invariant_discriminator_keeps_consistency_at_zero_and_learns_from_the_extra_batch() -> None:
    torch.manual_seed(0)
    spec = DiscriminatorSpec(group="D4", widths=(8, 8), batch_norm=True, spectral_norm="off")
    network = Discriminator(spec, (3, 8, 8), 2).double()
    x, table, elements, y = image(8, 3, 8, 8), action_table("D4", 8, 8), torch.arange(8), torch.arange(8) % 2
    score_B = network(x, y)
    found = consistency_penalty(network, x, y, score_B, lambda image: act(image, table, elements), 1.0)
    assert found.item() < 1e-24
    tracked = [int(buffer) for name, buffer in network.named_buffers() if name.endswith("num_batches_tracked")]
    assert tracked
    assert set(tracked) == {2}


def test_every_fourth_image_is_shown_in_all_rotations_with_their_labels() -> None:
    corner = torch.zeros(8, 1, 4, 4)
    corner[:, 0, 0, 0] = 1.0 + torch.arange(8)
    seen: list[Tensor] = []

    def logits(image: Tensor) -> Tensor:
        seen.append(image)
        # Counterclockwise, the corner goes from the upper left to the lower left, and on.
        return 100 * (image[:, 0, (0, 3, 3, 0), (0, 0, 3, 3)] > 0).float()

    assert rotation_loss(logits, corner, 1.0).item() == pytest.approx(0.0, abs=1e-6)
    assert seen[0].amax((1, 2, 3)).tolist() == [1.0, 5.0] * 4


def test_rotation_loss_of_one_who_knows_nothing_is_the_weighted_logarithm_of_four() -> None:
    for count in (1, 3, 9):
        found = rotation_loss(lambda image: torch.zeros(len(image), 4), torch.rand(count, 3, 4, 4), 0.2)
        assert found.item() == pytest.approx(0.2 * math.log(4))


def test_rotation_loss_reaches_the_images() -> None:
    x, weight = image(4, 1, 4, 4).requires_grad_(), image(16, 4, seed=3)
    rotation_loss(lambda image: image.flatten(1) @ weight, x, 1.0).backward()
    assert x.grad is not None
    assert [bool(gradient.any()) for gradient in x.grad] == [True, False, False, False]


def test_orthogonal_rows_of_any_length_cost_nothing_and_others_are_pushed_apart() -> None:
    rows = torch.linalg.qr(image(6, 4).double())[0].mT * torch.tensor([[1.0], [2.0], [0.0], [5.0]])
    assert orthogonal_penalty([rows], 3.0).item() == pytest.approx(0, abs=1e-20)
    matrix = image(3, 5).requires_grad_()
    expected = sum(2 * torch.dot(matrix[i], matrix[j]) ** 2 for i in range(3) for j in range(i))
    torch.testing.assert_close(orthogonal_penalty([matrix, rows], 0.5), 0.5 * expected)
    with pytest.raises(ValueError, match="no matrices came"):
        orthogonal_penalty([], 1.0)
    (gradient,) = torch.autograd.grad(orthogonal_penalty([matrix], 1.0), matrix)
    products = matrix @ matrix.mT * (1 - torch.eye(3))
    torch.testing.assert_close(gradient, 4 * products @ matrix)  # BigGAN's code has half of it
