"""One model around each module that `escnn.nn` exports, and what becomes of it in an export."""

from collections.abc import Callable
from typing import Any

from escnn import nn as enn
from escnn.group import directsum
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.symmetry import gspace, trivial_type
from tests.exporting.models import CIRCLE, GRID, IMAGE, REGULAR
from tests.stock_models import convolution

TURNING, FLIPPING = trivial_type(CIRCLE, 1), trivial_type(gspace("O2"), 1)
O2 = FLIPPING.gspace
VECTORS = FieldType(CIRCLE, [CIRCLE.irrep(1), CIRCLE.irrep(2), CIRCLE.irrep(1)])
INDUCED = FieldType(O2, [O2.induced_repr((None, -1), CIRCLE.irrep(k)) for k in (1, 2, 1)])
GATES = FieldType(CIRCLE, [CIRCLE.trivial_repr] * 2 + [CIRCLE.irrep(1), CIRCLE.irrep(2)])
INDUCED_GATES = FieldType(O2, [O2.induced_repr((None, -1), CIRCLE.trivial_repr), INDUCED.representations[0]])
UNIFORM = FieldType(
    CIRCLE, [directsum([CIRCLE.irrep(0)] * 2 + [CIRCLE.irrep(1), CIRCLE.irrep(2)], name="gates, fields")] * 2
)
SIGNED = FieldType(gspace("D1"), [gspace("D1").irrep(1), gspace("D1").regular_repr])


class Maps(nn.Module):
    """A plain module around escnn's layers, that gives tensors."""

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        self.net = enn.SequentialModule(*layers)
        self.in_type = self.net.in_type

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, 1, H, W) -> fields (B, C, H', W')."""
        return self.net(self.in_type(x)).tensor


def of(name: str, fields: FieldType = REGULAR, image: FieldType = IMAGE, *arguments: Any, **settings: Any) -> Any:
    """One layer behind a convolution."""
    return lambda: Maps(convolution(image, fields), getattr(enn, name)(fields, *arguments, **settings))


def off_grid(
    name: str, fields: FieldType = VECTORS, image: FieldType = TURNING, *arguments: Any, **settings: Any
) -> Any:
    """Likewise, of SO(2)."""
    return of(name, fields, image, *arguments, **settings)


class Branches(nn.Module):
    """Fields that go two ways and come together."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type, self.one = IMAGE, FieldType(GRID, [GRID.regular_repr])
        self.first = convolution(IMAGE, REGULAR)
        self.split = enn.BranchingModule(REGULAR, ["a", "b"])
        self.merge = enn.MergeModule([(enn.ReLU(self.one), "a"), (enn.ELU(self.one), "b")])

    def forward(self, x: Tensor) -> Tensor:
        """Images -> fields."""
        return self.merge(self.split(self.first(IMAGE(x)))).tensor


class TwoInputs(nn.Module):
    """Gates and fields, from an image."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type = TURNING
        gates = trivial_type(CIRCLE, len(VECTORS))
        self.gates, self.fields = convolution(TURNING, gates), convolution(TURNING, VECTORS)
        self.function = enn.GatedNonLinearity2((gates, VECTORS))

    def forward(self, x: Tensor) -> Tensor:
        """Images -> fields."""
        x = TURNING(x)
        return self.function(self.gates(x), self.fields(x)).tensor


class Exported(nn.Module):
    """What escnn's `export()` gives, which is plain but for its class."""

    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        self.in_type, self.first, self.plain = IMAGE, convolution(IMAGE, REGULAR), plain

    def forward(self, x: Tensor) -> Tensor:
        """Images -> numbers."""
        return self.plain(self.first(IMAGE(x)).tensor)


class Dense(nn.Module):
    """escnn's linear layer on the means of fields."""

    def __init__(self) -> None:
        super().__init__()
        vectors = enn.FieldType(no_space(), [no_space().regular_repr] * 2)
        self.in_type, self.first = IMAGE, convolution(IMAGE, REGULAR)
        self.linear, self.norm = enn.Linear(vectors, vectors), enn.IIDBatchNorm1d(vectors)

    def forward(self, x: Tensor) -> Tensor:
        """Images -> (B, C)."""
        means = self.first(IMAGE(x)).tensor.mean(dim=(2, 3))
        return self.norm(self.linear(self.linear.in_type(means))).tensor


def no_space() -> Any:
    """C4 without a plane."""
    from escnn import gspaces

    return gspaces.no_base_space(GRID.fibergroup)


def fourier(name: str, *subgroup: Any, **settings: Any) -> Callable[[], nn.Module]:
    """A sampled function of Fourier fields, of SO(2) or on a quotient of O(2)."""

    def make() -> nn.Module:
        space = O2 if subgroup else CIRCLE
        sampled = {"irreps": O2.fibergroup.bl_irreps(2), "grid": {"N": 6, "type": "regular"}} if subgroup else {}
        given = {"channels": 2, **({"irreps": [(0,), (1,)], "N": 4} if not subgroup else {}), **sampled, **settings}
        layer = getattr(enn, name)(space, *subgroup, given.pop("channels"), given.pop("irreps"), **flat(given))
        return Maps(convolution(FLIPPING if subgroup else TURNING, layer.in_type), layer)

    return make


def flat(given: dict[str, Any]) -> dict[str, Any]:
    """The settings of a grid among the others."""
    return {**{k: v for k, v in given.items() if k != "grid"}, **given.get("grid", {})}


EXPORTED: dict[str, Callable[[], nn.Module]] = {
    "BranchingModule": Branches,
    "ConcatenatedNonLinearity": of("ConcatenatedNonLinearity", SIGNED, trivial_type(SIGNED.gspace, 1)),
    "DisentangleModule": of("DisentangleModule"),
    "ELU": of("ELU"),
    "FieldDropout": of("FieldDropout"),
    "FourierELU": fourier("FourierELU"),
    "FourierPointwise": fourier("FourierPointwise", function="p_sigmoid"),
    "GNormBatchNorm": off_grid("GNormBatchNorm"),
    "GatedNonLinearity1": off_grid("GatedNonLinearity1", GATES),
    "GatedNonLinearity2": TwoInputs,
    "GatedNonLinearityUniform": off_grid("GatedNonLinearityUniform", UNIFORM),
    "GroupPooling": of("GroupPooling"),
    "IIDBatchNorm1d": Dense,
    "IIDBatchNorm2d": off_grid("IIDBatchNorm2d"),
    "IdentityModule": of("IdentityModule"),
    "InducedGatedNonLinearity1": of("InducedGatedNonLinearity1", INDUCED_GATES, FLIPPING),
    "InducedNormBatchNorm": of("InducedNormBatchNorm", INDUCED, FLIPPING),
    "InducedNormNonLinearity": of("InducedNormNonLinearity", INDUCED, FLIPPING),
    "InducedNormPool": of("InducedNormPool", INDUCED, FLIPPING),
    "InnerBatchNorm": of("InnerBatchNorm"),
    "LeakyReLU": of("LeakyReLU"),
    "Linear": Dense,
    "MaskModule": of("MaskModule", REGULAR, IMAGE, 9),
    "MaxPoolChannels": lambda: Exported(enn.MaxPoolChannels(4)),
    "MergeModule": Branches,
    "MultipleModule": lambda: Maps(
        convolution(IMAGE, REGULAR),
        enn.MultipleModule(
            REGULAR,
            ["a", "b"],
            [(f(FieldType(GRID, [GRID.regular_repr])), n) for f, n in ((enn.ReLU, "a"), (enn.ELU, "b"))],
        ),
    ),
    "NormBatchNorm": off_grid("NormBatchNorm"),
    "NormMaxPool": off_grid("NormMaxPool", VECTORS, TURNING, 2),
    "NormNonLinearity": off_grid("NormNonLinearity"),
    "NormPool": off_grid("NormPool"),
    "PointwiseAdaptiveAvgPool2D": of("PointwiseAdaptiveAvgPool2D", REGULAR, IMAGE, 3),
    "PointwiseAdaptiveMaxPool2D": of("PointwiseAdaptiveMaxPool2D", REGULAR, IMAGE, 3),
    "PointwiseAvgPool2D": of("PointwiseAvgPool2D", REGULAR, IMAGE, 3, 2, 1),
    "PointwiseAvgPoolAntialiased2D": of("PointwiseAvgPoolAntialiased2D", REGULAR, IMAGE, 0.66, 2),
    "PointwiseDropout": of("PointwiseDropout"),
    "PointwiseMaxPool2D": of("PointwiseMaxPool2D", REGULAR, IMAGE, 3, 2, 1),
    "PointwiseMaxPoolAntialiased2D": of("PointwiseMaxPoolAntialiased2D", REGULAR, IMAGE, 3, 2, 1),
    "PointwiseNonLinearity": of("PointwiseNonLinearity", REGULAR, IMAGE, "p_tanh"),
    "QuotientFourierELU": fourier("QuotientFourierELU", (None, -1)),
    "QuotientFourierPointwise": fourier("QuotientFourierPointwise", (None, -1), function="p_sigmoid"),
    "R2Conv": lambda: Maps(convolution(IMAGE, REGULAR)),
    "R2ConvTransposed": lambda: Maps(enn.R2ConvTransposed(IMAGE, REGULAR, 3, stride=2, padding=1)),
    "R2Upsampling": of("R2Upsampling", REGULAR, IMAGE, 2),
    "ReLU": of("ReLU"),
    "ReshuffleModule": of("ReshuffleModule", VECTORS, TURNING, [2, 0, 1]),
    "RestrictionModule": of("RestrictionModule", REGULAR, IMAGE, 2),
    "SequentialModule": of("ReLU"),
    "TensorProductModule": of(
        "TensorProductModule",
        FieldType(CIRCLE, [CIRCLE.irrep(1)] * 2),
        TURNING,
        FieldType(CIRCLE, [CIRCLE.irrep(2)] * 2),
    ),
    "VectorFieldNonLinearity": of("VectorFieldNonLinearity"),
}

SAME = {
    name: f"{name}2D"
    for name in (
        "PointwiseAdaptiveAvgPool", "PointwiseAdaptiveMaxPool", "PointwiseAvgPool", "PointwiseAvgPoolAntialiased",
        "PointwiseMaxPool", "PointwiseMaxPoolAntialiased",
    )
}  # fmt: skip
"""Another name of the same class."""


def of_space(kind: str) -> Callable[[], nn.Module]:
    """A layer of fields in three dimensions, or on none."""

    def make() -> nn.Module:
        from escnn import gspaces

        if kind == "Linear":
            vectors = FieldType(no_space(), [no_space().regular_repr])
            return enn.Linear(vectors, vectors)
        space = gspaces.trivialOnR3()
        fields = FieldType(space, [space.trivial_repr])
        arguments = {
            "R3Conv": (fields, 3), "R3ConvTransposed": (fields, 3), "R3Upsampling": (2,), "IIDBatchNorm3d": (),
        }.get(kind, (3,))  # fmt: skip
        layer: nn.Module = getattr(enn, kind)(fields, *arguments)
        return layer

    return make


REFUSED = {
    name: of_space(name)
    for name in (
        "IIDBatchNorm3d", "PointwiseAdaptiveAvgPool3D", "PointwiseAdaptiveMaxPool3D", "PointwiseAvgPool3D",
        "PointwiseMaxPool3D", "R3Conv", "R3ConvTransposed", "R3Upsampling",
    )
}  # fmt: skip
"""Of fields over another space than the plane."""
OF_THIS_KIND = ("PointwiseAvgPoolAntialiased3D", "PointwiseMaxPoolAntialiased3D", "R3IcoConv", "R3IcoConvTransposed")
"""Likewise, left out here: they take seconds to be made, or need lie_learn."""
NO_LAYERS = ("EquivariantModule", "FieldType", "GeometricTensor", "HarmonicPolynomialR3")
"""Classes that are no layers of feature maps."""
