"""Ways to break a right network, in several styles each: the check has to see through all of them.

Styles: a wrapper module around a layer; a forward hook; a patched method in an instance's `__dict__`; a subclass; an
edited buffer; a closure over plain numbers.
"""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor

from steergan import layers
from steergan.layers import FieldBatchNorm, GroupConvolution
from steergan.layers.filters.expansion import OrbitExpansion
from steergan.layers.pooling import SpatialPool
from steergan.symmetry import grid_elements, grid_permutation, is_permutation, plane_matrices, trivial_type
from steergan.verification.subject import twin_of
from tests.verification.breaking import (
    SIZES,
    Module,
    OnTensor,
    Place,
    everywhere,
    follow,
    map_sizes,
    mutant,
    override,
    places,
    runs,
    shuffled,
    turns,
)
from tests.verification.drawn import unlike_moments

# Wrong numbers per channel.


class ChannelBias(OnTensor):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = torch.nn.Parameter(torch.randn(channels, 1, 1))

    def change(self, x: Tensor) -> Tensor:
        return x + self.bias


@mutant("a bias per channel", "channels of one field get different constants")
def channel_bias(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        if not turns(place.layer.out_type):
            return False
        if rng.random() < 0.2:
            bias = torch.randn(place.layer.out_type.size, 1, 1)
            # A closure: no parameter, no buffer, nothing that a copy or a conversion would find.
            place.layer.register_forward_hook(lambda _, __, y: GeometricTensor(y.tensor + bias.to(y.tensor), y.type))
            return True
        return follow(place, ChannelBias(place.layer.out_type.size), rng)

    return everywhere(drawn, rng, change)


class NormPerChannel(OnTensor):
    """Batch norm with moments per orientation, as in the code that Dey et al. released."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(channels)
        unlike_moments(self.norm)

    def change(self, x: Tensor) -> Tensor:
        # escnn's gates give float32 whatever comes in.
        return self.norm(x.to(self.norm.weight.dtype))


@mutant("batch norm per orientation", "channels of one field are normalised by different moments")
def norm_per_orientation(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        layer, channels = place.layer, place.layer.out_type.size
        if not turns(layer.out_type):
            return False
        if not isinstance(layer, FieldBatchNorm | enn.InnerBatchNorm):
            return follow(place, NormPerChannel(channels), rng)
        layer.after = NormPerChannel(channels)
        override(layer, "forward", lambda self, _, x: self.after(x), patched=rng.random() < 0.5)
        return True

    return everywhere(drawn, rng, change)


class ChannelOrder(OnTensor):
    """Channels permuted within their fields, in one way for each representation."""

    order: Tensor

    def __init__(self, field_type: FieldType, rng: random.Random) -> None:
        super().__init__()
        orders = {r: channel_order(int(r.size), rng) for r in field_type.representations}
        starts = np.cumsum([0] + [r.size for r in field_type.representations])
        order = [start + i for start, r in zip(starts, field_type.representations, strict=False) for i in orders[r]]
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def change(self, x: Tensor) -> Tensor:
        return x[:, self.order]


def channel_order(size: int, rng: random.Random) -> list[int]:
    """The other sense of counting, or any order."""
    return [-i % size for i in range(size)] if rng.random() < 0.3 else shuffled(rng, range(size))


@mutant(
    "a swapped group order",
    "a layer counts the group's elements in another order than its neighbour",
    groups=("C4", "D4", "C8", "D2"),
)
def group_order(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        field_type = place.layer.out_type
        order = ChannelOrder(field_type, rng)
        return bool((order.order.diff() != 1).any()) and follow(place, order, rng)

    def source(space: Any, out: Any, into: Any, kernel: int) -> Any:
        order = random.Random(seed).sample(range(into.size), into.size)
        return np.tile((np.array(order)[:, None] * kernel**2 + np.arange(kernel**2)).ravel(), (out.size, 1))

    seed = rng.random()
    return rebanked(drawn, rng, source) if rng.random() < 0.4 else everywhere(drawn, rng, change)


# Wrong filter banks. A source says from which entry of the right bank each entry is read.

Source = Callable[[Any, Any, Any, int], Any]
"""(gspace, out representation, in representation, k) -> (out size, in size * k * k) positions in the block, or None."""


def bank_index(convolution: Any, source: Source) -> Tensor | None:
    """A source for a whole bank, (C_out, C_in * k * k), or None where it changes nothing."""
    taps = convolution.kernel_size**2
    out_type, in_type = convolution.out_type, convolution.in_type
    index = np.tile(np.arange(in_type.size * taps), (out_type.size, 1))
    row = 0
    for out in out_type.representations:
        column = 0
        for into in in_type.representations:
            block = source(in_type.gspace, out, into, convolution.kernel_size)
            if block is not None:
                index[row : row + out.size, column : column + into.size * taps] = column + block
            column += into.size * taps
        row += out.size
    changed = (index != np.arange(in_type.size * taps)).any()
    return torch.from_numpy(index) if changed else None


def rebanked(drawn: Any, rng: random.Random, source: Source) -> Iterator[Any]:
    """For each convolution, in random order, a copy whose filter bank is read from wrong places."""

    def convolutions(module: Module) -> list[Any]:
        return [m for m in module.modules() if isinstance(m, GroupConvolution | enn.R2Conv)]

    for number in shuffled(rng, range(len(convolutions(drawn.module)))):
        module = twin_of(drawn.module)
        convolution = convolutions(module)[number]
        index = None
        if getattr(convolution, "groups", 1) == 1:
            index = bank_index(convolution, source)
        if index is None:
            continue
        gathered = isinstance(convolution, GroupConvolution) and all(
            isinstance(e, OrbitExpansion) and not e.is_identity for e in convolution.expansions
        )
        if gathered and rng.random() < 0.4:
            edit_tables(convolution, source)
        else:
            read_bank_through(convolution, index, rng)
        yield replace(drawn, module=module)


def edit_tables(convolution: Any, source: Source) -> None:
    """The fault in the buffers of the gather; no code differs. New buffers: the old ones may be others' too."""
    for (o, i), number in convolution._pair_number.items():
        out, into = convolution._out_kinds[o].representation, convolution._in_kinds[i].representation
        block = source(convolution.in_type.gspace, out, into, convolution.kernel_size)
        if block is not None:
            expansion, index = convolution.expansions[number], torch.from_numpy(block)
            expansion.entry = expansion.entry.gather(1, index)
            if expansion.entry_sign is not None:
                expansion.entry_sign = expansion.entry_sign.gather(1, index)


def read_bank_through(convolution: Any, index: Tensor, rng: random.Random) -> None:
    """The fault in the code that makes the bank."""
    convolution.register_buffer("read_from", index, persistent=False)

    def reordered(self: Any, bank: Tensor) -> Tensor:
        return bank.flatten(1).gather(1, self.read_from).view_as(bank)

    def expand_parameters(self: Any, before: Any) -> Any:
        bank, bias = before(self)
        return reordered(self, bank), bias

    patched = rng.random() < 0.5
    if isinstance(convolution, enn.R2Conv):
        override(convolution, "expand_parameters", expand_parameters, patched=patched)
    else:
        method = rng.choice(("raw_filter", "filter_bank"))
        override(convolution, method, lambda self, before: reordered(self, before(self)), patched=patched)


def each_tap(into: Any, taps: Any) -> Any:
    """Positions in rows of a block, for positions of taps (..., k * k) that are the same for all in channels."""
    count = taps.shape[-1]
    blocks = np.arange(into.size)[:, None] * count + taps[..., None, :]
    return blocks.reshape(*taps.shape[:-1], -1)


@mutant(
    "the wrong sense of rotation",
    "the filter of orientation g is turned by the inverse of g",
    groups=("C4", "D4", "C8"),
)
def wrong_sense(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def source(space: Any, out: Any, into: Any, kernel: int) -> Any:
        if kernel == 1 or out != space.regular_repr:
            return None
        elements, on_grid = space.fibergroup.elements, grid_elements(space)
        # K(g x) instead of K(g^-1 x) for the row of g is the right row at g g x.
        twice = [elements.index(~(g @ g)) for g in elements]
        if not set(twice) <= set(on_grid):
            return None
        taps = grid_permutation(space, kernel, kernel)
        return each_tap(into, taps[[on_grid.index(position) for position in twice]])

    return rebanked(drawn, rng, source)


class Mirrored(OnTensor):
    """The mean of a map and its mirror image, whose channels should have changed places too."""

    def change(self, x: Tensor) -> Tensor:
        return (x + x.flip(-1)) / 2


@mutant(
    "a reflection without its channel permutation",
    "pixels or taps are mirrored and the group channels are not",
    groups=("D1", "D2", "D4"),
)
def half_a_reflection(drawn: Any, rng: random.Random) -> Iterator[Any]:
    space = drawn.module.in_type.gspace

    def source(space: Any, out: Any, into: Any, kernel: int) -> Any:
        if out != space.regular_repr or into != space.regular_repr:
            return None
        elements = space.fibergroup.elements
        mirrors = np.linalg.det(plane_matrices(space)) < 0
        # The row of a reads w[b](a^-1 x), where w[a^-1 b](a^-1 x) is right: channel a b of the right row.
        order = np.array(
            [[elements.index(a @ b) if mirror else j for j, b in enumerate(elements)]
             for a, mirror in zip(elements, mirrors, strict=True)]
        )  # fmt: skip
        return (order[:, :, None] * kernel**2 + np.arange(kernel**2)).reshape(out.size, -1)

    if not (np.linalg.det(plane_matrices(space)) < 0).any():
        return iter(())
    if rng.random() < 0.5:
        return everywhere(drawn, rng, lambda place: turns(place.layer.out_type) and follow(place, Mirrored(), rng))
    return rebanked(drawn, rng, source)


@mutant("shuffled taps", "the taps of every filter are in another order")
def shuffled_taps(drawn: Any, rng: random.Random) -> Iterator[Any]:
    seed = rng.random()

    def source(_: Any, out: Any, into: Any, kernel: int) -> Any:
        taps = np.array(random.Random(seed).sample(range(kernel**2), kernel**2))
        return each_tap(into, np.tile(taps, (out.size, 1)))

    return rebanked(drawn, rng, source)


@mutant("a filter shifted by one pixel", "filters do not turn about the middle of their taps")
def shifted_filter(drawn: Any, rng: random.Random) -> Iterator[Any]:
    shift = rng.choice(((0, 1), (1, 0), (1, 1), (-1, 1)))

    def source(_: Any, out: Any, into: Any, kernel: int) -> Any:
        taps = np.roll(np.arange(kernel**2).reshape(kernel, kernel), shift, (0, 1)).ravel()
        return each_tap(into, np.tile(taps, (out.size, 1)))

    return rebanked(drawn, rng, source)


# Windows that lie askew.


class UnevenPadding(OnTensor):
    """One more pixel on top and on the left; `crop` takes it away at the other ends."""

    def __init__(self, crop: int) -> None:
        super().__init__()
        self.crop = crop

    def change(self, x: Tensor) -> Tensor:
        return F.pad(x, (1, -self.crop, 1, -self.crop))


@mutant("asymmetric padding", "the map is padded on one side more than on the other")
def asymmetric_padding(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def uneven_convolution(self: Any, _: Any, x: GeometricTensor) -> GeometricTensor:
        more, less = self.padding + 1, self.padding - 1
        padded = F.pad(x.tensor, (more, less, self.padding, self.padding))
        return self.out_type(F.conv2d(padded, self.filter_bank(), self.channel_bias()))

    def change(place: Place) -> bool:
        if type(place.layer) is GroupConvolution and rng.random() < 0.7:
            override(place.layer, "forward", uneven_convolution, patched=rng.random() < 0.5)
            return True
        if rng.random() < 0.5:
            before = UnevenPadding(crop=1)
            place.layer.register_forward_pre_hook(lambda _, arguments: (before(arguments[0]), *arguments[1:]))
            return True
        return follow(place, UnevenPadding(crop=rng.randint(0, 1)), rng)

    for candidate in everywhere(drawn, rng, change):
        # Without the crop the map is larger, which a sum or another layer may refuse.
        sizes = tuple(runs(candidate, drawn.sizes))
        if sizes:
            yield replace(candidate, sizes=sizes)


def pooled_askew(
    drawn: Any, rng: random.Random, pools: list[Callable[[FieldType], Module]], wrong: Callable[[int], bool]
) -> Iterator[Any]:
    """For each layer, in random order, a pool behind it, and sizes whose maps there are wrong for the pool."""
    for number in shuffled(rng, range(len(places(drawn.module)))):
        starts = [start for start, size in map_sizes(drawn, number).items() if wrong(size)]
        module = twin_of(drawn.module)
        place = places(module)[number]
        follow(place, rng.choice(pools)(place.layer.out_type), rng)
        candidate = replace(drawn, module=module)
        sizes = tuple(islice(runs(candidate, shuffled(rng, starts)), 2))
        if sizes:
            yield replace(candidate, sizes=sizes)


def at_other_sizes(drawn: Any, rng: random.Random, kinds: tuple[type, ...]) -> Iterator[Any]:
    """The network as it is, but for checks of sizes, where pools of these kinds have maps that are wrong for them."""
    module = twin_of(drawn.module)
    if not any(isinstance(m, kinds) for m in module.modules()):
        return
    for pool in module.modules():
        if isinstance(pool, SpatialPool):
            pool.strict = pool._checked = False
    candidate = replace(drawn, module=module)
    other_sizes = [size for size in SIZES if size not in drawn.sizes]
    for size in runs(candidate, shuffled(rng, other_sizes)):
        yield replace(candidate, sizes=(size,))


class Halved(OnTensor):
    """Means over windows of 2, in plain code."""

    def change(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2)


@mutant("a 2x2 pool on an odd map", "the last row and column fall off, on one side only")
def odd_pool(drawn: Any, rng: random.Random) -> Iterator[Any]:
    pools: list[Any] = [
        lambda t: layers.AveragePool(t, strict=False),
        lambda t: enn.PointwiseAvgPool2D(t, 2),
        lambda _: Halved(),
    ]
    if rng.random() < 0.5:
        kinds = (SpatialPool, enn.PointwiseAvgPool2D, enn.PointwiseMaxPool2D)
        yield from at_other_sizes(drawn, rng, kinds)
    yield from pooled_askew(drawn, rng, pools, lambda size: size % 2 == 1 and size > 1)


class BlurredAndHalved(OnTensor):
    """A blur of 3 taps at every second pixel, in plain code."""

    blur: Tensor

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("blur", torch.outer(row, row)[None, None])

    def change(self, x: Tensor) -> Tensor:
        blurred = F.conv2d(x.flatten(0, 1)[:, None], self.blur.to(x), stride=2, padding=1)
        return blurred.view(*x.shape[:2], *blurred.shape[2:])


@mutant("an antialiased pool on an even map", "the windows begin at one border and do not reach the other")
def even_antialiased_pool(drawn: Any, rng: random.Random) -> Iterator[Any]:
    pools: list[Any] = [
        lambda t: enn.PointwiseAvgPoolAntialiased2D(t, sigma=0.66, stride=2),
        lambda t: enn.PointwiseAvgPoolAntialiased2D(t, sigma=0.4, stride=2),
        lambda _: BlurredAndHalved(),
    ]
    if rng.random() < 0.5:
        yield from at_other_sizes(drawn, rng, (enn.PointwiseAvgPoolAntialiased2D,))
    yield from pooled_askew(drawn, rng, pools, lambda size: size % 2 == 0)


# Claims that are not so, and inputs of a network's own.


class Headed(Module):
    """A network and a head that calls its output trivial."""

    def __init__(self, module: Any, head: Module) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([module])
        self.head = head
        self.in_type, self.out_type = module.in_type, head.out_type

    def forward(self, x: GeometricTensor, *others: Tensor) -> GeometricTensor:
        module = self.layers[0]
        return self.head(module(x) if isinstance(module, enn.SequentialModule) else module(x, *others))


class OneChannel(Module):
    """One channel of every field."""

    selected: Tensor

    def __init__(self, in_type: FieldType, rng: random.Random) -> None:
        super().__init__()
        sizes = [int(r.size) for r in in_type.representations]
        starts = np.cumsum([0, *sizes])
        chosen = [int(start) + rng.randrange(size) for start, size in zip(starts, sizes, strict=False)]
        self.register_buffer("selected", torch.tensor(chosen))
        self.out_type = trivial_type(in_type.gspace, len(chosen))

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(x.tensor[:, self.selected])


class EveryChannel(Module):
    """The mean over space of every channel."""

    def __init__(self, in_type: FieldType, _: random.Random) -> None:
        super().__init__()
        self.out_type = trivial_type(in_type.gspace, in_type.size)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return self.out_type(x.tensor.mean((2, 3), keepdim=True))


@mutant("a missing group pool", "channels of fields that turn are called invariant")
def missing_group_pool(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def instead(place: Place) -> bool:
        pool = place.layer
        if not isinstance(pool, layers.GroupPool | enn.GroupPooling):
            return False
        patched = rng.random() < 0.5
        if isinstance(pool, layers.GroupPool) and rng.random() < 0.5:
            override(pool, "_pool", lambda self, _, x_BFGHW: x_BFGHW[:, :, 0], patched=patched)
        else:
            pool.instead = OneChannel(pool.in_type, rng)
            override(pool, "forward", lambda self, _, x: self.instead(x), patched=patched)
        return True

    yield from everywhere(drawn, rng, instead)
    if not turns(drawn.module.out_type):
        return
    for kind in shuffled(rng, (OneChannel, EveryChannel)):
        module = twin_of(drawn.module)
        head = kind(module.out_type, rng)
        if isinstance(module, enn.SequentialModule) or rng.random() < 0.5:
            yield replace(drawn, module=Headed(module, head))
        else:
            module.head, module.out_type = head, head.out_type
            module.register_forward_hook(lambda module, _, y: module.head(y))
            yield replace(drawn, module=module)


class LearnedMap(OnTensor):
    """A constant of its own for every pixel, added to the fields that have a trivial part."""

    fields: Tensor

    def __init__(self, field_type: FieldType, size: int) -> None:
        super().__init__()
        self.map = torch.nn.Parameter(torch.randn(1, 1, size, size))
        open_to_it = [float(is_permutation(r)) for r in field_type.representations for _ in range(r.size)]
        self.register_buffer("fields", torch.tensor(open_to_it)[:, None, None])

    def change(self, x: Tensor) -> Tensor:
        return x + self.fields * self.map


@mutant("a learned constant input", "a learned map that is not symmetric is added to every input")
def learned_constant(drawn: Any, rng: random.Random) -> Iterator[Any]:
    for number in shuffled(rng, range(len(places(drawn.module)))):
        size = rng.choice(drawn.sizes)
        module = twin_of(drawn.module)
        place = places(module)[number]
        if any(is_permutation(r) for r in place.layer.out_type.representations):
            follow(place, LearnedMap(place.layer.out_type, map_sizes(drawn, number)[size]), rng)
            yield replace(drawn, module=module, sizes=(size,))


class PixelNoise(OnTensor):
    """Normal noise for every pixel; for all channels the same, or for each its own."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.shared = shared
        self.scale = torch.nn.Parameter(torch.tensor(0.5))

    def change(self, x: Tensor) -> Tensor:
        return x + self.scale * torch.randn_like(x[:, :1] if self.shared else x)


@mutant("noise per pixel", "every forward draws noise that does not turn with the input", also="random")
def pixel_noise(drawn: Any, rng: random.Random) -> Iterator[Any]:
    def change(place: Place) -> bool:
        if rng.random() < 0.2:
            place.layer.register_forward_hook(
                lambda _, __, y: GeometricTensor(y.tensor + torch.randn_like(y.tensor) / 2, y.type)
            )
            return True
        return follow(place, PixelNoise(rng.random() < 0.5), rng)

    return everywhere(drawn, rng, change)
