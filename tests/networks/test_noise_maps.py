"""Where noise stands in a conditioning vector, and how elements move it."""

import torch

from steergan.networks.noise_maps import NoiseMaps
from steergan.symmetry import gspace
from steergan.symmetry.actions import act, action_table

SIZES = [(2, 2), (4, 4)]


def test_maps_are_moved_each_by_its_own_table() -> None:
    noise, c, elements = NoiseMaps(gspace("D4"), 3, SIZES), torch.randn(8, 3 + 4 + 16 + 2), torch.arange(8)
    moved = noise.turned(c, elements)
    assert torch.equal(noise.without(moved), noise.without(c))
    for before, after, size in zip(noise.maps(c), noise.maps(moved), SIZES, strict=True):
        assert torch.equal(after, act(before, action_table("D4", *size), elements))
    assert torch.equal(noise.with_maps(noise.without(c), noise.maps(c)), c)


def test_without_noise_or_elements_nothing_is_done() -> None:
    c, none = torch.randn(2, 5), NoiseMaps(gspace("C4"), 3, [])
    assert none.without(c) is c
    assert none.turned(c, torch.tensor([1, 2])) is c
    assert NoiseMaps(gspace("C4"), 1, [(2, 2)]).turned(c, None) is c
