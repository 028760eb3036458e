from typing import Any

import pytest
import torch
import torch.nn.functional as F
from escnn.nn import FieldType

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import DiscriminatorBlock, GeneratorBlock, GroupConvolution, HalvingPool, UpsampleConvolution
from steergan.symmetry import gspace, regular_type, trivial_type

PLAIN = gspace("trivial")


def plain_convolution(layer: GroupConvolution | UpsampleConvolution, x: torch.Tensor) -> torch.Tensor:
    """On a map that is as large as the result already."""
    if isinstance(layer, UpsampleConvolution):
        layer = layer.convolution
    bias = None if layer.bias is None else layer.bias
    return F.conv2d(x, layer.filter_bank(), bias, padding=layer.kernel_size // 2)


def plain_conditional_norm(layer: Any, x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    normed = F.batch_norm(x, None, None, training=True)
    scale, shift = layer.scale(c), layer.shift(c)
    return (1 + scale[..., None, None]) * normed + shift[..., None, None]


@pytest.mark.parametrize("upsample", [True, False])
def test_the_generators_block_is_the_one_of_figure_13(upsample: bool) -> None:
    """With the trivial group, step by step in plain torch; the shortcut is upsampled first here."""
    torch.manual_seed(0)
    block = GeneratorBlock(
        trivial_type(PLAIN, 3), trivial_type(PLAIN, 4), 5, upsample=upsample, spectral_norm=False
    ).double()
    x, c = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)

    def up(tensor: torch.Tensor) -> torch.Tensor:
        return F.interpolate(tensor, scale_factor=2) if upsample else tensor

    h = plain_convolution(block.convolution1, up(F.relu(plain_conditional_norm(block.norm1, x, c))))
    h = plain_convolution(block.convolution2, F.relu(plain_conditional_norm(block.norm2, h, c)))
    want = h + plain_convolution(block.shortcut, up(x))
    assert torch.allclose(block(block.in_type(x), c).tensor, want, atol=1e-12)


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_the_discriminators_block_is_the_one_of_figure_13(pooling: str, batch_norm: bool, first: bool) -> None:
    torch.manual_seed(0)
    block = DiscriminatorBlock(
        trivial_type(PLAIN, 3),
        trivial_type(PLAIN, 4),
        first=first,
        pool=HalvingPool(pooling),
        batch_norm=batch_norm,
        spectral_norm=False,
    ).double()
    convolutions = [layer for layer in block.branch if isinstance(layer, GroupConvolution)]
    shortcut = next(layer for layer in block.shortcut if isinstance(layer, GroupConvolution))
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    pool = F.avg_pool2d if pooling == "average" else F.max_pool2d

    def norm(tensor: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(tensor, None, None, training=True) if batch_norm else tensor

    h = x if first else F.relu(norm(x))
    h = plain_convolution(convolutions[1], F.relu(norm(plain_convolution(convolutions[0], h))))
    want = pool(h, 2) + plain_convolution(shortcut, pool(x, 2))
    assert torch.allclose(block(block.in_type(x)).tensor, want, atol=1e-12)


def test_only_what_no_norm_follows_has_a_bias() -> None:
    regular = regular_type(gspace("C4"), 2)
    generator = dict(GeneratorBlock(regular, regular, 3).named_parameters())
    assert sorted(name for name in generator if name.endswith("bias")) == ["convolution2.bias"]
    with_norm = DiscriminatorBlock(regular, regular, batch_norm=True)
    assert [layer.bias is not None for layer in with_norm.modules() if isinstance(layer, GroupConvolution)] == [
        False,
        True,
        False,
    ]


def test_every_filter_and_dense_weight_has_a_spectral_norm_unless_told() -> None:
    regular = regular_type(gspace("C4"), 2)
    for wanted in (True, False):
        for block in (
            GeneratorBlock(regular, regular, 3, spectral_norm=wanted),
            DiscriminatorBlock(regular, regular, spectral_norm=wanted),
        ):
            found = [layer.spectral is not None for layer in block.modules() if hasattr(layer, "spectral")]
            assert found == [wanted] * (7 if isinstance(block, GeneratorBlock) else 3)


def test_an_odd_size_is_refused_unless_told() -> None:
    regular = regular_type(gspace("C4"), 2)
    with pytest.raises(SymmetryError, match="7 x 7"):
        DiscriminatorBlock(regular, regular).evaluate_output_shape((1, 8, 7, 7))
    block = DiscriminatorBlock(regular, regular, pool=HalvingPool(strict=False))
    assert block(regular(torch.randn(1, 8, 7, 7))).shape == block.evaluate_output_shape((1, 8, 7, 7)) == (1, 8, 3, 3)


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(SteerganError, match="'median' is not known"):
        HalvingPool("median")


def test_irreps_are_refused() -> None:
    space = gspace("C4")
    irreps, regular = FieldType(space, [space.irrep(1)]), regular_type(space, 1)
    for build in (GeneratorBlock, lambda a, b, _: DiscriminatorBlock(a, b)):
        for pair in ((irreps, regular), (regular, irreps)):
            with pytest.raises(SymmetryError, match="irrep_1"):
                build(*pair, 3)


def test_types_of_different_groups_are_refused() -> None:
    c4, d4 = regular_type(gspace("C4"), 1), regular_type(gspace("D4"), 1)
    with pytest.raises(SymmetryError, match="one gspace"):
        GeneratorBlock(c4, d4, 3)
    with pytest.raises(SymmetryError, match="one gspace"):
        DiscriminatorBlock(c4, d4)


@pytest.mark.parametrize(("size", "window", "padding"), [(8, 2, 0), (7, 3, 1)])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_pools_of_either_parity_keep_the_block_equivariant(pooling: str, size: int, window: int, padding: int) -> None:
    torch.manual_seed(0)
    regular = regular_type(gspace("D4"), 2)
    block = DiscriminatorBlock(regular, regular, pool=HalvingPool(pooling, window, padding)).double()
    x = regular(torch.randn(1, 16, size, size, dtype=torch.float64))
    wanted = block.eval()(x)
    assert wanted.shape == block.evaluate_output_shape((1, 16, size, size)) == (1, 16, 4, 4)
    for element in regular.gspace.testing_elements:
        turned = block(x.transform(element)).tensor
        assert torch.allclose(turned, wanted.transform(element).tensor, atol=1e-12)
