"""Every layer commutes with every element of its group; layers that don't are caught."""

from typing import Any

import pytest
import torch
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType

from steergan import layers
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import equivariance_error, every_irrep, permutation_type
from tests.thorough import grid

GRID_GROUPS = ("trivial", "C2", "C4", "D1", "D2", "D4")
C = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))

Layers = dict[str, tuple[EquivariantModule, int, tuple[torch.Tensor, ...]]]


def layers_of(space: GSpace2D, permutations: FieldType, irreps: FieldType) -> Layers:
    """Every layer, with a size of map and further arguments. `irreps` stands for signed permutations on grid groups."""
    regular, image = regular_type(space, 3), trivial_type(space, 2)
    chosen: Layers = {
        "lift": (GroupConvolution(image, regular, 3), 5, ()),
        "regular": (GroupConvolution(regular, regular, 3, spectral_norm=True), 6, ()),
        "5x5, no padding": (GroupConvolution(regular, image, 5, padding=0), 7, ()),
        "mixed": (GroupConvolution(irreps, permutations, 3, spectral_norm=True), 5, ()),
        "1x1": (GroupConvolution(permutations, irreps, 1), 4, ()),
        "batch norm": (layers.FieldBatchNorm(permutations), 4, ()),
        "instance norm": (layers.FieldInstanceNorm(permutations), 4, ()),
        "instance norm of any fields": (layers.FieldInstanceNorm(irreps), 5, ()),
        "layer norm": (layers.FieldLayerNorm(permutations), 4, ()),
        "layer norm of any fields": (layers.FieldLayerNorm(irreps), 5, ()),
        "conditional batch norm": (layers.ConditionalBatchNorm(permutations, 5), 5, (C,)),
        "relu": (layers.Pointwise(permutations, "relu"), 4, ()),
        "leaky relu": (layers.Pointwise(permutations, "leaky_relu"), 4, ()),
        "elu": (layers.Pointwise(permutations, "elu"), 4, ()),
        "nearest": (layers.Upsample(irreps), 3, ()),
        "nearest x3": (layers.Upsample(irreps, 3), 3, ()),
        "bilinear": (layers.Upsample(irreps, 2, "bilinear"), 5, ()),
        "average pool": (layers.AveragePool(irreps), 6, ()),
        "average pool 3/2/1": (layers.AveragePool(irreps, 3, 2, 1), 7, ()),
        "max pool": (layers.MaxPool(permutations), 6, ()),
        "max pool 3/2/1": (layers.MaxPool(permutations, 3, 2, 1), 7, ()),
        "group max": (layers.GroupPool(permutations), 5, ()),
        "group mean": (layers.GroupPool(permutations, "mean"), 5, ()),
        "generator block": (layers.GeneratorBlock(permutations, regular, 5), 4, (C,)),
        "generator block, same size": (layers.GeneratorBlock(regular, permutations, 5, upsample=False), 5, (C,)),
        "depthwise": (layers.GroupedConvolution(regular, regular, 3, cardinality=3), 5, ()),
        "bottleneck": (layers.Bottleneck(regular, regular, cardinality=3, conditioning=5), 5, (C,)),
        "discriminator block": (layers.DiscriminatorBlock(image, permutations, first=True), 6, ()),
        "discriminator block, max": (
            layers.DiscriminatorBlock(permutations, regular, pool=layers.HalvingPool("max")),
            6,
            (),
        ),
        "discriminator block, norm": (
            layers.DiscriminatorBlock(regular, regular, batch_norm=True, pool=None),
            5,
            (),
        ),
    }
    for layer, size, arguments in chosen.values():
        live_a_little(layer, size, arguments)
    return chosen


def live_a_little(layer: EquivariantModule, size: int, arguments: tuple[torch.Tensor, ...]) -> None:
    """Other parameters than the first ones, and batch-norm moments of a batch whose channels are far from alike."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
        x = torch.randn(2, layer.in_type.size, size, size) + 3 * torch.randn(layer.in_type.size, 1, 1)
        layer.train()(layer.in_type(x), *arguments)


@pytest.mark.parametrize(("name", "dtype"), grid(GRID_GROUPS, (torch.float64, torch.float32)))
def test_every_layer_commutes_exactly_with_groups_that_permute_pixels(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}[dtype]
    space = gspace(name)
    errors = {}
    for layer_name, (layer, size, arguments) in layers_of(space, permutation_type(space), every_irrep(space)).items():
        for training in (True, False):
            errors[layer_name, training] = equivariance_error(layer.train(training), size, *arguments, dtype=dtype)
    assert {n: e for n, e in errors.items() if not e < tolerance} == {}


@pytest.mark.parametrize("name", ["C8", "D8"])
def test_every_layer_commutes_with_finer_groups_at_multiples_of_90_degrees(name: str) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    irreps = FieldType(space, [space.regular_repr, space.irrep(*(1,) * (1 + (name == "D8"))), space.trivial_repr])
    errors = {}
    for layer_name, (layer, size, arguments) in layers_of(space, permutation_type(space), irreps).items():
        errors[layer_name] = equivariance_error(layer.eval(), size, *arguments)
    assert {n: e for n, e in errors.items() if not e < 1e-6} == {}


def test_tanh_commutes_with_signed_permutations() -> None:
    assert equivariance_error(layers.Pointwise(every_irrep(gspace("D4")), "tanh"), 5) < 1e-12


def test_even_kernels_are_exact() -> None:
    d4 = every_irrep(gspace("D4"))
    assert equivariance_error(GroupConvolution(d4, d4, 2), 5) < 1e-12
    assert equivariance_error(GroupConvolution(d4, d4, 4, padding=1), 6) < 1e-12


class OneWrongTap(GroupConvolution):
    """A group convolution, one entry of whose filter bank is off by 2 %."""

    def filter_bank(self) -> torch.Tensor:
        bank = super().filter_bank().clone()
        bank[0, 0, 0, 0] += 0.02 * bank.abs().max()
        return bank


class NormPerChannel(EquivariantModule):
    """Batch norm with moments per orientation, as in the released code of Dey et al."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        self.norm = torch.nn.BatchNorm2d(in_type.size)

    def forward(self, x: Any) -> Any:
        return self.out_type(self.norm(x.tensor))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def test_layers_that_are_not_equivariant_are_caught() -> None:
    torch.manual_seed(0)
    regular = regular_type(gspace("C4"), 3)
    assert equivariance_error(OneWrongTap(regular, regular, 3), 6) > 1e-4
    norm = NormPerChannel(regular)
    live_a_little(norm, 6, ())
    assert equivariance_error(norm.eval(), 6) > 1e-2
    assert equivariance_error(layers.AveragePool(regular, strict=False), 7) > 1e-2
    assert equivariance_error(layers.AveragePool(regular, 3, 2, 1, strict=False), 6) > 1e-2
