"""A network layer by layer: types, sizes, parameters, multiply-adds."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    GroupConvolution,
    GroupedConvolution,
    SelfAttention,
    StridedConvolution,
    TransposedConvolution,
    UpsampleConvolution,
)
from steergan.symmetry import field_name


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
        counted: list[int] = []

        def count(module: nn.Module, args: Any, output: Any, counted: list[int] = counted) -> None:
            counted.append(products(module, output))

        def record(module: nn.Module, args: Any, output: Any, path: str = path, counted: list[int] = counted) -> None:
            rows.append(describe(path, module, output, sum(counted)))
            counted.clear()

        handles += [part.register_forward_hook(count) for part in layer.modules()]
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
    """The layers below the networks' own containers; a residual block is one."""
    for name, child in network.named_children():
        container = isinstance(child, nn.ModuleList | nn.ModuleDict) or type(child).__module__.startswith(
            "steergan.networks"
        )
        if container:
            yield from shown_layers(child, f"{prefix}{name}.")
        else:
            yield prefix + name, child


def describe(path: str, module: nn.Module, output: Any, multiply_adds: int) -> LayerRow:
    """A row about a layer that gave this output."""
    tensor = output.tensor if isinstance(output, GeometricTensor) else output
    out_type = type_words(output.type) if isinstance(output, GeometricTensor) else "plain"
    size = " x ".join(str(n) for n in tensor.shape[1:]) or "scalar"
    return LayerRow(
        path, type(module).__name__, out_type, size, sum(p.numel() for p in module.parameters()), multiply_adds
    )


def products(module: nn.Module, output: Any) -> int:
    """Multiply-adds of one sample in a layer, without those in layers of its own."""
    if isinstance(module, nn.Linear):
        return module.in_features * module.out_features
    if isinstance(module, SelfAttention):
        return module.products(*output.tensor.shape[2:])
    if isinstance(module, GroupConvolution):
        taps = module.filter_bank().numel()
    elif isinstance(module, GroupedConvolution):
        taps = module.convolution.filter_bank().numel()
    elif isinstance(module, UpsampleConvolution):
        # One of four phase filters for each output pixel.
        taps = ((module.convolution.kernel_size + 1) // 2) ** 2 * module.in_type.size * module.out_type.size
    elif isinstance(module, StridedConvolution) and not module.skips:
        taps = module.convolution.filter_bank().numel()
    elif isinstance(module, TransposedConvolution):
        # Every pixel that comes in leaves a filter.
        taps = module.convolution.filter_bank().numel() // module.windows.stride**2
    else:
        return 0
    return taps * int(output.tensor.shape[2] * output.tensor.shape[3])


def type_words(field_type: FieldType) -> str:
    """`64 regular of C4`."""
    counts = Counter(field_name(r) for r in field_type.representations)
    return f"{', '.join(f'{n} {name}' for name, n in counts.items())} of {field_type.gspace.fibergroup.name}"
