"""Inputs of a network as people have them: one or several, that turn or do not, in lists and dicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from escnn.nn import FieldType, GeometricTensor
from torch import Tensor


def leaves(value: Any) -> Iterator[Any]:
    """What lies in nested lists, tuples and dicts, in order.

    Example:
        >>> list(leaves({"image": 1, "rest": [2, (3,)]}))
        [1, 2, 3]
    """
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def refilled(form: Any, values: Iterator[Any]) -> Any:
    """Lists, tuples and dicts nested as in `form`, with other leaves, taken in order.

    Example:
        >>> refilled({"image": 1, "rest": [2, (3,)]}, iter("abc"))
        {'image': 'a', 'rest': ['b', ('c',)]}
    """
    if isinstance(form, dict):
        return {name: refilled(part, values) for name, part in form.items()}
    if isinstance(form, tuple) and hasattr(form, "_fields"):
        return type(form)(*(refilled(part, values) for part in form))
    if isinstance(form, list | tuple):
        return type(form)(refilled(part, values) for part in form)
    return next(values)


@dataclass(frozen=True)
class Arguments:
    """Calls a module: (module, x, others) -> result.

    Attributes:
        form: the tuple of its arguments; leaves stand for the inputs, x first, then the others.
        wrapped: for each input the field type as which it is handed over as a geometric tensor; None: as it is.
    """

    form: tuple[Any, ...]
    wrapped: tuple[FieldType | None, ...]

    def __call__(self, module: Any, x: Tensor, others: tuple[Tensor, ...]) -> Any:
        """The module's result."""
        return module(*refilled(self.form, iter(self.inputs((x, *others)))))

    def inputs(self, values: Sequence[Tensor]) -> list[Any]:
        """Tensors, and geometric ones where the module takes such."""
        pairs = zip(values, self.wrapped, strict=True)
        return [value if kind is None else GeometricTensor(_as_map(value), kind) for value, kind in pairs]


def _as_map(value: Tensor) -> Tensor:
    return value[:, :, None, None] if value.dim() == 2 else value
