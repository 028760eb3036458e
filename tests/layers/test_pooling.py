from typing import Any

import pytest
import torch
from escnn.nn import FieldType, GroupPooling

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import AveragePool, GroupPool, MaxPool
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import permutation_type

REGULAR = regular_type(gspace("C4"), 2)


# --- over space ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "size"), [((2,), 6), ((3, 2, 1), 7), ((3, 1, 1), 4)])
def test_values_are_those_of_torch_where_nothing_is_padded(arguments: Any, size: int) -> None:
    x = torch.randn(2, 8, size, size)
    want = torch.nn.functional.max_pool2d(x, *arguments)
    assert torch.equal(MaxPool(REGULAR, *arguments)(REGULAR(x)).tensor, want)
    inner = torch.nn.functional.avg_pool2d(x, *arguments)[..., 1:-1, 1:-1]
    assert torch.allclose(AveragePool(REGULAR, *arguments)(REGULAR(x)).tensor[..., 1:-1, 1:-1], inner)


def test_padded_pixels_do_not_count() -> None:
    x = REGULAR(torch.full((1, 8, 5, 5), -3.0))
    assert torch.equal(AveragePool(REGULAR, 3, 2, 1)(x).tensor, torch.full((1, 8, 3, 3), -3.0))
    assert torch.equal(MaxPool(REGULAR, 3, 2, 1)(x).tensor, torch.full((1, 8, 3, 3), -3.0))


@pytest.mark.parametrize("pool", [AveragePool, MaxPool])
@pytest.mark.parametrize(
    ("arguments", "height", "width"), [((2,), 7, 6), ((2,), 6, 7), ((3, 2, 1), 6, 6), ((3, 2), 6, 6)]
)
def test_a_size_that_breaks_the_symmetry_is_refused(
    pool: Any, arguments: tuple[int, ...], height: int, width: int
) -> None:
    layer = pool(REGULAR, *arguments)
    with pytest.raises(SymmetryError, match=f"{height} x {width} map.*strict=False"):
        layer.evaluate_output_shape((1, 8, height, width))
    with pytest.raises(SymmetryError, match=f"{height} x {width} map"):
        layer(REGULAR(torch.randn(1, 8, height, width)))


def test_the_papers_pool_drops_a_row_and_a_column_when_asked() -> None:
    x = torch.randn(1, 8, 7, 7)
    layer = AveragePool(REGULAR, strict=False)
    assert layer.evaluate_output_shape((1, 8, 7, 7)) == (1, 8, 3, 3)
    assert torch.allclose(layer(REGULAR(x)).tensor, torch.nn.functional.avg_pool2d(x[..., :6, :6], 2))


def test_without_a_symmetry_every_size_will_do() -> None:
    plain = trivial_type(gspace("trivial"), 1)
    x = torch.randn(1, 1, 7, 7)
    assert torch.equal(MaxPool(plain)(plain(x)).tensor, torch.nn.functional.max_pool2d(x, 2))


@pytest.mark.parametrize("pool", [AveragePool, MaxPool])
def test_a_map_smaller_than_the_window_is_refused(pool: Any) -> None:
    with pytest.raises(SteerganError, match="larger"):
        pool(REGULAR, 4)(REGULAR(torch.randn(1, 8, 2, 2)))


@pytest.mark.parametrize("pool", [AveragePool, MaxPool])
def test_padding_beyond_half_the_window_is_refused(pool: Any) -> None:
    with pytest.raises(SteerganError, match="half the kernel"):
        pool(REGULAR, 2, 2, 2)


def test_a_maximum_of_signs_is_refused() -> None:
    space = gspace("C4")
    with pytest.raises(SymmetryError, match="irrep_2"):
        MaxPool(FieldType(space, [space.irrep(2)]))


# --- over the group ------------------------------------------------------------------------------------------------


def test_group_max_is_escnns_in_every_dtype() -> None:
    for field_type in (REGULAR, permutation_type(gspace("C4"))):
        x = torch.randn(2, field_type.size, 3, 3, dtype=torch.float64)
        want = GroupPooling(field_type)(field_type(x.float())).tensor
        for dtype in (torch.float16, torch.float32, torch.float64):
            y = GroupPool(field_type)(field_type(x.to(dtype))).tensor
            assert y.dtype == dtype
            assert torch.allclose(y.float(), want, atol=1e-2 if dtype == torch.float16 else 1e-6)


def test_group_mean_is_the_mean_of_each_field() -> None:
    x = torch.arange(8.0).view(1, 8, 1, 1)
    assert GroupPool(REGULAR, "mean")(REGULAR(x)).tensor.flatten().tolist() == [1.5, 5.5]


def test_at_ties_the_gradient_of_the_maximum_is_split_evenly() -> None:
    x = torch.tensor([1.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0]).view(1, 8, 1, 1).requires_grad_()
    GroupPool(REGULAR)(REGULAR(x)).tensor.sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3, 1, 0, 0, 0])


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(SteerganError, match="'sum' is not known"):
        GroupPool(REGULAR, "sum")


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_group_pooling_of_irreps_is_refused(reduce: str) -> None:
    space = gspace("C4")
    with pytest.raises(SymmetryError, match="irrep_1"):
        GroupPool(FieldType(space, [space.irrep(1)]), reduce)
