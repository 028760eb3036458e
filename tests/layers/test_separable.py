"""Filters that are the same down and across, as products with matrices."""

import pytest
import torch

from steergan.layers.separable import SMALL, resampled


@pytest.mark.parametrize("size", [4, 24])
def test_a_map_is_multiplied_from_both_sides(size: int) -> None:
    """As one product and as two, with the derivatives that a penalty needs."""
    down, across = (torch.randn(n, size, dtype=torch.float64) for n in (size, size // 2))
    assert (down.numel() * across.numel() <= SMALL) == (size == 4)
    x = torch.randn(2, 3, size, size, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(resampled(x, down, across), torch.einsum("hi,bcij,wj->bchw", down, x, across))
    x = torch.randn(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda t: resampled(t, down, across).square(), (x,), fast_mode=True)
