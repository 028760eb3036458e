"""Any model in evaluation as plain torch: a graph of torch's own modules and functions, its filters constants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from escnn.nn import EquivariantModule, GeometricTensor
from torch import Tensor, fx, nn

from steergan.copies import copied
from steergan.errors import reason
from steergan.exporting.batches import Matcher
from steergan.exporting.escnn_layers import plain_form
from steergan.exporting.folding import fold_norms
from steergan.exporting.graph import Builder
from steergan.exporting.recorder import ExportError, Recording, record
from steergan.layers import MinibatchDeviation, choose_convolution
from steergan.layers.plain import Compound, OnFields, frozen
from steergan.places import layers_in, put

BATCHES = (3, 5)
"""Of the two examples that tell what depends on the number of images."""

Call = Callable[..., Any]


class UnrunnableError(ExportError):
    """A model that can't be run on what it was given."""


@dataclass(frozen=True)
class Baked:
    """What became of a model.

    Attributes:
        module: plain torch, in evaluation mode and float32; loads without escnn and steergan.
        exact: the same in float64, of which the other is the rounding; None where layers make float32 of all.
        places: by the path of a layer in the model, the module that has its filters.
        folded: the convolutions that took a norm.
    """

    module: fx.GraphModule
    exact: fx.GraphModule | None
    places: dict[str, str]
    folded: tuple[str, ...]


def bake(
    model: nn.Module, call: Call, examples: Callable[[int], list[Tensor]], names: Sequence[str], batch: int = 0
) -> Baked:
    """A model as a fixed graph.

    Args:
        model: in any mode and dtype; it is left as it is.
        call: (model, *inputs) -> tensors, or geometric tensors.
        examples: inputs for so many images, float64 where they are no whole numbers.
        names: of the inputs.
        batch: the number of images that the graph takes; 0: any.

    Raises:
        ExportError: the layer that has no place in a graph, and why.
    """
    if not batch:
        refuse_comparing(model)
    sizes = (batch,) if batch else BATCHES
    recordings, wide = recorded_in_some_precision(model, call, [examples(size) for size in sizes])
    first = recordings[0]
    calls = first.calls if batch else Matcher(BATCHES).calls(first, recordings[1])
    builder = Builder(first.inputs, names)
    graph = frozen(builder.build(calls, without_types(first.result)))
    folded = fold_norms(graph)
    frozen(graph)
    return Baked(in_float(graph) if wide else graph, graph if wide else None, builder.places, tuple(folded))


def refuse_comparing(model: nn.Module) -> None:
    """Refuse a graph for any number of images of a model that compares so many with one another.

    Raises:
        ExportError: a layer does; of fewer images than it takes the graph would show one group, however many come.
    """
    for path, layer in model.named_modules():
        if isinstance(layer, MinibatchDeviation):
            came = f"{path or 'the model'} (MinibatchDeviation): compares {layer.images} images with one another"
            raise ExportError(f"{came}, so what it does depends on their number; fix it with --batch")


def recorded_in_some_precision(
    model: nn.Module, call: Call, examples: Sequence[list[Tensor]]
) -> tuple[list[Recording], bool]:
    """What a model does, in float64; in float32 where its layers make numbers of that whatever comes.

    Returns:
        The recordings, and whether they are in float64.
    """
    prepared = on_tensors(model)
    try:
        return [recorded(prepared, call, given) for given in examples], True
    except UnrunnableError as error:
        prepared = prepared.float()
        try:
            given_float = [[x.float() if x.is_floating_point() else x for x in given] for given in examples]
            return [recorded(prepared, call, given) for given in given_float], False
        except UnrunnableError:
            raise error from None


def recorded(model: nn.Module, call: Call, inputs: list[Tensor]) -> Recording:
    """What a prepared model does.

    Raises:
        UnrunnableError: it can't be run.
        ExportError: what it does can't be told.
    """
    try:
        return record(model, call, inputs)
    except ExportError:
        raise
    except Exception as error:
        raise UnrunnableError(f"the model can't be run on {shapes(inputs)}: {reason(error)}") from error


def shapes(inputs: Sequence[Tensor]) -> str:
    """`1 x 3 x 8 x 8 and 3`."""
    return " and ".join(" x ".join(str(n) for n in tensor.shape) for tensor in inputs)


def without_types(result: Any) -> Any:
    """Plain tensors of what a model returned."""
    if isinstance(result, GeometricTensor):
        return result.tensor
    if isinstance(result, list | tuple):
        return tuple(without_types(part) for part in result)
    if isinstance(result, dict):
        return {name: without_types(part) for name, part in result.items()}
    return result


@torch.no_grad()
def on_tensors(model: nn.Module) -> nn.Module:
    """A copy of a model in evaluation and float64, its layers replaced by plain ones where they have such."""
    twin = as_double(model)
    choose_convolution(twin, "dense")

    def has_form(module: nn.Module) -> bool:
        return (
            isinstance(module, EquivariantModule)
            and not isinstance(module, Compound)
            and plain_form(module) is not None
        )

    found = layers_in(twin, has_form)
    plain = [(OnFields(frozen(plain_form(part)), part), paths) for part, paths in found]
    return put(twin, {path: part for part, paths in plain for path in paths})


@torch.no_grad()
def as_double(model: nn.Module) -> nn.Module:
    """A copy in evaluation and float64; escnn's convolutions expand their filters anew."""
    return copied(model).double().train().eval()


@torch.no_grad()
def in_float(exact: fx.GraphModule) -> fx.GraphModule:
    """The graph in float32, every constant rounded once."""
    rounded = copied(exact)
    for node in rounded.graph.nodes:
        node.args, node.kwargs = fx.node.map_aggregate((node.args, node.kwargs), single)
    rounded.recompile()
    result: fx.GraphModule = frozen(rounded.float())
    return result


def single(value: Any) -> Any:
    """float32 for float64."""
    return torch.float32 if value is torch.float64 else value
