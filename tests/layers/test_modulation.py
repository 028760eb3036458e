"""Gains of whole fields, and noise that turns with the map."""

import pytest
import torch

from steergan.layers import FieldModulation, FieldNoise
from steergan.layers.fields import channel_owners
from steergan.symmetry import gspace, trivial_type
from tests.layers.equivariance import every_irrep, fourier, random_map


@torch.no_grad()
def test_every_channel_of_a_field_has_its_gain() -> None:
    fields = every_irrep(gspace("D4"))
    layer, x, c = FieldModulation(fields, 3), random_map(fields), torch.randn(2, 3)
    start, gains = 0, 1 + c @ layer.gain.weight.T
    for number, representation in enumerate(fields.representations):
        part = slice(start, start + representation.size)
        wanted = gains[:, number, None, None, None] * x.tensor[:, part]
        assert torch.allclose(layer(x, c).tensor[:, part], wanted, atol=1e-6)
        assert channel_owners(fields)[part].unique().tolist() == [number]
        start += representation.size
    assert torch.allclose(layer.export()(x.tensor, c), layer(x, c).tensor, atol=1e-6)


@pytest.mark.parametrize("group", ["D4", "O2"])
@torch.no_grad()
def test_noise_and_map_turn_together(group: str) -> None:
    space = gspace(group)
    fields = every_irrep(space) if group == "D4" else fourier("O2")
    layer, x, noise = FieldNoise(fields), random_map(fields), trivial_type(space, 1)(torch.randn(2, 1, 6, 6))
    assert torch.equal(layer(x, noise.tensor).tensor, x.tensor)
    layer.strength.normal_()
    element = list(space.fibergroup.grid(4, "regular") if group == "O2" else space.fibergroup.elements)[3]
    found = layer(x, noise.tensor)
    turned = layer(x.transform(element), noise.transform(element).tensor)
    assert torch.allclose(turned.tensor, found.transform(element).tensor, atol=1e-5)
    assert not torch.allclose(layer(x.transform(element), noise.tensor).tensor, turned.tensor, atol=1e-2)
    assert torch.allclose(layer.export()(x.tensor, noise.tensor), found.tensor, atol=1e-6)
