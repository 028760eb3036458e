"""Several inputs that turn together are turned in closed form, and what does not turn with them is seen."""

from typing import Any

import pytest
import torch
from escnn.nn import FieldType

from steergan.symmetry import gspace, trivial_type
from steergan.verification.claims import make_subject
from steergan.verification.measured.moved_inputs import inputs_at
from steergan.verification.measured.off_grid import measure_off_grid


class Blown(torch.nn.Module):
    """A map times the length of a wind, its mean along the wind, or, which does not turn, times a component."""

    def __init__(self, how: str, name: str = "SO2") -> None:
        super().__init__()
        space = gspace(name)
        self.how, self.image = how, trivial_type(space, 1)
        self.wind = FieldType(space, [space.irrep(1, 1) if name == "O2" else space.irrep(1)])

    def forward(self, image: torch.Tensor, wind: torch.Tensor) -> Any:
        if self.how == "vector":
            return image.mean((2, 3)) * wind
        if self.how == "map":
            return image * wind.square().sum(1, keepdim=True)
        along = wind[:, :1] if wind.dim() == 4 else wind[:, :1, None, None]
        return image * along


@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_vectors_and_maps_that_turn_with_the_input_are_turned(name: str) -> None:
    """A mean along a wind errs as the mean of pixels does, a map by interpolation alone, a component by far more."""
    wind = torch.randn(2, 2, generator=torch.Generator().manual_seed(1))
    found = {}
    for how, values in (("vector", wind), ("map", None), ("component", None), ("component of one", wind)):
        network = Blown(how, name)
        out_type = network.wind if how == "vector" else network.image
        types = (network.image, network.wind)
        others = () if values is None else (values,)
        subject = make_subject(network, [16], "equivariant", in_type=types, out_type=out_type, others=others)
        measured = measure_off_grid(subject, steps=24, seeds=(0,))
        at, turned = measured.at(45.0), measured.at(90.0)
        assert at is not None
        assert turned is not None
        found[how] = (at[0], turned[0], at[2])
        assert len(measured.reflected) == (4 if name == "O2" else 0)
    assert found["vector"][0] < 0.01
    assert found["map"][2] / 3 < found["map"][0] < 3 * found["map"][2]
    assert max(found["vector"][1], found["map"][1]) < 1e-6
    for how in ("component", "component of one"):
        assert min(found[how][:2]) > max(0.2, 5 * found[how][2])


def test_values_turn_by_their_matrices_and_labels_stay() -> None:
    network, wind = Blown("component"), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    types = (network.image, network.wind)
    subject = make_subject(network, [8], "equivariant", in_type=types, out_type=network.image, others=(wind,))
    upright, turned = inputs_at(subject, (8, 8), 0), inputs_at(subject, (8, 8), 0, (90.0, False))
    assert torch.equal(upright[1][0], wind)
    assert torch.allclose(turned[1][0], torch.tensor([[0.0, 1.0], [-2.0, 0.0]]), atol=1e-6)
    assert torch.allclose(turned[0], upright[0].rot90(1, (2, 3)), atol=1e-5)
