"""A convolution and the mean over the group behind it are one convolution."""

import pytest
import torch

from steergan.errors import SymmetryError
from steergan.layers import GroupConvolution, GroupPool, averaged_over_group
from steergan.symmetry import gspace, regular_type
from tests.layers.equivariance import every_irrep, permutation_type
from tests.thorough import also


@pytest.mark.parametrize(
    ("name", "size"), [("C4", 3), ("D4", 4), ("C8", 5), *also(("C2", 3), ("D1", 3), ("D4", 1), ("D8", 5))]
)
def test_it_is_what_the_long_way_gives(name: str, size: int) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    for out_type in (regular_type(space, 2), permutation_type(space)):
        long = GroupConvolution(permutation_type(space), out_type, size, padding=1, spectral_norm=True)
        with torch.no_grad():
            for parameter in long.parameters():
                parameter.add_(torch.randn_like(parameter))
        long.eval()
        x = long.in_type(torch.randn(2, long.in_type.size, 8, 8))
        wanted = GroupPool(out_type, "mean")(long(x)).tensor.detach()
        once = averaged_over_group(long)
        assert float((once(x).tensor.detach() - wanted).abs().max() / wanted.abs().max()) < 1e-6
        assert once.filter_bank().shape[0] == len(out_type)


def test_fields_that_are_not_permuted_are_refused() -> None:
    space = gspace("C4")
    with pytest.raises(SymmetryError, match=r"averaged_over_group got fields of .* a mean over the group"):
        averaged_over_group(GroupConvolution(regular_type(space, 1), every_irrep(space), 3))
