"""A forward as the calls of torch's functions on its inputs; whatever depends on no input is a constant."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten

from steergan.errors import SteerganError

RANDOM = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "rand_like", "randn_like")
EMPTY = ("empty", "new_empty", "empty_like")
SAYING = ("item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "__complex__", "__contains__")
"""What makes Python numbers of tensors."""


class ExportError(SteerganError):
    """A model that can't be exported, or not so."""


@dataclass(eq=False)
class Call:
    """One call of one of torch's functions.

    Attributes:
        function: that was called; a Tensor's own methods and properties are the functions of its class.
        name: of it, without the underscores of operators and of what is done in place.
        args: as they came.
        kwargs: likewise.
        result: a tensor, or a tuple or list of some.
        layer: the path of the module that made the call.
        written: the tensor that was written to.
        before: a copy of a constant that was written to, as it was.
    """

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    layer: str
    written: Tensor | None = None
    before: Tensor | None = None


@dataclass(eq=False)
class Recording:
    """What a forward did.

    Attributes:
        inputs: that it got.
        calls: that concern them, in order.
        result: that it returned.
    """

    inputs: list[Tensor]
    calls: list[Call] = field(default_factory=list)
    result: Any = None


class Recorder(TorchFunctionMode):
    """Writes down every call that has to do with its inputs, and lets it happen.

    Args:
        inputs: from which all follows.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.recording = Recording(list(inputs))
        self.known = {id(tensor): tensor for tensor in inputs}
        self.empty: dict[int, Tensor] = {}
        self.path = [""]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call it, and remember that it was called if it concerns the inputs."""
        kwargs = kwargs or {}
        name = name_of(func)
        self._check_chance(name, args, kwargs)
        if not any(id(value) in self.known for value in tree_flatten((args, kwargs))[0]):
            result = func(*args, **kwargs)
            if name in EMPTY and isinstance(result, Tensor):
                self.empty[id(result)] = result
            return result
        if name in SAYING:
            raise self._refusal(
                f"its forward makes a Python number of a tensor that depends on the input (Tensor.{name}), on which "
                "all the rest may depend"
            )
        writes = writes_to(func, name, args, kwargs)
        before = self._as_it_was(args[0]) if writes and id(args[0]) not in self.known else None
        result = func(*args, **kwargs)
        if name == "__setitem__":
            result = args[0]
        tensors = [t for t in tree_flatten(result)[0] if isinstance(t, Tensor)]
        if tensors and (writes or result is not args[0]):  # what gives back what came did nothing
            written = args[0] if writes else None
            call = Call(func, plain_name(name), args, kwargs, result, self.path[-1], written, before)
            self.recording.calls.append(call)
            self.known.update((id(tensor), tensor) for tensor in tensors)
        return args[0] if writes and name != "__setitem__" else (None if name == "__setitem__" else result)

    def _as_it_was(self, tensor: Tensor) -> Tensor:
        """A copy of a constant; what was never filled is zero."""
        return torch.zeros_like(tensor) if id(tensor) in self.empty else tensor.detach().clone()

    def _check_chance(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if name in RANDOM:
            raise self._refusal(f"it draws random numbers (torch's {name})")
        if name.endswith("dropout") and self._draws(args, kwargs):
            raise self._refusal("it drops numbers at random, in evaluation too")

    def _draws(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        training = kwargs.get("training", args[2] if len(args) > 2 else True)
        return bool(training) and kwargs.get("p", args[1] if len(args) > 1 else 0.5) > 0

    def _refusal(self, reason: str) -> ExportError:
        return ExportError(f"{self.path[-1] or 'the model itself'}: {reason}")

    @contextmanager
    def inside(self, model: nn.Module) -> Iterator[None]:
        """Within, calls know the modules of a model that make them."""

        def enter(path: str) -> Callable[..., None]:
            def hook(*_: object) -> None:
                self.path.append(path)

            return hook

        def leave(*_: object) -> None:
            self.path.pop()

        handles: list[Any] = []
        for path, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(enter(path)))
            handles.append(module.register_forward_hook(leave, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def name_of(function: Any) -> str:
    """The name of one of torch's functions; for what reads a property of a tensor, that of the property."""
    if getattr(function, "__name__", "") == "__get__":
        return str(function.__self__.__name__)
    return str(getattr(function, "__name__", function))


def plain_name(name: str) -> str:
    """`add` of `add_`, `__add__` stays."""
    return name if name.startswith("__") else name.rstrip("_")


def writes_to(function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call writes to its first argument."""
    if name in ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__") or kwargs.get("inplace"):
        return True
    if name in ("relu", "relu6", "silu", "selu", "hardswish", "hardsigmoid"):
        return len(args) > 1 and args[1] is True
    return name.endswith("_") and not name.startswith("__") and isinstance(args[0], Tensor)


@torch.no_grad()
def record(model: nn.Module, call: Callable[..., Any], inputs: Sequence[Tensor]) -> Recording:
    """What `call(model, *inputs)` does.

    Args:
        model: whose modules are named in what is recorded.
        call: a forward.
        inputs: examples.

    Raises:
        ExportError: what it does depends on the inputs' numbers, or on chance.
    """
    recorder = Recorder(inputs)
    with recorder.inside(model), recorder:
        result = call(model, *inputs)
    recorder.recording.result = result
    return recorder.recording
