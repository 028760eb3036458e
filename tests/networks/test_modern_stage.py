"""A stage is what its spec says, and both networks get it from one place."""

import pytest

from steergan.networks.modern_spec import ModernDiscriminatorSpec
from steergan.networks.modern_stage import stage_layers
from steergan.symmetry import gspace, trivial_type


@pytest.mark.parametrize(("first", "size"), [(True, 3), (False, 1)])
def test_a_stage_is_a_convolution_and_blocks_of_its_width(first: bool, size: int) -> None:
    spec = ModernDiscriminatorSpec(group="C4", widths=(8, 16), blocks=2)
    convolution, blocks = stage_layers(spec, trivial_type(gspace("C4"), 3), 16, first=first)
    assert convolution.kernel_size == size
    assert len(blocks) == 2
    assert all(block.in_type == convolution.out_type for block in blocks)
    assert convolution.out_type.size == 32  # 16 / sqrt(4) fields of four channels
