"""The type of a module's input, seen where its forward makes the first fields."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SubjectError
from steergan.verification.rehearsal import TRIED, failure_words, twin_at_rest
from steergan.verification.subject import BATCH, Size
from steergan.verification.surroundings import undisturbed

CHANNELS = (1, 3, 2, 4)
"""Of inputs that are tried on a network whose input's type nobody said."""


@contextmanager
def watched(seen: Callable[[Tensor, FieldType], None]) -> Iterator[None]:
    """Inside, whoever makes a geometric tensor is seen, whether or not it can be made."""
    before = GeometricTensor.__init__

    def note(self: GeometricTensor, tensor: Tensor, type: FieldType, *rest: Any, **named: Any) -> None:
        seen(tensor, type)
        before(self, tensor, type, *rest, **named)

    GeometricTensor.__init__ = note
    try:
        yield
    finally:
        GeometricTensor.__init__ = before


def noted_in(found: list[tuple[Tensor, FieldType]]) -> Callable[[Tensor, FieldType], None]:
    """Tensor and type of whatever is made, in a list."""
    return lambda tensor, kind: found.append((tensor, kind))


def watched_in_type(module: nn.Module, sizes: Sequence[Size] | None, others: tuple[Any, ...]) -> FieldType:
    """The type of the first geometric tensor that a module makes of plain tensors.

    Raises:
        SubjectError: it makes none, or not of its input alone.
    """
    network = twin_at_rest(module)
    sides = sizes or [(side, side) for pair in TRIED[:5] for side in pair]
    last: BaseException | None = None
    for channels in CHANNELS:
        for size in sides:
            x = torch.randn(BATCH, channels, *size, generator=torch.Generator().manual_seed(0))
            for argument in (x, [x]):
                found: list[tuple[Tensor, FieldType]] = []
                try:
                    with undisturbed(), torch.no_grad(), watched(noted_in(found)):
                        network(argument, *others)
                except Exception as error:
                    last = error
                tensor, kind = found[0] if found else (None, None)
                if kind is None or not isinstance(tensor, Tensor) or tensor.dim() != 4:
                    continue
                if tensor.shape[:2] != x.shape[:2]:
                    continue
                if tensor is x or all(r.is_trivial() for r in set(kind.representations)):
                    return kind
    name = type(module).__name__
    why = "" if last is None else f" (the last failure was {failure_words(last)})"
    raise SubjectError(
        f"{name} has no in_type, and makes no GeometricTensor of a plain input from which it could be read{why}; "
        "set it to its input's FieldType, or pass in_type= (--in-type 1*trivial@C4)"
    )
