"""The deviation of a few images' features: against NumPy, group by group, with derivatives where all are alike."""

import numpy as np
import pytest
import torch

from steergan.layers import MinibatchDeviation


@pytest.mark.parametrize(("count", "groups"), [(8, [4, 4]), (7, [4, 3]), (5, [4, 1]), (2, [2])])
def test_it_is_the_mean_of_the_features_deviations_in_groups_of_consecutive_images(
    count: int, groups: list[int]
) -> None:
    phi = torch.randn(count, 6, dtype=torch.float64)
    found = MinibatchDeviation(4)(phi)
    assert torch.equal(found[:, :6], phi)
    parts = np.split(phi.numpy(), np.cumsum(groups)[:-1])
    expected = [np.sqrt(part.var(axis=0) + 1e-8).mean() for part in parts for _ in part]
    np.testing.assert_allclose(found[:, 6], expected)


def test_images_of_other_groups_do_not_matter() -> None:
    phi = torch.randn(6, 5, dtype=torch.float64)
    other = phi.clone()
    other[3] += 1
    changed = (MinibatchDeviation(2)(phi) != MinibatchDeviation(2)(other))[:, 5]
    assert changed.tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_derivatives_of_both_orders_are_right_and_finite_where_all_are_alike(spread: float) -> None:
    phi = (1 + spread * torch.randn(4, 3, dtype=torch.float64)).requires_grad_()
    (gradient,) = torch.autograd.grad(MinibatchDeviation(4)(phi).sum(), phi, create_graph=True)
    gradient.square().sum().backward()
    assert phi.grad is not None
    assert gradient.isfinite().all()
    assert phi.grad.isfinite().all()
    if spread:
        assert torch.autograd.gradgradcheck(MinibatchDeviation(4), (phi,))
