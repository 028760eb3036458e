"""uint8 and [-1, 1] are two names for the same 256 values."""

import torch

from steergan.pixels import to_uint8, to_unit


def test_every_uint8_value_survives_the_round_trip() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    unit = to_unit(values)
    assert (unit.min().item(), unit.max().item()) == (-1, 1)
    assert torch.equal(to_uint8(unit), values)


def test_values_are_rounded_to_the_nearest_and_clipped() -> None:
    unit = torch.tensor([-1.5, 1.5, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1])
    assert to_uint8(unit).tolist() == [0, 255, 0, 1]
