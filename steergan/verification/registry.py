"""Which layers are certified, by exact type, and whether a layer still is what its type says."""

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn

from steergan.verification.elements import Matrix
from steergan.verification.records import Finding


class Situation(NamedTuple):
    """At what a layer is certified.

    Attributes:
        elements: that are claimed.
        in_shape: (B, C, H, W) of its input.
        out_shape: (B, C, H, W) of its output.
        others: what else it was called with: conditioning vectors.
        training: its mode.

    Example:
        >>> at = Situation(((1, 0, 0, 1), (-1, 0, 0, -1)), (2, 8, 5, 5), (2, 8, 5, 5), (), training=False)
        >>> len(at.elements)
        2
    """

    elements: tuple[Matrix, ...]
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    others: tuple[Tensor, ...]
    training: bool


Certifier = Callable[[Any, Situation], Iterable[Finding]]

_CERTIFIERS: dict[type, Certifier] = {}
_METHODS: dict[type, dict[str, Any]] = {}
"""Every function of a certified class as it was when its certificate was registered."""


_APART: dict[type, str] = {}
"""Of which inputs a certificate says nothing, in words."""


def certifies(*types: type, apart: str = "") -> Callable[[Certifier], Certifier]:
    """Register a function as the certificate of layer types: `(layer, situation) -> findings`.

    A layer so registered is taken as a whole: its forward is not looked into. It gets one geometric tensor and returns
    one; the certificate has to show, from the layer's own parameters and buffers, that every element of
    `situation.elements` commutes with it.

    Args:
        types: of layers.
        apart: inputs of which the certificate says nothing, in words that follow "inputs in which"; they are said with
            the verdict.

    Raises:
        ValueError: a type that has a certificate already.

    Example:
        >>> from escnn.nn import IdentityModule
        >>> from steergan.verification import exact
        >>> @certifies(IdentityModule)
        ... def identity(layer, at):
        ...     yield exact("nothing is changed")
        >>> certifier_of(IdentityModule.__new__(IdentityModule)) is identity
        True
        >>> del _CERTIFIERS[IdentityModule], _METHODS[IdentityModule]  # for this page alone
    """

    def register(certifier: Certifier) -> Certifier:
        for layer in types:
            if layer in _CERTIFIERS:
                raise ValueError(f"{layer.__name__} has a certificate already; a second one would hide it")
            _CERTIFIERS[layer] = certifier
            _METHODS[layer] = _functions(layer)
            if apart:
                _APART[layer] = apart
        return certifier

    return register


def certifier_of(module: nn.Module) -> Certifier | None:
    """The certificate of a module's exact type."""
    return _CERTIFIERS.get(type(module))


def apart_of(module: nn.Module) -> str:
    """Inputs of which the certificate of a module's type says nothing, in words; empty if it speaks of all."""
    return _APART.get(type(module), "")


def tampering(module: nn.Module) -> str | None:
    """Why a module can't be taken for what a certified type says; None if it can, or if no certificate is near."""
    layer = type(module)
    if layer not in _CERTIFIERS:
        above = next((base for base in layer.__mro__ if base in _CERTIFIERS), None)
        return None if above is None else f"{layer.__name__} is a subclass of {above.__name__}, which is certified"
    if _functions(layer) != _METHODS[layer]:
        return f"a method of the class {layer.__name__} was replaced"
    for path, part in module.named_modules():
        found = _part_tampering(part, is_layer=part is module)
        if found is not None:
            return f"{path}: {found}" if path else found
    return None


def _part_tampering(part: nn.Module, is_layer: bool) -> str | None:
    if part._forward_hooks or part._forward_pre_hooks:
        return "it has a forward hook"
    for name, value in vars(part).items():
        if callable(value) and not isinstance(value, type) and hasattr(type(part), name):
            return f"its method {name} was patched"
    kind = type(part)
    if kind in _CERTIFIERS:
        return None if _functions(kind) == _METHODS[kind] else f"a method of the class {kind.__name__} was replaced"
    known = getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind
    ours = kind.__module__.startswith(("torch.nn.modules.", "escnn.nn.", "steergan.layers."))
    if not is_layer and not (known and ours):
        return f"a part of it is a {kind.__name__}, which no certificate knows"
    forward = getattr(kind, "forward", None)
    own = inspect.isfunction(forward) and forward.__module__.split(".")[0] in (kind.__module__.split(".")[0], "torch")
    if forward is not None and not is_layer and not own:
        return f"the forward of {kind.__name__} was replaced"
    return None


def _functions(layer: type) -> dict[str, Any]:
    """Everything callable that a class has of itself and its bases below torch's Module."""
    found: dict[str, Any] = {}
    for base in reversed(layer.__mro__):
        if base not in (object, nn.Module):
            found.update({name: value for name, value in vars(base).items() if callable(value)})
    return found
