"""Whole fields are left out, by numbers that the caller draws."""

import pytest
import torch

from steergan.errors import SteerganError
from steergan.layers import FieldDropout, draw_keep
from steergan.symmetry import gspace
from tests.layers.equivariance import equivariance_error, every_irrep


def test_it_commutes_for_numbers_once_drawn() -> None:
    fields = every_irrep(gspace("D4"))
    layer = FieldDropout(fields, 0.5)
    keep = layer.draw(2, torch.Generator().manual_seed(0))
    assert 0 < int((keep == 0).sum()) < keep.numel()
    assert equivariance_error(layer, 5, keep) < 1e-12
    x = torch.randn(2, fields.size, 3, 3)
    keep = keep.to(x.dtype)
    assert torch.equal(layer.export()(x, keep), layer(fields(x), keep).tensor)


def test_numbers_are_drawn_by_their_stream_and_have_a_mean_of_one() -> None:
    first, again = (draw_keep(100, 100, 0.3, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert abs(float(first.mean()) - 1) < 0.02
    assert torch.equal(draw_keep(2, 3, 0.0), torch.ones(2, 3))


def test_other_shares_and_shapes_are_refused() -> None:
    fields = every_irrep(gspace("C4"))
    with pytest.raises(SteerganError, match=r"dropout of 1: a share of at least 0 and less than 1"):
        FieldDropout(fields, 1.0)
    with pytest.raises(SteerganError, match=r"got numbers of shape \(2, 1\); \(2, \d+\), \(B, F\), was wanted"):
        FieldDropout(fields, 0.5)(fields(torch.zeros(2, fields.size, 2, 2)), torch.ones(2, 1))
