"""Strides, dilations, paddings and transposition: against escnn's layers, and against their own definition."""

from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import GroupConvolution, StridedConvolution, TransposedConvolution, Windows
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import MODES, verify
from tests.stock_models import convolution, mixed, transposed
from tests.thorough import grid

STRIDED: list[tuple[int, dict[str, Any]]] = [
    (3, {"stride": 2}),
    (1, {"stride": 3}),
    (4, {"stride": 2, "padding": 1}),
    (7, {"stride": 2}),
    (3, {"dilation": 2, "padding": 2}),
    (3, {"padding_mode": "circular"}),
    (5, {"padding_mode": "reflect", "padding": (2, 2)}),
    (3, {"padding_mode": "replicate", "stride": 2}),
]
TRANSPOSED: list[tuple[int, dict[str, Any]]] = [
    (4, {"stride": 2, "padding": 1}),
    (3, {"padding": 1}),
    (3, {"stride": 2, "padding": 1, "output_padding": 1}),
    (3, {"dilation": 2}),
]
WINDOWS = [*STRIDED, *((-kernel, settings) for kernel, settings in TRANSPOSED)]


def apart(found: Tensor, wanted: Tensor) -> float:
    assert found.shape == wanted.shape
    return float(((found - wanted).abs().max() / wanted.abs().max()).detach())


@pytest.mark.parametrize(("name", "window", "training"), grid(["C4", "D4"], WINDOWS, [True, False], pairs=True))
def test_they_compute_what_escnns_do(name: str, window: tuple[int, dict[str, Any]], training: bool) -> None:
    torch.manual_seed(0)
    kernel, settings = window
    fields = mixed(gspace(name))
    kind: Any = StridedConvolution if kernel > 0 else TransposedConvolution
    stock = (convolution if kernel > 0 else transposed)(fields, fields, abs(kernel), **settings).train(training)
    own = kind.from_r2conv(stock).train(training)
    for size in (9, 10):
        x = torch.randn(2, fields.size, size, size, requires_grad=True)
        results = []
        for layer in (stock, own):
            y = layer(GeometricTensor(x, fields)).tensor
            (gradient,) = torch.autograd.grad(y.square().sum(), x)
            results.append((y, gradient))
        assert own.evaluate_output_shape(x.shape) == tuple(results[0][0].shape)
        for found, wanted in zip(results[1], results[0], strict=True):
            assert apart(found, wanted) < 1e-5


def test_a_transposed_convolution_is_the_adjoint_of_a_convolution() -> None:
    # <conv(x, K), y> = <x, transposed(y, K^T)>: the bank the other way round, channels exchanged.
    space = gspace("D4")
    a, b = regular_type(space, 2), FieldType(space, [space.trivial_repr, space.irrep(1, 1)])
    forth = StridedConvolution(a, b, 3, windows=Windows(stride=2), bias=False)
    back = TransposedConvolution(b, a, 3, windows=Windows(stride=2, padding=1), bias=False)
    back.convolution.load_bank(forth.convolution.filter_bank().transpose(0, 1))
    x, y = torch.randn(1, a.size, 9, 9), torch.randn(1, b.size, 5, 5)
    left, right = (forth(a(x)).tensor * y).sum(), (x * back(b(y)).tensor).sum()
    assert torch.allclose(left, right, rtol=1e-4)


def test_a_1x1_stride_takes_the_fourier_path_of_fewer_pixels() -> None:
    fields = regular_type(gspace("D4"), 2)
    layer = StridedConvolution(fields, fields, 1, windows=Windows(stride=2))
    x = torch.randn(1, fields.size, 9, 9)
    wanted = torch.nn.functional.conv2d(x, layer.convolution.filter_bank(), layer.convolution.channel_bias(), stride=2)
    layer.convolution.convolution_choice = "fourier"
    assert layer.convolution.wants_fourier
    assert apart(layer(fields(x)).tensor, wanted) < 1e-5
    assert not StridedConvolution(fields, fields, 3, windows=Windows(stride=2)).convolution.wants_fourier


def test_strided_layers_go_back_to_escnn() -> None:
    fields = regular_type(gspace("C4"), 2)
    layer = StridedConvolution(fields, fields, 3, windows=Windows(2, 2, 2, "circular"))
    nn.init.normal_(layer.convolution.bias)  # type: ignore[arg-type]
    stock = layer.to_r2conv()
    assert isinstance(stock, enn.R2Conv)
    x = fields(torch.randn(2, fields.size, 9, 9))
    assert apart(stock(x).tensor, layer(x).tensor) < 1e-4
    with pytest.raises(SymmetryError, match="kernel size 4 has no R2Conv"):
        StridedConvolution(fields, fields, 4, windows=Windows(2)).to_r2conv()


def test_a_spectral_norm_divides_the_bank() -> None:
    fields = regular_type(gspace("C4"), 2)
    layer = StridedConvolution(fields, fields, 3, windows=Windows(2), spectral_norm=True)
    assert 0.9 < float(torch.linalg.matrix_norm(layer.convolution.filter_matrix().detach(), 2)) < 1.1


REFUSED: list[tuple[type, dict[str, Any], str]] = [
    (StridedConvolution, {"windows": Windows(stride=0)}, "stride 0"),
    (StridedConvolution, {"windows": Windows(dilation=(1, 2))}, r"dilation \(1, 2\)"),  # type: ignore[arg-type]
    (StridedConvolution, {"windows": Windows(padding_mode="mirror")}, "one of zeros, circular, reflect, replicate"),
    (TransposedConvolution, {"windows": Windows(padding_mode="circular")}, "padded by zeros"),
    (TransposedConvolution, {"windows": Windows(stride=1.5)}, "stride 1.5"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("kind", "settings", "words"), REFUSED)
def test_settings_that_mean_nothing_are_refused(kind: Any, settings: dict[str, Any], words: str) -> None:
    fields = regular_type(gspace("C4"), 1)
    with pytest.raises(SymmetryError, match=words):
        kind(fields, fields, 3, **settings)


def test_maps_that_are_too_small_are_refused() -> None:
    fields = regular_type(gspace("C4"), 1)
    layer = StridedConvolution(fields, fields, 3, windows=Windows(padding=0, dilation=3))
    assert layer.evaluate_output_shape((1, 4, 7, 8)) == (1, 4, 1, 2)
    with pytest.raises(SteerganError, match=r"windows of 7 pixels, padding 0.* 6 x 9"):
        layer.evaluate_output_shape((1, 4, 6, 9))


@pytest.mark.parametrize("stock", [GroupConvolution, StridedConvolution])
def test_what_else_escnn_can_be_is_refused(stock: Any) -> None:
    fields = regular_type(gspace("C4"), 2)
    for settings, words in (({"groups": 2}, "groups 2"), ({"padding": (1, 2)}, "one for all sides")):
        with pytest.raises(SymmetryError, match=words):
            stock.from_r2conv(convolution(fields, fields, **settings))
    with pytest.raises(SymmetryError, match=r"stride 2; StridedConvolution\.from_r2conv takes it"):
        GroupConvolution.from_r2conv(convolution(fields, fields, stride=2))


# --- certificates


def lifted(layer: Any) -> nn.Module:
    return enn.SequentialModule(GroupConvolution(trivial_type(layer.in_type.gspace, 1), layer.in_type, 3), layer)


FIELDS = mixed(gspace("D4"))
RIGHT: list[tuple[Any, list[int]]] = [
    (StridedConvolution(FIELDS, FIELDS, 3, windows=Windows(2)), [9, 7]),
    (StridedConvolution(FIELDS, FIELDS, 1, windows=Windows(2)), [9]),
    (StridedConvolution(FIELDS, FIELDS, 4, windows=Windows(2, 1)), [8]),
    (StridedConvolution(FIELDS, FIELDS, 3, windows=Windows(padding_mode="circular")), [7, 8]),
    (StridedConvolution(FIELDS, FIELDS, 3, windows=Windows(1, 2, 2, "reflect")), [8]),
    (TransposedConvolution(FIELDS, FIELDS, 4, windows=Windows(2, 1)), [5, 6]),
    (TransposedConvolution(FIELDS, FIELDS, 3, windows=Windows(1, 1)), [5]),
    (TransposedConvolution(FIELDS, FIELDS, 3, windows=Windows(2, 1)), [5]),
]


@pytest.mark.parametrize(("layer", "sizes"), RIGHT, ids=range(len(RIGHT)))
def test_what_is_right_is_proved_of_all_weights(layer: Any, sizes: list[int]) -> None:
    # None of them does anything else in training.
    modes = MODES if layer in (RIGHT[0][0], RIGHT[-1][0]) else ("evaluation",)
    found = verify(lifted(layer), sizes, off_grid=False, modes=modes)
    assert found.verdict == "proved"
    assert "every value of its weights" in found.sentence


def exchanged(layer: Any) -> Any:
    expansion = layer.convolution.expansions[0]
    entry = expansion.entry.clone()
    entry[1, [0, 1]] = entry[1, [1, 0]]
    expansion.entry = entry
    return layer


def with_bias_per_channel(layer: Any) -> Any:
    inner = layer.convolution
    inner.bias = nn.Parameter(torch.arange(float(inner.out_type.size)))
    inner.bias_index = torch.arange(inner.out_type.size)
    return layer


class Shifted(StridedConvolution):
    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return super().forward(self.in_type(x.tensor.roll(1, 3)))


REGULAR = regular_type(gspace("D4"), 1)
BROKEN: list[tuple[Any, int]] = [
    (StridedConvolution(REGULAR, REGULAR, 3, windows=Windows(2)), 8),
    (StridedConvolution(REGULAR, REGULAR, 1, windows=Windows(2)), 8),
    (StridedConvolution(REGULAR, REGULAR, 4, windows=Windows(2, 1)), 9),
    (StridedConvolution(REGULAR, REGULAR, 3, windows=Windows(2, padding_mode="circular")), 8),
    (exchanged(StridedConvolution(REGULAR, REGULAR, 3, windows=Windows(2))), 9),
    (with_bias_per_channel(StridedConvolution(REGULAR, REGULAR, 3, windows=Windows(2))), 9),
    (Shifted(REGULAR, REGULAR, 3, windows=Windows(2)), 9),
    (TransposedConvolution(REGULAR, REGULAR, 3, windows=Windows(2, 1), output_padding=1), 5),
    (TransposedConvolution(REGULAR, REGULAR, 3, windows=Windows(1, 1, 2), output_padding=1), 5),
    (exchanged(TransposedConvolution(REGULAR, REGULAR, 4, windows=Windows(2, 1))), 5),
    (with_bias_per_channel(TransposedConvolution(REGULAR, REGULAR, 4, windows=Windows(2, 1))), 5),
]


@pytest.mark.parametrize(("layer", "size"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_broken_is_caught(layer: Any, size: int) -> None:
    assert verify(lifted(layer), size, off_grid=False, modes=("evaluation",)).verdict == "broken"
