"""A network layer by layer: types, sizes, parameters, multiply-adds."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import GroupConvolution, UpsampleConvolution


class LayerRow(NamedTuple):
    """One layer. Multiply-adds are of one sample, convolutions and dense layers counted."""

    path: str
    kind: str
    out_type: str
    size: str
    parameters: int
    multiply_adds: int


def layer_rows(network: nn.Module, *inputs: Tensor) -> list[LayerRow]:
    """The layers of a network in the order in which `network(*inputs)` calls them, evaluation mode, nothing changed."""
    rows: list[LayerRow] = []
    handles = []
    for path, layer in shown_layers(network):

        def record(module: nn.Module, args: Any, output: Any, path: str = path) -> None:
            rows.append(describe(path, module, output))

        handles.append(layer.register_forward_hook(record))
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(*inputs)
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return rows


def shown_layers(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers below the networks' own containers."""
    for name, child in network.named_children():
        container = isinstance(child, nn.ModuleList) or type(child).__module__.startswith("steergan.networks")
        if container:
            yield from shown_layers(child, f"{prefix}{name}.")
        else:
            yield prefix + name, child


def describe(path: str, module: nn.Module, output: Any) -> LayerRow:
    tensor = output.tensor if isinstance(output, GeometricTensor) else output
    out_type = type_words(output.type) if isinstance(output, GeometricTensor) else "plain"
    size = " x ".join(str(n) for n in tensor.shape[1:]) or "scalar"
    parameters = sum(p.numel() for p in module.parameters())
    if isinstance(module, GroupConvolution):
        taps = module.filter_bank().numel()
        multiply_adds = taps * tensor.shape[2] * tensor.shape[3]
    elif isinstance(module, UpsampleConvolution):
        # One of four phase filters for each output pixel.
        taps = ((module.convolution.kernel_size + 1) // 2) ** 2 * module.in_type.size * module.out_type.size
        multiply_adds = taps * tensor.shape[2] * tensor.shape[3]
    else:
        multiply_adds = sum(m.in_features * m.out_features for m in module.modules() if isinstance(m, nn.Linear))
    return LayerRow(path, type(module).__name__, out_type, size, parameters, multiply_adds)


def type_words(field_type: FieldType) -> str:
    """`64 regular of C4`."""
    counts = Counter(r.name for r in field_type.representations)
    return f"{', '.join(f'{n} {name}' for name, n in counts.items())} of {field_type.gspace.fibergroup.name}"
