"""Certificates of layers that treat every pixel alike: followed operation by operation on a small map.

What these layers compute at a pixel depends on the channels there (and, of norms, on means over all pixels), never on
where the pixel lies. So what is proved on a small map holds at every size.
"""

from collections.abc import Iterator

import torch
from escnn import nn as enn
from escnn.nn import GeometricTensor

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    FieldDropout,
    FieldInstanceNorm,
    FieldLayerNorm,
    GroupPool,
    Pointwise,
)
from steergan.verification.certificates.fibres import moments
from steergan.verification.laws.walk import walk_layer
from steergan.verification.records import Finding, exact, unknown
from steergan.verification.registry import Situation, certifies

SIDE = 2
"""Of the small map: its four pixels are one orbit, and the entries are few."""

ARGUMENTS: dict[type, str] = {
    FieldBatchNorm: "moments, scale and shift are one per field, constant on its channels",
    ConditionalBatchNorm: "scale and shift are one per field, functions of the conditioning vector alone",
    FieldDropout: "one number per field, whatever was drawn",
    FieldInstanceNorm: "moments of each sample, scale and shift are one per field, constant on its channels",
    FieldLayerNorm: "moments of each sample are of all channels alike, scale and shift one per field",
    Pointwise: "one function of every channel, on fields whose channels the group permutes",
    GroupPool: "a symmetric function of each field's channels",
    enn.InnerBatchNorm: "moments, scale and shift are one per field, constant on its channels",
    enn.GroupPooling: "a symmetric function of each field's channels",
}


@certifies(*ARGUMENTS)
def pixelwise(layer: enn.EquivariantModule, at: Situation) -> Iterator[Finding]:
    """Follow the layer on two samples of 2 x 2 pixels; norms of fields that are no permutations by their matrices."""
    norm = layer.norm if isinstance(layer, ConditionalBatchNorm) else layer
    if isinstance(norm, FieldBatchNorm | FieldInstanceNorm | FieldLayerNorm) and norm.moments is not None:
        yield from moments(layer, at)
        return
    x = torch.zeros(2, layer.in_type.size, SIDE, SIDE, dtype=torch.float32)
    dtype = next((t.dtype for t in layer.state_dict().values() if t.is_floating_point()), torch.float32)
    others = tuple(torch.zeros(2, *o.shape[1:], dtype=o.dtype) for o in at.others)
    with torch.random.fork_rng(devices=[]):
        faults = walk_layer(layer, GeometricTensor(x.normal_().to(dtype), layer.in_type), others, at.elements)
    if faults:
        yield unknown(f"{ARGUMENTS[type(layer)]}: not shown, for {faults[0]}")
    else:
        yield exact(ARGUMENTS[type(layer)])
