"""The second half of the ways to break a right network: buffers, channels, parity of sizes, and quiet faults.

Some of these are equivariant and still wrong: an output that is constant, a filter that is not that of its weights.
Brute force sees those by another measure, which their `also` names (`Quiet.apply`).
"""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from escnn import nn as enn
from escnn.group import IrreducibleRepresentation
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from escnn.nn.modules.basismanager import SingleBlockBasisExpansion
from torch import Tensor

from steergan import layers
from steergan.layers import ConditionalBatchNorm, GroupConvolution
from steergan.layers.filters.expansion import OrbitExpansion
from steergan.symmetry import is_permutation, plane_matrices, trivial_type
from steergan.verification.subject import twin_of
from tests.verification.breaking import (
    MUTANTS,
    TRIES,
    VISIBLE,
    Also,
    Module,
    Mutant,
    OnTensor,
    Place,
    element_pairs,
    everywhere,
    follow,
    map_sizes,
    mutant,
    override,
    places,
    random_map,
    ready,
    run,
    runs,
    shuffled,
    turns,
)

# Faults that leave the output equivariant, or show in training only.


class Quiet(Mutant):
    """An operator whose fault is seen by what `also` says, not by the error in evaluation mode."""

    def apply(self, drawn: Any, seed: int) -> Any | None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for candidate in islice(self.operator(drawn, random.Random(seed)), TRIES):
                if SEEN[self.also](candidate):
                    return replace(candidate, name=f"{drawn.name}, with {self.name}")
        return None


def quiet(name: str, reason: str, also: Also, groups: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """`mutant`, for a fault that only `also` shows."""

    def register(operator: Any) -> Any:
        mutant(name, reason, also, groups)(operator)
        MUTANTS[name] = Quiet(name, reason, also, operator, groups)
        return operator

    return register


def is_constant(drawn: Any) -> bool:
    """Whether the output, or that of one of the innermost layers, does not depend on the input."""
    module, others = ready(drawn)
    outputs: dict[int, list[Tensor]] = {}
    for number, place in enumerate(places(module)):
        place.layer.register_forward_hook(
            lambda _, __, y, number=number: outputs.setdefault(number, []).append(y.tensor)
        )
    for seed in (0, 1):
        x = random_map(module, drawn.sizes[0], seed)
        outputs.setdefault(-1, []).append(run(module, x, others, noise=0).tensor)
    return all(bool(torch.isfinite(y).all()) for y in outputs[-1]) and any(
        torch.equal(first, second) for first, second in outputs.values()
    )


def is_stale(drawn: Any) -> bool:
    """Whether evaluating the same weights afresh gives another output."""
    module: Any = twin_of(drawn.module)
    x = module.in_type(random_map(module, drawn.sizes[0]).tensor.float())
    before = run(module, x, drawn.others, noise=0).tensor
    with torch.no_grad():
        module.train().eval()
    after = run(module, x, drawn.others, noise=0).tensor
    return bool((after - before).abs().max() > VISIBLE * before.abs().max())


def training_error(drawn: Any, size: int) -> float:
    """As `errors_at`, in training mode."""
    others = tuple(other.double() for other in drawn.others)

    def forward(x: Any) -> Any:
        return run(twin_of(drawn.module).double().train(), x, others, noise=0)

    x = random_map(drawn.module, size)
    y, worst = forward(x), 0.0
    for into, out in element_pairs(drawn.module.in_type.gspace, drawn.module.out_type.gspace):
        worst = max(worst, float((forward(x.transform(into)).tensor - y.transform(out).tensor).abs().max()))
    return worst / max(float(y.tensor.abs().max()), 1e-12)


SEEN: dict[str, Callable[[Any], bool]] = {
    "vacuous": is_constant,
    "stale": is_stale,
    "random": lambda drawn: any(training_error(drawn, size) > VISIBLE for size in drawn.sizes),
}


@quiet("a stale filter cache", "escnn keeps the filter of weights that it no longer has", "stale")
def stale_cache(drawn: Any, rng: random.Random) -> Iterator[Any]:
    numbers = [n for n, m in enumerate(drawn.module.modules()) if isinstance(m, enn.R2Conv)]
    for number in shuffled(rng, numbers):
        module = twin_of(drawn.module)
        with torch.no_grad():
            module.eval()
            convolution: Any = list(module.modules())[number]
            if rng.random() < 0.5:
                convolution.weights.mul_(-1.5)
            else:
                convolution.weights.add_(torch.randn_like(convolution.weights) * convolution.weights.std())
        yield replace(drawn, module=module)


@quiet("an all-zero filter bank", "a convolution's output does not depend on its input", "vacuous")
def zero_bank(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        layer = place.layer
        if isinstance(layer, enn.R2Conv):
            if rng.random() < 0.5:
                with torch.no_grad():
                    layer.weights.zero_()
            else:
                override(
                    layer,
                    "expand_parameters",
                    lambda self, before: (before(self)[0] * 0, before(self)[1]),
                    patched=rng.random() < 0.5,
                )
            return True
        if type(layer) is not GroupConvolution:
            return False
        override(layer, "filter_bank", lambda self, before: before(self) * 0, patched=rng.random() < 0.5)
        return True

    return everywhere(drawn, rng, change)


class Gain(OnTensor):
    """A factor in a buffer."""

    gain: Tensor

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.register_buffer("gain", torch.tensor(gain))

    def change(self, x: Tensor) -> Tensor:
        return x * self.gain


@quiet("zero output", "the output is zero everywhere, and zero transforms as anything", "vacuous")
def zero_output(drawn: Any, rng: random.Random) -> Iterator[Any]:
    module = twin_of(drawn.module)
    style = rng.choice(("hook", "patched", "subclass", "buffer"))
    if style == "hook":
        module.register_forward_hook(lambda _, __, y: GeometricTensor(y.tensor * 0, y.type))
    elif style == "buffer":
        module.gain = Gain(0.0)
        module.register_forward_hook(lambda module, _, y: module.gain(y))
    else:
        override(
            module,
            "forward",
            lambda self, before, *x: self.out_type(torch.zeros_like(before(self, *x).tensor)),
            patched=style == "patched",
        )
    yield replace(drawn, module=module)


@quiet("dropout per channel", "in training, channels of one field are dropped one by one", "random")
def channel_dropout(drawn: Any, rng: random.Random) -> Iterator[Any]:
    class Dropped(OnTensor):
        def __init__(self) -> None:
            super().__init__()
            self.drop = torch.nn.Dropout2d(0.5)

        def change(self, x: Tensor) -> Tensor:
            return self.drop(x)

    def change(place: Place) -> bool:
        field_type = place.layer.out_type
        if field_type.gspace.regular_repr not in field_type.representations or not turns(field_type):
            return False
        if rng.random() < 0.25:
            # A functional call: no module to be found.
            override(
                place.layer,
                "forward",
                lambda self, before, *x: self.out_type(F.dropout2d(before(self, *x).tensor, 0.4, self.training)),
                patched=rng.random() < 0.5,
            )
            return True
        return follow(place, Dropped(), rng)

    return everywhere(drawn, rng, change)


# Fields treated as what they are not.


def channels_where(field_type: FieldType, wanted: Callable[[Any], bool]) -> Tensor:
    """(C,) of bool: the channels of the fields that are wanted."""
    return torch.tensor([wanted(r) for r in field_type.representations for _ in range(r.size)])


def is_sign(representation: Any) -> bool:
    return bool(representation.size == 1 and not representation.is_trivial())


class SignShift(OnTensor):
    shift: Tensor

    def __init__(self, channels: Tensor) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.where(channels, 0.5 + torch.rand(len(channels)), 0.0)[:, None, None])

    def change(self, x: Tensor) -> Tensor:
        return x + self.shift


@mutant("a shift on a sign irrep", "a constant is added to a field that changes its sign", needs=("irreps",))
def sign_shift(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        layer = place.layer
        channels = channels_where(layer.out_type, is_sign)
        if not channels.any():
            return False
        if isinstance(layer, enn.R2Conv) and layer.bias is not None and rng.random() < 0.5:
            # The bias of the trivial fields gets into the sign fields, by the buffer that spreads it.
            layer.bias_expansion = layer.bias_expansion + channels[:, None].to(layer.bias_expansion)
            return True
        if rng.random() < 0.25:
            layer.register_forward_hook(
                lambda _, __, y: GeometricTensor(y.tensor + channels[:, None, None].to(y.tensor) / 2, y.type)
            )
            return True
        return follow(place, SignShift(channels), rng)

    return everywhere(drawn, rng, change)


class Rectified(OnTensor):
    """A rectifier on chosen channels."""

    channels: Tensor

    def __init__(self, channels: Tensor, slope: float) -> None:
        super().__init__()
        self.slope = slope
        self.register_buffer("channels", channels[:, None, None])

    def change(self, x: Tensor) -> Tensor:
        return torch.where(self.channels, F.leaky_relu(x, self.slope), x)


@mutant("a pointwise rectifier on irreps", "a nonlinearity per channel on fields that turn or change their signs")
def rectified_irreps(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        channels = channels_where(
            place.layer.out_type, lambda r: isinstance(r, IrreducibleRepresentation) and not r.is_trivial()
        )
        if not channels.any():
            return False
        if rng.random() < 0.4:
            function = rng.choice((torch.relu, F.leaky_relu, F.elu))
            place.layer.register_forward_hook(lambda _, __, y: GeometricTensor(function(y.tensor), y.type))
            return True
        return follow(place, Rectified(channels, rng.choice((0.0, 0.2))), rng)

    return everywhere(drawn, rng, change)


@mutant(
    "a conditional norm that tiles its fields",
    "factors per field are repeated as a whole instead of each for the channels of its field",
    needs=("conditional norm", "generator block"),
)
def tiled_norm(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def tiled(per_field: Tensor, channels: int) -> Tensor:
        return per_field.repeat(1, math.ceil(channels / per_field.shape[1]))[:, :channels, None, None]

    def forward(self: Any, _: Any, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        y, channels = self.norm(x).tensor, self.in_type.size
        return self.out_type(y * tiled(1 + self.scale(c), channels) + tiled(self.shift(c), channels))

    def change(place: Place) -> bool:
        if not isinstance(place.layer, ConditionalBatchNorm):
            return False
        override(place.layer, "forward", forward, patched=rng.random() < 0.5)
        return True

    return everywhere(drawn, rng, change)


def over_fields(x: Tensor, fields: int) -> Tensor:
    """(B, C, H, W) -> (B, fields, H, W): the maximum over what would be the group, were it the first index."""
    return x.unflatten(1, (-1, fields)).amax(1)


@mutant("a group pool over the wrong axis", "the maximum is over the fields, so that the group's axis remains")
def wrong_axis(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def pooled(self: Any, _: Any, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(over_fields(x.tensor, len(self.in_type)))

    def uniform(field_type: FieldType) -> bool:
        same = len({r.size for r in field_type.representations}) == 1
        return same and all(is_permutation(r) for r in field_type.representations)

    def instead(place: Place) -> bool:
        pool = place.layer
        if not isinstance(pool, layers.GroupPool | enn.GroupPooling) or not uniform(pool.in_type):
            return False
        override(pool, "forward", pooled, patched=rng.random() < 0.5)
        return True

    yield from everywhere(drawn, rng, instead)
    field_type = drawn.module.out_type
    if turns(field_type) and uniform(field_type):
        module, fields, size = twin_of(drawn.module), len(field_type), field_type.representations[0].size
        by_axis = rng.random() < 0.5 or fields == 1
        module.out_type = pooled_type = trivial_type(field_type.gspace, size if by_axis else fields)

        def pool(_: Any, __: Any, y: GeometricTensor) -> GeometricTensor:
            x = y.tensor.unflatten(1, (fields, size)).amax(1) if by_axis else over_fields(y.tensor, fields)
            return pooled_type(x)

        if isinstance(module, enn.SequentialModule):
            # escnn's forward asserts the type of its end.
            module.out_type = field_type
            module = WithHead(module, pool, pooled_type)
        else:
            module.register_forward_hook(pool)
        yield replace(drawn, module=module)


class WithHead(EquivariantModule):
    """A network and plain code behind it."""

    def __init__(self, module: Any, head: Callable[..., Any], out_type: FieldType) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([module])
        self.head: Callable[..., Any] = head
        self.in_type, self.out_type = module.in_type, out_type

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.head(None, None, self.layers[0](x))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        inner: Any = self.layers[0]
        shape = inner.evaluate_output_shape(input_shape)
        return (shape[0], self.out_type.size, *shape[2:])


# Buffers of filter banks.


@mutant(
    "mixed parameter blocks",
    "two pairs of representations have each other's sampled bases",
    groups=("C4", "D2", "D4"),  # C8's mixed fields take ten seconds to build
)
def mixed_blocks(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def pairs(module: Module) -> list[tuple[Any, Any]]:
        found = []
        for layer in module.modules():
            if isinstance(layer, enn.R2Conv):
                blocks = [m for m in layer.modules() if isinstance(m, SingleBlockBasisExpansion)]
                found += [
                    (a, b)
                    for i, a in enumerate(blocks)
                    for b in blocks[:i]
                    if a.sampled_basis.shape == b.sampled_basis.shape
                    and not torch.allclose(a.sampled_basis, b.sampled_basis, atol=1e-4)
                ]
        return found

    for number in shuffled(rng, range(len(pairs(drawn.module)))):
        module = twin_of(drawn.module)
        a, b = pairs(module)[number]
        a.sampled_basis, b.sampled_basis = b.sampled_basis.clone(), a.sampled_basis.clone()
        yield replace(drawn, module=module)


@mutant(
    "an index table off by one",
    "one row of a gathered filter bank is read one place further on",
    groups=("C2", "C4", "D1", "D2", "D4"),
)
def off_by_one(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def tables(module: Module) -> list[Any]:
        return [m for m in module.modules() if isinstance(m, OrbitExpansion) and not m.is_identity]

    for number in shuffled(rng, range(len(tables(drawn.module)))):
        module = twin_of(drawn.module)
        expansion = tables(module)[number]
        entry = expansion.entry.clone()
        row = rng.randrange(len(entry))
        entry[row] = entry[row].roll(rng.choice((1, -1)))
        expansion.entry = entry
        yield replace(drawn, module=module)


# Space.


class Position(OnTensor):
    """Waves of the row and column numbers, one for each channel, as in a transformer."""

    waves: Tensor

    def __init__(self, channels: int, largest: int = 48) -> None:
        super().__init__()
        row, column = torch.meshgrid(*[torch.arange(largest) / 3] * 2, indexing="ij")
        frequency = torch.linspace(0.4, 1.6, channels)[:, None, None]
        self.register_buffer("waves", (frequency * row).sin() + (frequency * column).cos() / 2)

    def change(self, x: Tensor) -> Tensor:
        return x + self.waves[:, : x.shape[2], : x.shape[3]]


@mutant("a positional encoding", "a fixed function of the coordinates is added")
def positional_encoding(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def ramp(_: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        x = arguments[0]
        coordinates = torch.linspace(-1, 1, x.tensor.shape[-1]).to(x.tensor)
        return (GeometricTensor(x.tensor + coordinates, x.type), *arguments[1:])

    def change(place: Place) -> bool:
        if rng.random() < 0.25:
            place.layer.register_forward_pre_hook(ramp)
            return True
        return follow(place, Position(place.layer.out_type.size), rng)

    return everywhere(drawn, rng, change)


class StridedBank(OnTensor):
    """An equivariant bank, at every second pixel of a padded map."""

    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        self.convolution = GroupConvolution(field_type, field_type, 3, padding=1, bias=False)

    def change(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.convolution.filter_bank().to(x), stride=2, padding=1)


def strided_r2conv(field_type: FieldType) -> Module:
    layer = enn.R2Conv(field_type, field_type, 3, stride=2, padding=1, bias=False, initialize=False)
    with torch.no_grad():
        layer.weights.normal_()
        layer.weights *= field_type.size**0.5 / layer.expand_parameters()[0].norm()
    return layer


@mutant("a strided convolution on an even map", "every second window, from one border, does not reach the other")
def even_stride(drawn: Any, rng: random.Random) -> Iterator[Any]:
    for number in shuffled(rng, range(len(places(drawn.module)))):
        starts = [start for start, size in map_sizes(drawn, number).items() if size % 2 == 0]
        if not starts:
            continue
        module = twin_of(drawn.module)
        place = places(module)[number]
        layer = place.layer
        edited = isinstance(layer, enn.R2Conv) and layer.stride == 1 and layer.padding and rng.random() < 0.5
        if edited:
            layer.stride = 2
        else:
            follow(place, rng.choice((strided_r2conv, StridedBank))(layer.out_type), rng)
        candidate = replace(drawn, module=module)
        sizes = tuple(islice(runs(candidate, shuffled(rng, starts)), 2))
        if sizes:
            yield replace(candidate, sizes=sizes)


class PadEnd(OnTensor):
    """Zeros at the right and at the bottom; as many rows and columns less at the left and top, if they are cropped."""

    def __init__(self, crop: bool) -> None:
        super().__init__()
        self.crop = crop

    def change(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (0, 1, 0, 1))
        return padded[:, :, 1:, 1:] if self.crop else padded


@mutant("padding on one side only", "all of the padding is at the right and at the bottom")
def one_sided_padding(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def ours(self: Any, _: Any, x: GeometricTensor) -> GeometricTensor:
        padded = F.pad(x.tensor, (0, 2 * self.padding, 0, 2 * self.padding))
        return self.out_type(F.conv2d(padded, self.filter_bank(), self.channel_bias()))

    def escnns(self: Any, _: Any, x: GeometricTensor) -> GeometricTensor:
        bank, bias = self.expand_parameters()
        padded = F.pad(x.tensor, (0, 2 * self.padding, 0, 2 * self.padding))
        return self.out_type(F.conv2d(padded, bank, bias, self.stride, 0, self.dilation, self.groups))

    def change(place: Place) -> bool:
        layer = place.layer
        for kind, forward in ((GroupConvolution, ours), (enn.R2Conv, escnns)):
            if type(layer) is kind and isinstance(layer.padding, int) and layer.padding and rng.random() < 0.7:
                override(layer, "forward", forward, patched=rng.random() < 0.5)
                return True
        return follow(place, PadEnd(crop=rng.random() < 0.7), rng)

    for candidate in everywhere(drawn, rng, change):
        sizes = tuple(runs(candidate, drawn.sizes))
        if sizes:
            yield replace(candidate, sizes=sizes)


class Depthwise(OnTensor):
    """One kernel for all channels, in place of the identity."""

    kernel: Tensor

    def __init__(self, kernel: Tensor) -> None:
        super().__init__()
        self.register_buffer("kernel", kernel / kernel.sum())

    def change(self, x: Tensor) -> Tensor:
        kernel = self.kernel.to(x).expand(x.shape[1], 1, *self.kernel.shape)
        return F.conv2d(x, kernel, padding=self.kernel.shape[0] // 2, groups=x.shape[1])


def pinwheel() -> Tensor:
    """Its own image under quarter turns, not under mirrors: it reaches for a knight's moves of one hand."""
    kernel = torch.zeros(5, 5)
    kernel[2, 2] = 2
    kernel[0, 1] = 1
    return sum((torch.rot90(kernel, turn) for turn in range(4)), torch.zeros(5, 5))


def blur_of_rows() -> Tensor:
    """Its own image under half a turn and the mirrors of the axes only."""
    kernel = torch.zeros(3, 3)
    kernel[1] = torch.tensor([1.0, 2.0, 1.0])
    return kernel


class OneHand(OnTensor):
    """Channels of reflections count less than those of rotations: left multiplication by a rotation does not mind."""

    weight: Tensor

    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        regular = field_type.gspace.regular_repr
        weights: list[float] = []
        for r in field_type.representations:
            mirrors = mirrors_of(field_type) if r == regular else [False] * int(r.size)
            weights += [0.4 if mirror else 1.0 for mirror in mirrors]
        self.register_buffer("weight", torch.tensor(weights)[:, None, None])

    def change(self, x: Tensor) -> Tensor:
        return x * self.weight


def mirrors_of(field_type: FieldType) -> list[bool]:
    """For each element of the group, whether it is a reflection of the plane."""
    return [bool(np.linalg.det(matrix) < 0) for matrix in plane_matrices(field_type.gspace)]


@mutant(
    "right for a subgroup only",
    "it commutes with the rotations and not with reflections, or with half turns and not with quarter turns",
    groups=("C4", "C8", "D1", "D2", "D4"),
)
def subgroup_only(drawn: Any, rng: random.Random) -> Iterator[Any]:

    def change(place: Place) -> bool:
        field_type = place.layer.out_type
        kinds = ["rows"]
        if any(mirrors_of(field_type)):
            kinds += ["pinwheel"] * 2
            if field_type.gspace.regular_repr in field_type.representations:
                kinds += ["one hand"] * 3
        kind = rng.choice(kinds)
        if kind == "one hand":
            return follow(place, OneHand(field_type), rng)
        return follow(place, Depthwise(pinwheel() if kind == "pinwheel" else blur_of_rows()), rng)

    return everywhere(drawn, rng, change)


class OddShift(OnTensor):
    """The map one pixel further on, where its number of rows is odd."""

    def change(self, x: Tensor) -> Tensor:
        return x.roll(1, -1) if x.shape[2] % 2 else x


@mutant("wrong at odd sizes only", "maps of an odd number of rows are shifted by a pixel")
def odd_sizes(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        if rng.random() < 0.2:
            place.layer.register_forward_pre_hook(lambda _, arguments: (OddShift()(arguments[0]), *arguments[1:]))
            return True
        return follow(place, OddShift(), rng)

    return everywhere(drawn, rng, change)
