"""Whatever has a field type can be pickled, and read by a process that has made no group yet."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.layers import FourierPointwise, GroupConvolution, GroupPool
from steergan.layers.pickling import made_representation
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type
from tests.processes import PATIENCE, WARM
from tests.thorough import also


def read(path: Path) -> None:
    """In another process: the layers of a file compute what they computed."""
    for network, x, y in pickle.loads(path.read_bytes()):
        with torch.no_grad():
            assert torch.equal(network(network[0].in_type(x)).tensor, y)


def test_layers_are_read_by_another_process(tmp_path: Path) -> None:
    space, circle = gspace("D4"), gspace("SO2")
    fields = regular_type(space, 1)
    turning = FieldType(circle, [fourier_representation(circle, 1)])
    networks: list[Any] = [
        torch.nn.Sequential(GroupConvolution(trivial_type(space, 1), fields, 3), GroupPool(fields)).eval(),
        torch.nn.Sequential(GroupConvolution(trivial_type(circle, 1), turning, 3), FourierPointwise(turning)).eval(),
    ]
    with torch.no_grad():
        stored = [(n, x := n[0].in_type(torch.ones(1, 1, 5, 5)).tensor, n(n[0].in_type(x)).tensor) for n in networks]
    (tmp_path / "layers.pkl").write_bytes(pickle.dumps(stored))
    reader = WARM.Process(target=read, args=(tmp_path / "layers.pkl",))
    reader.start()
    reader.join(PATIENCE)
    assert reader.exitcode == 0


@pytest.mark.parametrize("group", ["C8", "O2", *also("trivial", "C2", "C4", "D1", "D4", "D8", "SO2")])
def test_field_types_come_back_equal(group: str) -> None:
    space = gspace(group)
    irreps = [space.irrep(*name.id) for name in space.fibergroup.irreps()[:2]]
    finite = space.fibergroup.order() > 0
    fields = FieldType(space, [*irreps, space.regular_repr if finite else fourier_representation(space, 2)])
    again = pickle.loads(pickle.dumps(fields))
    assert again == fields
    assert again.gspace == fields.gspace


def test_another_representation_of_the_same_name_is_refused() -> None:
    group = gspace("C4").fibergroup
    with pytest.raises(SymmetryError, match="another representation 'regular'"):
        made_representation(group, "regular", [(0,)], [[1.0]], [])
