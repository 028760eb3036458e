"""Certificate of self-attention: of its parts at the actual size, of its biases in integers, and of its own code.

Scores over whole fields are a two-point function: what both pixels' fields become under an element leaves inner
products as they are, so that s(g x)[i, j] = s(x)[g^-1 i, g^-1 j]; of oriented scores map a becomes map g^-1 a. A sum
over all pixels j knows no order, so softmax leaves them such a function, and the sum of values under it is a field
again. Nothing in it depends on the size of the map but pools and biases, which are looked at where they stand; the rest
is followed operation by operation on a small map, in the plain and in the fused form.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import SelfAttention
from steergan.layers.attention import fused, plain
from steergan.layers.relative_bias import RelativeBias
from steergan.verification.elements import NAMES, Matrix, channel_action, pixel_action
from steergan.verification.laws.walk import walk_maps
from steergan.verification.records import Finding, broken, exact, unknown
from steergan.verification.registry import Situation, certifier_of, certifies

SIDE = 4
"""Of the small map: keys that are pooled have 2 x 2 pixels, and offsets all directions."""

ARGUMENT = "scores over whole fields move with both pixels, softmax takes all of them, values are added under it"


@certifies(SelfAttention)
def self_attention(layer: SelfAttention, at: Situation) -> Iterator[Finding]:
    """Convolutions, pools and biases where they stand, and the code that takes their results."""
    fault = misfit(layer)
    if fault:
        yield unknown(fault)
        return
    yield from parts(layer, at)
    if layer.bias is not None:
        yield biases(layer.bias, layer.in_type if layer.orientations > 1 else None, at)
    for words, way in (("", plain), ("in one operator, ", fused)):
        faults = contraction(layer, way, at.elements)
        yield unknown(f"{words}{ARGUMENT}: not shown, for {faults[0]}") if faults else exact(words + ARGUMENT)


def misfit(layer: SelfAttention) -> str:
    """Why the parts are not those of attention; empty if they are."""
    key, value = layer.query.out_type, layer.value.out_type
    chain = [
        (layer.query.in_type, layer.in_type), (layer.key.in_type, layer.in_type), (layer.value.in_type, layer.in_type),
        (layer.key.out_type, key), (layer.output.in_type, value), (layer.output.out_type, layer.out_type),
        (layer.in_type, layer.out_type),
    ]  # fmt: skip
    pools = [(pool, kind) for pool, kind in ((layer.pool_key, key), (layer.pool_value, value)) if pool is not None]
    chain += [(end, kind) for pool, kind in pools for end in (pool.in_type, pool.out_type)]
    if any(found != wanted for found, wanted in chain):
        return "its parts have field types that do not fit together"
    if len(pools) == 1:
        return "keys and values are not pooled alike"
    return "" if layer.gamma.numel() == 1 else "gamma is not one number"


def parts(layer: SelfAttention, at: Situation) -> Iterator[Finding]:
    """The findings of convolutions and pools, where they stand."""
    batch, _, height, width = at.in_shape

    def of(name: str, part: EquivariantModule, size: tuple[int, int]) -> Iterator[Finding]:
        shapes = (batch, part.in_type.size, *size), part.evaluate_output_shape((batch, part.in_type.size, *size))
        certifier = certifier_of(part)
        if certifier is None:
            yield unknown(f"{name}: a {type(part).__name__}, which no certificate knows")
            return
        for finding in certifier(part, at._replace(in_shape=shapes[0], out_shape=shapes[1], others=())):
            yield replace(finding, argument=f"{name}: {finding.argument}")

    for name in ("query", "key", "value", "output"):
        yield from of(name, getattr(layer, name), (height, width))
    for name in ("pool_key", "pool_value"):
        pool = getattr(layer, name)
        if pool is not None:
            yield from of(name, pool, (height, width))


def biases(bias: RelativeBias, oriented: FieldType | None, at: Situation) -> Finding:
    """Whether what is added for two pixels is one number with what is added for both, moved.

    Args:
        bias: of the layer.
        oriented: the regular fields by whose elements maps of scores go; None: there is one map.
        at: where the layer stands.
    """
    wanted = "biases that are constant on orbits of pairs were wanted"
    height, width = at.in_shape[2:]
    ratio = int((height * width // max(1, bias.offset.shape[1])) ** 0.5)
    number = bias.number[:, bias.offset]
    if bias.offset.shape[0] != height * width or bias.offset.shape[1] * ratio**2 != height * width:
        return unknown("its biases are for maps of another size")
    for matrix in at.elements:
        looking, seen = (pixel_action(matrix, height // n, width // n) for n in (1, ratio))
        maps = map_action(oriented, matrix)
        if looking is None or seen is None or maps is None or len(maps) != len(number):
            return unknown(f"{NAMES[matrix]} does not permute pixels and maps of scores")
        wrong = number[maps][:, looking][:, :, seen] != number
        if bool(wrong.any()):
            place = tuple(wrong.nonzero()[0].tolist())
            return broken(wanted, f"under {NAMES[matrix]}, map, pixel that looks and pixel that is looked at {place}")
    return exact(f"{len(number)} maps of biases, each number at all places of an orbit of pairs, in integers")


def map_action(oriented: FieldType | None, matrix: Matrix) -> Tensor | None:
    """Which map of scores an element takes to each, int64."""
    if oriented is None:
        return torch.zeros(1, dtype=torch.int64)
    action = channel_action(FieldType(oriented.gspace, oriented.representations[:1]), matrix)
    return None if action is None or bool((action.sign != 1).any()) else action.index


def contraction(layer: SelfAttention, way: object, elements: tuple[Matrix, ...]) -> list[str]:
    """What stands against the code between queries, keys, values and their sums, on a small map."""
    pooled = layer.pool_key is not None
    small = layer.bias
    if small is not None:
        small = RelativeBias(
            layer.in_type.gspace,
            (SIDE, SIDE),
            pooled=pooled,
            oriented=layer.orientations > 1,
            heads=layer.scores.heads,
        )
        nn.init.normal_(small.table)
    key, value = layer.query.out_type, layer.value.out_type
    seen = SIDE // 2 if pooled else SIDE
    maps = [
        GeometricTensor(torch.randn(2, kind.size, side, side), kind)
        for kind, side in ((key, SIDE), (key, seen), (value, seen))
    ]

    def call(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return layer.attend(q, k, v, None if small is None else small(), way)  # type: ignore[arg-type]

    with torch.random.fork_rng(devices=[]):
        return walk_maps(nn.ModuleList() if small is None else small, call, maps, value, elements)
