"""Layers in a model: where they are, and others put in their places."""

from collections.abc import Callable, Iterator, Mapping

from torch import nn


def layers_in(model: nn.Module, wanted: Callable[[nn.Module], bool]) -> list[tuple[nn.Module, tuple[str, ...]]]:
    """Layers of a model, each once, with every place of it as in `named_modules()`; the model's own path is empty.

    Args:
        model: any module.
        wanted: which modules are looked for; nothing is looked for inside them.
    """
    found: dict[int, tuple[nn.Module, list[str]]] = {}
    for path, layer in _walk(model, wanted, "", ()):
        found.setdefault(id(layer), (layer, []))[1].append(path)
    return [(layer, tuple(paths)) for layer, paths in found.values()]


def _walk(
    module: nn.Module, wanted: Callable[[nn.Module], bool], path: str, above: tuple[int, ...]
) -> Iterator[tuple[str, nn.Module]]:
    """Not by `named_modules`, which hashes modules; escnn does that by value, and slowly."""
    if wanted(module):
        yield path, module
        return
    for name, child in module._modules.items():
        if child is not None and id(child) not in above:
            yield from _walk(child, wanted, f"{path}.{name}" if path else name, (*above, id(module)))


def put(model: nn.Module, layers: Mapping[str, nn.Module]) -> nn.Module:
    """Set layers in their places; past `add_module`, which escnn's containers keep for layers that are appended.

    Returns:
        The model, or the layer that takes its place.
    """
    for path, layer in layers.items():
        if not path:
            return layer
        parent, _, name = path.rpartition(".")
        model.get_submodule(parent)._modules[name] = layer
    return model
