"""Stock layers are what an escnn user would build, and can hold what ours compute."""

import pytest
import torch

from steergan.benchmark.stock_layers import ConditionalInnerBatchNorm, stock_convolution, stock_pool, upsampled
from steergan.layers import ConditionalBatchNorm, GroupConvolution, HalvingPool
from steergan.symmetry import gspace, regular_type


@pytest.mark.parametrize("group", ["C4", "D4"])
def test_a_stock_convolution_spans_every_equivariant_filter(group: str) -> None:
    fields = regular_type(gspace(group), 2)
    ours = GroupConvolution(fields, fields, 3)
    stock = stock_convolution(fields, fields)
    assert stock.weights.numel() == sum(weight.numel() for weight in ours.weights)
    assert stock.padding == 1
    torch.manual_seed(0)
    x = fields(torch.randn(2, fields.size, 5, 5))
    assert 0.1 < float(stock(x).tensor.detach().std()) < 10  # neither dies out nor blows up


def test_a_stock_conditional_norm_computes_what_ours_does() -> None:
    fields = regular_type(gspace("C4"), 3)
    ours, stock = ConditionalBatchNorm(fields, 5, spectral_norm=False), ConditionalInnerBatchNorm(fields, 5)
    assert ours.scale is not None
    assert ours.shift is not None
    stock.scale.load_state_dict(ours.scale.state_dict())
    stock.shift.load_state_dict(ours.shift.state_dict())
    torch.manual_seed(0)
    x, c = fields(torch.randn(4, fields.size, 3, 3)), torch.randn(4, 5)
    torch.testing.assert_close(stock(x, c).tensor, ours(x, c).tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reduce", ["average", "max"])
def test_a_stock_pool_is_the_pool_that_was_asked_for(reduce: str) -> None:
    fields = regular_type(gspace("C4"), 1)
    x = torch.arange(4.0).view(1, 1, 2, 2).repeat(1, 4, 1, 1)
    pooled = stock_pool(HalvingPool(reduce, 2, 0), fields)(fields(x)).tensor
    assert pooled.flatten().tolist() == [{"average": 1.5, "max": 3.0}[reduce]] * 4


def test_upsampling_is_there_only_if_it_is_asked_for() -> None:
    fields = regular_type(gspace("C4"), 1)
    assert upsampled(fields, upsample=False) == []
    (twice,) = upsampled(fields, upsample=True)
    assert twice(fields(torch.ones(1, 4, 3, 3))).tensor.shape[2:] == (6, 6)
