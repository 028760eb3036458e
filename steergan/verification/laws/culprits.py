"""Which operation made of fields what is none: its name, and the line of the code that called it."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import escnn
import torch
from escnn.nn import FieldType
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from steergan.verification.elements import Matrix
from steergan.verification.laws.law import Fields, Law, as_map, mismatch

OF_LIBRARIES = tuple(
    os.path.join(os.path.dirname(os.path.abspath(str(file))), "")
    for file in (torch.__file__, escnn.__file__, Path(__file__).parents[2] / "any")
)
"""Folders of code that no user wrote; `steergan/` is the last."""


class Culprits:
    """Follows which field type a tensor had when it last had one, past the operations between layers.

    Args:
        elements: that are claimed.
        law_of: of a tensor.
    """

    def __init__(self, elements: tuple[Matrix, ...], law_of: Callable[[Tensor], Law]) -> None:
        self.elements, self.law_of = elements, law_of
        self.types = WeakTensorKeyDictionary()
        self.words = WeakTensorKeyDictionary()

    def follow(self, name: str, operands: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        """An operation outside certified layers.

        What it gives is compared where it has the channels of the fields that came; else it is remembered of which
        type these were, for the next operation whose result has.
        """
        before = next((words for t in operands if (words := self.words.get(t))), "")
        kind = next((found for t in operands if (found := self.type_of(t)) is not None), None)
        for result in results:
            if before:
                self.words[result] = before
            elif kind is not None and self._is_none(result, kind):
                self.words[result] = f"{name}{where()}"
            elif kind is not None:
                self.types[result] = kind

    def _is_none(self, result: Tensor, kind: FieldType) -> bool:
        shape = as_map(result.shape)
        comparable = len(shape) == 4 and shape[1] == kind.size
        return comparable and mismatch(self.law_of(result), kind, shape, self.elements) is not None

    def type_of(self, tensor: Tensor) -> FieldType | None:
        """Of the fields that a tensor is, or was made of."""
        law = self.law_of(tensor)
        found: FieldType | None = law.type if isinstance(law, Fields) else self.types.get(tensor)
        return found

    def since(self, tensor: Tensor) -> str:
        """`, since flip (model.py, line 20)`, where it is known; else nothing."""
        words = self.words.get(tensor)
        return f", since {words}" if words else ""


def where() -> str:
    """The line of the code that is running, as ` (model.py, line 20)`; nothing where all of it is of libraries."""
    frame = sys._getframe(1)
    while frame is not None:
        path = os.path.abspath(frame.f_code.co_filename)
        if not path.startswith(OF_LIBRARIES) and os.path.exists(path):
            return f" ({os.path.basename(path)}, line {frame.f_lineno})"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
