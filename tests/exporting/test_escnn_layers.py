"""escnn's own layers, whose `export()` is missing or breaks in wrappers, in plain torch."""

from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType

from steergan.symmetry import gspace
from tests.exporting.models import CIRCLE, GRID, IMAGE, REGULAR, Wrapped
from tests.exporting.test_baking import baked, same

TURNING = FieldType(CIRCLE, [CIRCLE.trivial_repr])
IRREPS = FieldType(CIRCLE, [CIRCLE.irrep(0), CIRCLE.irrep(1), CIRCLE.irrep(0), CIRCLE.irrep(2), CIRCLE.irrep(1)])
GATED = FieldType(CIRCLE, [CIRCLE.irrep(0)] * 2 + [CIRCLE.irrep(1), CIRCLE.irrep(2)])
MIXED = FieldType(GRID, [GRID.regular_repr, GRID.trivial_repr, GRID.irrep(1), GRID.regular_repr])
D4 = gspace("D4")
FLIPPED = FieldType(D4, [D4.regular_repr])


def fourier(**more: Any) -> list[Any]:
    layer = enn.FourierELU(CIRCLE, channels=2, irreps=[(0,), (1,)], N=4, **more)
    return [enn.R2Conv(TURNING, layer.in_type, 3), enn.IIDBatchNorm2d(layer.in_type), layer]


def sigmoid() -> list[Any]:
    layer = enn.FourierPointwise(CIRCLE, channels=2, irreps=[(0,), (1,)], N=4, function="p_sigmoid")
    return [enn.R2Conv(TURNING, layer.in_type, 3), layer, enn.NormPool(layer.out_type)]


def restricted() -> list[Any]:
    less = enn.RestrictionModule(FLIPPED, (None, 4))
    apart = enn.DisentangleModule(less.out_type)
    rest = FieldType(apart.out_type.gspace, [apart.out_type.gspace.regular_repr])
    image = FieldType(D4, [D4.trivial_repr])
    return [enn.R2Conv(image, FLIPPED, 3), less, apart, enn.R2Conv(apart.out_type, rest, 3), enn.GroupPooling(rest)]


LAYERS: dict[str, Any] = {
    "pools": lambda: [
        enn.R2Conv(IMAGE, REGULAR, 3, padding=1), enn.InnerBatchNorm(REGULAR), enn.ELU(REGULAR),
        enn.PointwiseAvgPoolAntialiased2D(REGULAR, 0.66, 2), enn.R2Upsampling(REGULAR, 2),
        enn.PointwiseMaxPoolAntialiased2D(REGULAR, 3, 2, 1), enn.PointwiseDropout(REGULAR), enn.FieldDropout(REGULAR),
        enn.GroupPooling(REGULAR),
    ],
    "windows": lambda: [
        enn.R2Conv(IMAGE, REGULAR, 3, stride=2, padding=1, padding_mode="circular"),
        enn.R2ConvTransposed(REGULAR, REGULAR, 3, stride=2, padding=1, output_padding=1), enn.GroupPooling(REGULAR),
    ],
    "norms": lambda: [
        enn.R2Conv(TURNING, IRREPS, 5), enn.IIDBatchNorm2d(IRREPS), enn.NormNonLinearity(IRREPS), enn.NormPool(IRREPS),
    ],
    "mixed norms": lambda: [
        enn.R2Conv(IMAGE, MIXED, 3), enn.NormNonLinearity(MIXED, "n_sigmoid"), enn.NormPool(MIXED),
    ],
    "gates": lambda: [
        enn.R2Conv(TURNING, GATED, 5), enn.GatedNonLinearity1(GATED, gates=["gate"] * 2 + ["gated"] * 2),
    ],
    "kept gates": lambda: [
        enn.R2Conv(TURNING, GATED, 5),
        enn.GatedNonLinearity1(GATED, gates=["gate"] * 2 + ["gated"] * 2, drop_gates=False),
    ],
    "fourier": lambda: fourier(inplace=True),
    "sampled sigmoid": sigmoid,
    "restriction": restricted,
    "several": lambda: [
        enn.R2Conv(IMAGE, MIXED, 3),
        enn.MultipleModule(
            MIXED, ["a", "a", "b", "a"],
            [
                (enn.ReLU(FieldType(GRID, [GRID.regular_repr, GRID.trivial_repr, GRID.regular_repr])), "a"),
                (enn.NormNonLinearity(FieldType(GRID, [GRID.irrep(1)])), "b"),
            ],
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYERS)
def test_escnns_layers_in_a_wrapper_compute_the_same(kind: str) -> None:
    torch.manual_seed(0)
    model = Wrapped(*LAYERS[kind]()).train()
    model(torch.randn(4, 1, 9, 9))  # so that moments are of something
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad and parameter.dim() < 2:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval()
    found = baked(model)
    same(model, found, 3)
    same(model, found, 1)
