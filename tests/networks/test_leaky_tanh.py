"""Tanh whose gradient leads back from where it has none."""

import pytest
import torch

from steergan.networks.leaky_tanh import leaky_tanh


def test_values_are_those_of_tanh() -> None:
    x = torch.linspace(-20, 20, 81)
    assert torch.equal(leaky_tanh(x, 0.02), torch.tanh(x))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_leak_leads_inwards_alone(sign: float) -> None:
    """Descent goes against the gradient: with a positive one it lowers x, which is inwards where x is positive."""
    x = torch.linspace(-20, 20, 82, dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(leaky_tanh(x, 0.25).sum() * sign, x)
    inwards = torch.sign(x) == sign
    wanted = sign * (1 - torch.tanh(x) ** 2 + 0.25 * inwards)
    assert torch.allclose(got, wanted, rtol=0, atol=1e-15)


def test_it_is_differentiated_twice() -> None:
    """The leak is constant, so that the second derivative is that of tanh."""
    x = torch.linspace(0.1, 2, 7, dtype=torch.float64, requires_grad=True)
    second = []
    for squashed in (leaky_tanh(x, 0.25), torch.tanh(x)):
        (first,) = torch.autograd.grad(squashed.sum(), x, create_graph=True)
        second.append(torch.autograd.grad(first.sum(), x)[0])
    assert torch.allclose(second[0], second[1], rtol=0, atol=1e-14)


def test_a_descent_comes_back_and_does_not_run_away() -> None:
    x = torch.tensor([30.0, -30.0], requires_grad=True)
    adam = torch.optim.Adam([x], lr=1.0, betas=(0.0, 0.99))
    for _ in range(60):
        adam.zero_grad()
        leaky_tanh(x, 0.02).square().sum().backward()
        adam.step()
    assert x.abs().max() < 2
    outside = torch.tensor([30.0], requires_grad=True)
    (-leaky_tanh(outside, 0.02)).sum().backward()
    assert outside.grad is not None
    assert outside.grad.item() == 0
