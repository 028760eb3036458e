"""What drawn networks are made of: steergan's layers, escnn's, and a user's own, chosen to fit where they stand."""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import copy
import random
from collections.abc import Callable
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F
from escnn import nn as enn
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan import layers
from steergan.layers import ConditionalBatchNorm, FieldBatchNorm, GeneratorBlock, GroupConvolution
from steergan.layers.windowed_convolution import PADDING_MODES
from steergan.symmetry import group_name, is_grid_group, is_permutation, signed_permutation, trivial_type
from tests.verification.attention import attended, by_distance, fused, largest
from tests.verification.matrix_pieces import Exported, OnFibres, sampled

Module = torch.nn.Module

CONDITIONING = 3
START_SIZES = range(5, 10)
LARGEST_MAP = 20

TYPES = ("regular", "mixed", "irreps", "quotient")
HEADS = ("none", "group pool", "image", "global pool", "invariant", "gated")

QUOTIENTS: dict[str, tuple[Any, ...]] = {
    "C4": (2,),
    "C8": (2, 4),
    "D2": ((None, 2), (0, 1)),
    "D4": ((None, 2), (None, 4), (0, 1), (0, 2)),
}
SUBGROUPS: dict[str, tuple[Any, ...]] = {
    "C4": (2,),
    "C8": (4, 2),
    "D2": ((None, 2), (0, 1)),
    "D4": ((None, 4), (None, 4), (0, 2), (0, 1), (None, 2)),
}
"""escnn's names of subgroups: to divide by, and to restrict to."""


def takes_others(layer: Module) -> bool:
    return bool(getattr(layer, "conditioned", isinstance(layer, ConditionalBatchNorm | GeneratorBlock)))


class Chain(Module):
    """Layers one after the other; those that are conditioned get the other inputs too."""

    conditioned = True

    def __init__(self, in_type: FieldType, chain: list[Module]) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(chain)
        self.in_type, self.out_type = in_type, chain[-1].out_type if chain else in_type

    def forward(self, x: GeometricTensor, *others: Tensor) -> GeometricTensor:
        for layer in self.layers:
            x = layer(x, *others) if takes_others(layer) else layer(x)
        return x


class Residual(Module):
    """x + f(x)."""

    conditioned = True

    def __init__(self, branch: Chain) -> None:
        super().__init__()
        self.branch = branch
        self.in_type = self.out_type = branch.in_type

    def forward(self, x: GeometricTensor, *others: Tensor) -> GeometricTensor:
        return x + self.branch(x, *others)


class Beside(Module):
    """Two branches on the same input, their fields side by side."""

    conditioned = True

    def __init__(self, branches: list[Chain]) -> None:
        super().__init__()
        self.branches = torch.nn.ModuleList(branches)
        self.in_type = branches[0].in_type
        parts: list[Any] = [branch.out_type for branch in branches]
        self.out_type = FieldType(self.in_type.gspace, [r for part in parts for r in part.representations])

    def forward(self, x: GeometricTensor, *others: Tensor) -> GeometricTensor:
        return enn.tensor_directsum([branch(x, *others) for branch in self.branches])


class FieldScale(EquivariantModule):
    """A user's own layer in plain tensor code: every field less half its mean, times a weight."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type
        self.weight = torch.nn.Parameter(torch.randn(len(in_type)))

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        x_BFGHW = x.tensor.unflatten(1, (len(self.in_type), -1))
        shifted = x_BFGHW - x_BFGHW.mean((2, 3, 4), keepdim=True) / 2
        return self.out_type((shifted * self.weight[:, None, None, None]).flatten(1, 2))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


class SpaceMean(EquivariantModule):
    """Another of a user's own: the mean over space, one pixel."""

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = in_type

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(x.tensor.mean((2, 3), keepdim=True))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*input_shape[:2], 1, 1)


def permutations(field_type: FieldType) -> bool:
    return all(is_permutation(r) for r in field_type.representations)


def pointwise(field_type: FieldType) -> bool:
    """Whether escnn applies its pointwise layers to these fields."""
    return all("pointwise" in r.supported_nonlinearities for r in field_type.representations)


def hidden_type(space: GSpace2D, name: str, rng: random.Random) -> FieldType:
    """One to four fields in any order."""
    regular, trivial = space.regular_repr, space.trivial_repr
    irreps = [r for r in space.fibergroup.irreps() if not r.is_trivial()]
    quotients = [space.quotient_repr(q) for q in QUOTIENTS.get(group_name(space), ())] or [regular]
    if name == "regular":
        return FieldType(space, [regular] * rng.randint(1, 3))
    if name == "mixed":
        fields = [trivial, regular, rng.choice(quotients), *([regular] if rng.random() < 0.5 else [])]
    elif name == "irreps":
        fields = [regular, trivial, *rng.sample(irreps, min(2, len(irreps)))]
    else:
        fields = [rng.choice(quotients)] * 2 + [regular] * rng.randint(0, 1)
    rng.shuffle(fields)
    return FieldType(space, fields)


class Site:
    """Where a network under construction stands: the type it has reached, the sizes that remain, the random choices."""

    def __init__(self, plan: Any, rng: random.Random, field_type: FieldType) -> None:
        self.plan, self.rng, self.type = plan, rng, field_type
        self.sizes = {size: size for size in START_SIZES}
        """Size of the input -> size of the map here."""

    def resize(self, change: Callable[[int], int | None]) -> bool:
        """Follow a layer that changes sizes; False, and all stays as it is, where no size would be left."""
        after = {start: change(size) for start, size in self.sizes.items()}
        kept = {start: size for start, size in after.items() if size is not None and 0 < size <= LARGEST_MAP}
        self.sizes = kept or self.sizes
        return bool(kept)

    def next_type(self, only_permutations: bool = False) -> FieldType:
        found = hidden_type(self.type.gspace, self.rng.choice(self.plan.types), self.rng)
        return found if permutations(found) or not only_permutations else hidden_type(found.gspace, "mixed", self.rng)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability


def strided(kernel: int, stride: int, padding: int) -> Callable[[int], int | None]:
    """The size after a window, None where windows would lie askew."""

    def change(size: int) -> int | None:
        room = size + 2 * padding - kernel
        return None if room < 0 or room % stride else room // stride + 1

    return change


def convolution(site: Site, out_type: FieldType, *, same_size: bool = False) -> Module:
    """A convolution from here; with `same_size` one that keeps the map's size."""
    if site.plan.stock and site.chance(0.8):
        return r2conv(site, out_type, same_size)
    rng = site.rng
    exact = is_grid_group(out_type.gspace)
    kernel = rng.choice((3, 3, 3, 1, 5) if same_size or not exact else (3, 3, 3, 1, 5, 2, 4))
    padding = kernel // 2 if same_size or site.chance(0.7) else max(0, kernel // 2 - 1)
    if not site.resize(strided(kernel, 1, padding)):
        kernel, padding = 1, 0
    return GroupConvolution(
        site.type, out_type, kernel, padding=padding, bias=site.chance(0.7), spectral_norm=site.chance(0.3)
    )


def r2conv(site: Site, out_type: FieldType, same_size: bool) -> Module:
    """escnn's convolution with weights that make rows of its bank about one long."""
    rng, in_type = site.rng, site.type
    kernel = rng.choice((3, 3, 5))
    settings: dict[str, Any] = {"padding": kernel // 2}
    if not same_size:
        stride, padding = rng.choice((1, 1, 2)), rng.choice((kernel // 2, kernel // 2, 0))
        if site.resize(strided(kernel, stride, padding)):
            settings = {"padding": padding, **({"stride": 2} if stride == 2 else {})}
    elif kernel == 3 and site.chance(0.15):
        settings = {"padding": 2, "dilation": 2}
    if min(site.sizes.values()) > kernel // 2 + 1 and set(settings) == {"padding"} and site.chance(0.25):
        settings["padding_mode"] = rng.choice(("circular", "reflect", "replicate"))
    if len({*in_type.representations}) == 1 == len({*out_type.representations}) and len(in_type) == len(out_type):
        settings["groups"] = rng.choice((1, len(in_type)))
    cutoff = rng.choice((None, 4.0))
    layer = enn.R2Conv(
        in_type, out_type, kernel, bias=site.chance(0.7), frequencies_cutoff=cutoff, initialize=False, **settings
    )
    with torch.no_grad():
        layer.weights.normal_()
        layer.weights *= out_type.size**0.5 / layer.expand_parameters()[0].norm()
    return layer


def nonlinearity(site: Site) -> list[Module]:
    """One that suits the fields; none where the library has none."""
    fields, rng = site.type, site.rng
    if site.plan.stock:
        if pointwise(fields):
            return [rng.choice((enn.ReLU, enn.ELU, enn.LeakyReLU))(fields)]
        # Softplus and sigmoid of a norm jump at zero, where a sign is all rounding: right, but not to be measured.
        function = rng.choice(("n_relu", "squash"))
        return [enn.NormNonLinearity(fields, function, bias=function == "n_relu")]
    if permutations(fields):
        return [layers.Pointwise(fields, rng.choice(("relu", "leaky_relu", "elu", "tanh")))]
    signed = all(signed_permutation(r) is not None for r in fields.representations)
    return [layers.Pointwise(fields, "tanh")] if signed else []


def norm(site: Site) -> list[Module]:
    if not permutations(site.type):
        return []
    if site.plan.stock and pointwise(site.type):
        return [enn.InnerBatchNorm(site.type)]
    return [FieldBatchNorm(site.type)]


def stack(site: Site) -> list[Module]:
    site_layers = [convolution(site, site.next_type())]
    site.type = site_layers[-1].out_type
    return site_layers + (norm(site) if site.chance(0.7) else []) + nonlinearity(site)


def branch(site: Site, out_type: FieldType) -> Chain:
    """Convolution, norm, nonlinearity, convolution: on a site of its own, with no change of size."""
    inside = copy.copy(site)
    first = convolution(inside, inside.next_type(), same_size=True)
    inside.type = first.out_type
    between = [*(norm(inside) if site.chance(0.5) else []), *nonlinearity(inside)]
    return Chain(site.type, [first, *between, convolution(inside, out_type, same_size=True)])


def residual(site: Site) -> list[Module]:
    return [Residual(branch(site, site.type))]


def beside(site: Site) -> list[Module]:
    return [Beside([branch(site, site.next_type()), branch(site, site.next_type())])]


def conditional_norm(site: Site) -> list[Module]:
    return [ConditionalBatchNorm(site.type, CONDITIONING)] if permutations(site.type) else []


def pool(site: Site) -> list[Module]:
    """Windows of 2 on even maps, or of 3 with stride 2 on odd ones."""
    window = site.rng.choice(((2, 2, 0), (3, 2, 1)))
    if not site.resize(strided(*window)):
        return []
    if site.plan.stock:
        maximum, average = enn.PointwiseMaxPool2D, enn.PointwiseAvgPool2D
    else:
        maximum, average = layers.MaxPool, layers.AveragePool
    return [
        (maximum if permutations(site.type) and pointwise(site.type) and site.chance(0.5) else average)(
            site.type, *window
        )
    ]


def antialiased_pool(site: Site) -> list[Module]:
    """escnn's, where its windows lie right: the average on odd maps, the maximum by its own kernel and padding."""
    if site.chance(0.5) and permutations(site.type) and pointwise(site.type):
        kernel, padding = site.rng.choice(((2, 0), (3, 1)))
        dense, blurred = strided(kernel, 1, padding), strided(5, 2, 2 + padding)
        if site.resize(lambda size: None if dense(size) is None else blurred(dense(size) or 0)):
            return [enn.PointwiseMaxPoolAntialiased2D(site.type, kernel, 2, padding, sigma=0.6)]
    if site.resize(strided(5, 2, 2)):
        return [enn.PointwiseAvgPoolAntialiased2D(site.type, sigma=0.66, stride=2)]
    return []


def upsample(site: Site) -> list[Module]:
    mode = site.rng.choice(("nearest", "bilinear"))
    if not site.resize(lambda size: 2 * size):
        return []
    if site.plan.stock:
        return [enn.R2Upsampling(site.type, 2, mode=mode, align_corners=site.chance(0.3))]
    if site.chance(0.4):
        return [layers.UpsampleConvolution(site.type, site.next_type(), site.rng.choice((3, 5)))]
    return [layers.Upsample(site.type, 2, mode)]


def generator_block(site: Site) -> list[Module]:
    if not permutations(site.type):
        return []
    larger = site.chance(0.5) and site.resize(lambda size: 2 * size)
    return [GeneratorBlock(site.type, site.next_type(True), CONDITIONING, upsample=larger)]


def discriminator_block(site: Site) -> list[Module]:
    if not permutations(site.type):
        return []
    smaller = site.resize(strided(2, 2, 0)) if site.chance(0.7) else False
    pooling, batch_norm = site.rng.choice(("average", "max")), site.chance(0.5)
    out_type = site.next_type(True)
    pool = layers.HalvingPool(pooling) if smaller else None
    return [layers.DiscriminatorBlock(site.type, out_type, pool=pool, batch_norm=batch_norm)]


def restriction(site: Site) -> list[Module]:
    """To a subgroup, and a convolution there."""
    subgroups = SUBGROUPS.get(group_name(site.type.gspace))
    if subgroups is None:
        return []
    restricted = enn.RestrictionModule(site.type, site.rng.choice(subgroups))
    site.type = restricted.out_type
    return [restricted, *stack(site)]


def mask(site: Site) -> list[Module]:
    """escnn's, which fits one size only."""
    start = site.rng.choice(list(site.sizes))
    site.sizes = {start: site.sizes[start]}
    return [enn.MaskModule(site.type, site.sizes[start], margin=5.0)]


def iid_norm(site: Site) -> list[Module]:
    """escnn's norm for any fields: it moves along their trivial parts only."""
    return [enn.IIDBatchNorm2d(site.type)]


def dropout(site: Site) -> list[Module]:
    return [enn.FieldDropout(site.type, 0.3)]


def own_code(site: Site) -> list[Module]:
    return [FieldScale(site.type)] if len({r.size for r in site.type.representations}) == 1 else []


class OwnCode(EquivariantModule):
    """A function of the plain tensor, as users write it between layers; what comes out is of `out_type`."""

    def __init__(self, in_type: FieldType, function: Callable[[Tensor], Tensor], out_type: FieldType | None = None):
        super().__init__()
        self.in_type, self.out_type, self.function = in_type, out_type or in_type, function

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(self.function(x.tensor))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(self.function(torch.zeros(input_shape)).shape)


def transposed(site: Site) -> list[Module]:
    """A transposed convolution, escnn's or ours."""
    kernel, stride, padding = site.rng.choice(((3, 1, 1), (3, 2, 1), (4, 2, 1)))
    if not site.plan.stock and not is_grid_group(site.type.gspace):
        kernel, stride, padding = 3, 2, 1
    if not site.resize(lambda size: (size - 1) * stride + kernel - 2 * padding):
        return []
    out_type, bias = site.next_type(), site.chance(0.5)
    if not site.plan.stock:
        windows = layers.Windows(stride=stride, padding=padding)
        return [layers.TransposedConvolution(site.type, out_type, kernel, windows=windows, bias=bias)]
    layer = enn.R2ConvTransposed(
        site.type, out_type, kernel, padding=padding, stride=stride, bias=bias, initialize=False
    )
    with torch.no_grad():
        layer.weights.normal_()
        layer.weights *= out_type.size**0.5 / layer.expand_parameters()[0].norm()
    return [layer]


def windowed(site: Site) -> list[Module]:
    """A convolution of ours with a stride, a dilation or another padding than zeros."""
    stride, padding, dilation = site.rng.choice(((2, 1, 1), (1, 2, 2), (2, 2, 2)))
    if min(site.sizes.values()) <= padding or not site.resize(strided(1 + 2 * dilation, stride, padding)):
        return []
    windows = layers.Windows(stride, padding, dilation, site.rng.choice(PADDING_MODES))
    return [layers.StridedConvolution(site.type, site.next_type(), 3, windows=windows, bias=site.chance(0.5))]


def resized(site: Site) -> list[Module]:
    """To a given size by every way that has no favourite side; a maximum only of fields that are permuted."""
    size = site.rng.randint(4, 9)
    ways: list[Callable[[Tensor], Tensor]] = [
        lambda x: F.interpolate(x, size=size, mode="bicubic"),
        lambda x: F.interpolate(x, size=size, mode="bilinear", align_corners=True),
        lambda x: F.interpolate(x, size=size, mode="area"),
    ]
    if permutations(site.type):
        ways.append(lambda x: F.adaptive_max_pool2d(x, size))
    site.resize(lambda _: size)
    return [OwnCode(site.type, site.rng.choice(ways))]


def in_parts(site: Site) -> list[Module]:
    """Some fields pooled one way, the others another, and put together in another order."""
    fields = list(site.type.representations)
    if len(fields) == 1:
        return []
    first = site.rng.randint(1, len(fields) - 1)
    cut = sum(r.size for r in fields[:first])

    def function(x: Tensor) -> Tensor:
        one, other = x[:, :cut], x[:, cut:]
        return torch.cat([F.avg_pool2d(other, 3, 1, 1), one - F.avg_pool2d(one, 5, 1, 2)], 1)

    return [OwnCode(site.type, function, FieldType(site.type.gspace, fields[first:] + fields[:first]))]


def group_norm(site: Site) -> list[Module]:
    """As many whole fields in each group."""
    sizes = {r.size for r in site.type.representations}
    if not permutations(site.type) or len(sizes) > 1:
        return []
    groups = site.rng.choice([n for n in range(1, len(site.type) + 1) if len(site.type) % n == 0])
    return [OwnCode(site.type, lambda x: F.group_norm(x, groups))]


def attention(site: Site) -> list[Module]:
    """Every pixel looks at every other, where they are not too many."""
    if max(site.sizes.values()) > 7:
        return []
    ways: list[Callable[[Tensor], Tensor]] = [fused, attended, lambda x: attended(x, bias=by_distance)]
    if len(site.type) % 2 == 0 and len(set(site.type.representations)) == 1:
        ways.append(lambda x: attended(x, heads=2))
    way = site.rng.choice(ways)
    return [OwnCode(site.type, lambda x: x + way(x))]


def sparse(site: Site) -> list[Module]:
    """Only the pixels where all channels together are largest."""
    return [OwnCode(site.type, lambda x: largest(x, x.square().sum(1, keepdim=True)))]


def on_fibres(site: Site) -> list[Module]:
    """A user's fixed matrix, to fields that can be reached."""
    out_type = site.next_type()
    layer = OnFibres(site.type, out_type, site.rng.choice(("einsum", "linear", "convolution")))
    return [layer] if bool((layer.matrix.abs().sum(1) > 0).all()) else []


def sampled_function(site: Site) -> list[Module]:
    """A convolution to fields of all irreps, and a function of their samples."""
    function = sampled(site.type.gspace, site.rng.randint(1, 2), site.rng.choice(("p_relu", "p_elu", "p_tanh")))
    return [convolution(site, function.in_type), function]


def tensor_product(site: Site) -> list[Module]:
    """Each field with itself, and a matrix of weights on that."""
    space, rng = site.type.gspace, site.rng
    irreps = [r for r in space.fibergroup.irreps() if r.size == 1]
    into, out = FieldType(space, [rng.choice((space.regular_repr, irreps[-1]))] * 2), FieldType(space, [irreps[0]] * 2)
    return [convolution(site, into), enn.TensorProductModule(into, rng.choice((out, into)) if into.size > 2 else out)]


def disentangled(site: Site) -> list[Module]:
    """To a subgroup, and fields taken apart there."""
    subgroups = SUBGROUPS.get(group_name(site.type.gspace))
    if subgroups is None:
        return []
    restricted = enn.RestrictionModule(site.type, site.rng.choice(subgroups))
    apart = enn.DisentangleModule(restricted.out_type)
    site.type = apart.out_type
    return [restricted, apart, *stack(site)]


def exported(site: Site) -> list[Module]:
    """A convolution of escnn as a plain one."""
    return [Exported(r2conv(site, site.next_type(), same_size=True))]


Piece = Callable[[Site], list[Module]]
SHARED: dict[str, Piece] = {
    "stack": stack,
    "residual": residual,
    "beside": beside,
    "pool": pool,
    "upsample": upsample,
    "restriction": restriction,
    "own code": own_code,
    "transposed": transposed,
    "resized": resized,
    "in parts": in_parts,
    "group norm": group_norm,
    "attention": attention,
    "sparse": sparse,
}
OURS: dict[str, Piece] = {
    "conditional norm": conditional_norm,
    "generator block": generator_block,
    "discriminator block": discriminator_block,
    "windowed": windowed,
}
STOCK: dict[str, Piece] = {
    "antialiased pool": antialiased_pool,
    "mask": mask,
    "dropout": dropout,
    "iid norm": iid_norm,
    "fixed matrix": on_fibres,
    "samples": sampled_function,
    "tensor product": tensor_product,
    "disentangled": disentangled,
    "exported": exported,
}
PIECES = SHARED | OURS | STOCK


def pieces_of(stock: bool) -> tuple[str, ...]:
    return tuple(SHARED | (STOCK if stock else OURS))


def together(field_type: FieldType) -> bool:
    """Whether fields of one size lie side by side. escnn's group pooling and gates need it of float64 maps."""
    sizes = [r.size for r in field_type.representations]
    return len(list(groupby(sizes))) == len({*sizes})


def head(site: Site) -> list[Module]:
    """The end. escnn's group pooling and gates give float32 whatever comes in, so nothing with weights may follow."""
    name, fields = site.plan.head, site.type
    pooled: list[Module] = []
    if name in ("group pool", "invariant") and permutations(fields):
        stock = site.plan.stock and pointwise(fields) and together(fields)
        pooled = [enn.GroupPooling(fields) if stock else layers.GroupPool(fields, site.rng.choice(("max", "mean")))]
    if name == "image":
        pooled = [convolution(site, trivial_type(fields.gspace, 2))]
    if name == "gated" and site.plan.stock:
        gates = trivial_type(fields.gspace, len(fields)) + fields.sorted()
        pooled = [convolution(site, gates), enn.GatedNonLinearity1(gates)]
    if name in ("global pool", "invariant"):
        last = pooled[-1].out_type if pooled else fields
        stock = site.plan.stock and pointwise(last) and site.chance(0.5)
        pooled.append(enn.PointwiseAdaptiveAvgPool2D(last, 1) if stock else SpaceMean(last))
    return pooled
