"""Single layers and what could be used in their place: the same numbers in, and the tasks that all are timed at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from escnn import nn as enn
from escnn.gspaces import GSpace2D
from torch import Tensor, nn
from torch.nn import functional as F

from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, STOCK
from steergan.benchmark.stock_layers import ConditionalInnerBatchNorm, stock_convolution
from steergan.layers import (
    AveragePool,
    ConditionalBatchNorm,
    FieldBatchNorm,
    GroupConvolution,
    GroupPool,
    Pointwise,
    UpsampleConvolution,
    choose_convolution,
)
from steergan.randomness import torch_stream
from steergan.symmetry import group_order, gspace, regular_type, trivial_type

WRITTEN, LAST = "hand-written", f"{CHANNELS}, channels last"
RIVALS = {
    OWN: "our layer",
    DENSE: "our layer with dense convolutions",
    CHANNELS: "torch's own layer with as many channels",
    LAST: "torch's own convolution with as many channels, all of it in channels-last order",
    PARAMETERS: "torch's own with about as many parameters: the square root of |G| times fewer channels",
    STOCK: "escnn's",
    WRITTEN: "a convolution as in Cohen and Welling's paper: turned copies of the filters, stacked, and conv2d",
}
CONVOLUTION, UPSAMPLING, NORM, CONDITIONAL, RELU, POOL, GROUP_POOL = (
    "convolution", "upsampling + convolution", "batch norm", "conditional batch norm", "ReLU", "average pool",
    "group pool",
)  # fmt: skip
CONDITIONING = 128
"""Length of the vector that conditional batch norms depend on."""


@dataclass(frozen=True)
class LayerCase:
    """A layer between regular fields, on square maps."""

    kind: str
    group: str
    in_fields: int
    out_fields: int
    size: int
    batch: int
    kernel: int = 3

    @property
    def name(self) -> str:
        """What is shown of it: kind, group, fields, map and batch."""
        convolves = self.kind in (CONVOLUTION, UPSAMPLING)
        fields = f"{self.in_fields} -> {self.out_fields}, {self.kernel}x{self.kernel}" if convolves else self.in_fields
        return f"{self.kind}, {self.group} {fields}, {self.size} x {self.size}, batch {self.batch}"


@dataclass(frozen=True)
class Rival:
    """A layer as a function of a leaf x, with its parameters and a gradient of what comes out."""

    call: Callable[[Tensor], Tensor]
    x: Tensor
    parameters: list[Tensor]
    grad: Tensor


def forward(rival: Rival) -> object:
    """The result, without a graph."""
    with torch.no_grad():
        return rival.call(rival.x)


def forward_and_backward(rival: Rival) -> object:
    """The result, and its gradients by x and the parameters."""
    return torch.autograd.grad(rival.call(rival.x), [rival.x, *rival.parameters], rival.grad)


def penalty(rival: Rival) -> object:
    """R1 of a layer: the squared gradient by x of half the squared result, differentiated by x and the parameters."""
    y = rival.call(rival.x)
    (by_x,) = torch.autograd.grad(y.square().sum() / 2, rival.x, create_graph=True)
    return torch.autograd.grad(by_x.square().sum(), [rival.x, *rival.parameters], allow_unused=True)


TASKS: dict[str, Callable[[Rival], object]] = {
    "forward": forward,
    "forward + backward": forward_and_backward,
    "with R1": penalty,
}


def rivals_of(case: LayerCase, device: str = "cpu") -> dict[str, Rival]:
    """Every rival that the kind of layer has, on the same random numbers, as far as they have as many."""
    space, order = gspace(case.group), group_order(gspace(case.group))
    layers: dict[str, tuple[nn.Module, int]] = {name: (layer, order) for name, layer in own_layers(case, space).items()}
    layers[STOCK] = stock_layer(case, space), order
    if case.kind != GROUP_POOL:
        layers[CHANNELS] = torch_layer(case, order), order
    if case.kind in (CONVOLUTION, UPSAMPLING):
        layers[LAST] = torch_layer(case, order), order
        layers[PARAMETERS] = torch_layer(case, order**0.5), order**0.5
    if case.kind == CONVOLUTION:
        layers[WRITTEN] = HandWritten(case, space), order
    rivals = {name: rival_of(case, *layers[name], device) for name in RIVALS if name in layers}
    return rivals | ({LAST: in_channels_last(rivals[LAST], layers[LAST][0])} if LAST in rivals else {})


def in_channels_last(rival: Rival, layer: nn.Module) -> Rival:
    """A plain layer with its weights, its input and its gradient in channels-last order."""
    layer.to(memory_format=torch.channels_last)
    x, grad = (tensor.detach().contiguous(memory_format=torch.channels_last) for tensor in (rival.x, rival.grad))
    return replace(rival, x=x.requires_grad_(), grad=grad)


def rival_of(case: LayerCase, layer: nn.Module, per_field: float, device: str) -> Rival:
    """A layer with its input, on `per_field` channels for each field; in the precision of its weights."""
    draw = torch_stream(0, "benchmark of layers")
    x = torch.randn(case.batch, round(case.in_fields * per_field), case.size, case.size, generator=draw)
    weights = next((p for p in layer.parameters() if p.is_floating_point()), x)
    x = x.to(device, weights.dtype).requires_grad_()
    layer.to(device)
    if case.kind in (NORM, CONDITIONAL):
        layer.train()
    rest = [torch.randn(case.batch, CONDITIONING, generator=draw).to(device)] if case.kind == CONDITIONAL else []

    def call(x: Tensor) -> Tensor:
        if hasattr(layer, "in_type"):
            into: Any = layer.in_type
            found = layer(into(x), *rest)
            tensor: Tensor = found.tensor
            return tensor
        plain: Tensor = layer(x, *rest)
        return plain

    with torch.no_grad():
        shape = call(x).shape
    return Rival(call, x, list(layer.parameters()), torch.randn(shape, generator=draw).to(device, x.dtype))


def own_layers(case: LayerCase, space: GSpace2D) -> dict[str, nn.Module]:
    """Ours; convolutions that have two ways to be computed appear twice."""
    in_type, out_type = regular_type(space, case.in_fields), regular_type(space, case.out_fields)

    def make() -> nn.Module:
        match case.kind:
            case "convolution":
                return GroupConvolution(in_type, out_type, case.kernel)
            case "upsampling + convolution":
                return UpsampleConvolution(in_type, out_type, case.kernel)
            case "batch norm":
                return FieldBatchNorm(in_type)
            case "conditional batch norm":
                return ConditionalBatchNorm(in_type, CONDITIONING, spectral_norm=False)
            case "ReLU":
                return Pointwise(in_type, "relu")
            case "average pool":
                return AveragePool(in_type, 2)
        return GroupPool(in_type)

    layers = {OWN: make()}
    if case.kind in (CONVOLUTION, UPSAMPLING):
        layers[DENSE] = make()
        choose_convolution(layers[DENSE], "dense")
    return layers


def stock_layer(case: LayerCase, space: GSpace2D) -> nn.Module:
    """escnn's, in training mode, in which an R2Conv expands its filters at every call."""
    in_type, out_type = regular_type(space, case.in_fields), regular_type(space, case.out_fields)
    match case.kind:
        case "convolution":
            return stock_convolution(in_type, out_type, case.kernel)
        case "upsampling + convolution":
            upsample = enn.R2Upsampling(in_type, scale_factor=2, mode="nearest")
            return enn.SequentialModule(upsample, stock_convolution(in_type, out_type, case.kernel))
        case "batch norm":
            return enn.InnerBatchNorm(in_type)
        case "conditional batch norm":
            layer = ConditionalInnerBatchNorm(in_type, CONDITIONING)
            layer.in_type = in_type
            return layer
        case "ReLU":
            return enn.ReLU(in_type)
        case "average pool":
            return enn.PointwiseAvgPool2D(in_type, 2, 2)
    return enn.GroupPooling(in_type)


def torch_layer(case: LayerCase, per_field: float) -> nn.Module:
    """A layer of torch's own; conditional batch norm is ours with the trivial group, BatchNorm2d and an addcmul."""
    into, out = (round(fields * per_field) for fields in (case.in_fields, case.out_fields))
    match case.kind:
        case "convolution":
            return nn.Conv2d(into, out, case.kernel, padding=case.kernel // 2)
        case "upsampling + convolution":
            convolution = nn.Conv2d(into, out, case.kernel, padding=case.kernel // 2)
            return nn.Sequential(nn.Upsample(scale_factor=2), convolution)
        case "batch norm":
            return nn.BatchNorm2d(into)
        case "conditional batch norm":
            return ConditionalBatchNorm(trivial_type(gspace("trivial"), into), CONDITIONING, spectral_norm=False)
        case "ReLU":
            return nn.ReLU()
    return nn.AvgPool2d(2)


class HandWritten(nn.Module):
    """A group convolution as it is usually written: a copy of the filters for every element g, stacked.

    The copy for g is w moved by g in the plane, its channels taken in the order g^-1 h.

    Args:
        case: a convolution.
        space: of its group, C_N or D_N with N = 2 or 4.

    Attributes:
        weight: (fields out, fields in, |G|, k, k), what the identity's channel of a field sees.

    Source: Cohen and Welling 2016, section 6.
    """

    def __init__(self, case: LayerCase, space: GSpace2D) -> None:
        super().__init__()
        group = space.fibergroup
        self.shape, self.padding = (case.in_fields, case.out_fields), case.kernel // 2
        deviation = (case.in_fields * group.order() * case.kernel**2) ** -0.5
        filters = torch.randn(case.out_fields, case.in_fields, group.order(), case.kernel, case.kernel)
        self.weight = nn.Parameter(filters * deviation)
        self.bias = nn.Parameter(torch.zeros(case.out_fields))
        self.moves = [motion(element) for element in group.elements]
        order = [[group.elements.index(~g @ h) for h in group.elements] for g in group.elements]
        self.register_buffer("order", torch.tensor(order))

    def bank(self) -> Tensor:
        """(|G| fields out, |G| fields in, k, k)."""
        order: Any = self.order
        copies = [moved(self.weight[:, :, order[g]], *move) for g, move in enumerate(self.moves)]
        return torch.stack(copies, 1).flatten(0, 1).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, |G| fields in, H, W) -> (B, |G| fields out, H, W)."""
        return F.conv2d(x, self.bank(), self.bias.repeat_interleave(len(self.moves)), padding=self.padding)


def motion(element: Any) -> tuple[bool, int]:
    """Whether an element of C_N or D_N reflects, and by how many quarter turns it turns then."""
    value, order = element.to("int"), element.group.rotation_order
    reflects, turns = value if isinstance(value, Sequence) else (0, value)
    return bool(reflects), turns * 4 // order


def moved(filters: Tensor, reflects: bool, quarters: int) -> Tensor:
    """Filters (..., k, k) moved in the plane: left and right changed, then turned counterclockwise."""
    return torch.rot90(filters.flip(-1) if reflects else filters, quarters, (-2, -1))
