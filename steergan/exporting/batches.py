"""Two recordings of one forward, of batches of two sizes: where numbers differ, they are the batch."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from steergan.exporting.recorder import Call, ExportError, Recording


@dataclass(frozen=True)
class Batch:
    """So many times the images of a batch, in the place of a number."""

    times: int


@dataclass(frozen=True, eq=False)
class Repeated:
    """A constant for each image of a batch, all the same: one of them, (1, ...)."""

    one: Tensor


def given(call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as they were."""
    return (call.args if call.before is None else (call.before, *call.args[1:])), call.kwargs


@dataclass(frozen=True)
class Matcher:
    """Compares what two recordings hold.

    Attributes:
        sizes: how many images each of them saw.
    """

    sizes: tuple[int, int]

    def calls(self, first: Recording, second: Recording) -> list[Call]:
        """The first one's calls, numbers and constants that depend on the batch replaced by `Batch` and `Repeated`.

        Raises:
            ExportError: they differ otherwise.
        """
        if [c.function for c in first.calls] != [c.function for c in second.calls]:
            raise ExportError("the model: what its forward does depends on the number of images; fix it with --batch")
        seen: dict[int, int] = {}
        self._learn(seen, first.inputs, second.inputs)
        matched = []
        for one, other in zip(first.calls, second.calls, strict=True):
            args, kwargs = self._matched(given(one), given(other), seen, one)
            self._learn(seen, one.result, other.result)
            matched.append(replace(one, args=args, kwargs=kwargs, before=None))
        return matched

    def _learn(self, seen: dict[int, int], one: Any, other: Any) -> None:
        for a, b in zip(tree_flatten(one)[0], tree_flatten(other)[0], strict=True):
            if isinstance(a, Tensor):
                seen[id(a)] = id(b)

    def _matched(self, one: Any, other: Any, seen: dict[int, int], call: Call) -> Any:
        (values, form), (others, _) = tree_flatten(one), tree_flatten(other)
        if len(values) != len(others):
            raise self._refusal(call)
        return tree_unflatten([self._leaf(a, b, seen, call) for a, b in zip(values, others, strict=True)], form)

    def _leaf(self, a: Any, b: Any, seen: dict[int, int], call: Call) -> Any:
        if isinstance(a, Tensor):
            return self._tensor(a, b, seen, call)
        if isinstance(a, slice):
            parts = ((a.start, b.start), (a.stop, b.stop), (a.step, b.step))
            return slice(*(self._leaf(x, y, seen, call) for x, y in parts))
        if isinstance(a, int) and isinstance(b, int) and not isinstance(a, bool) and a != b:
            times = a // self.sizes[0]
            if (a, b) != (times * self.sizes[0], times * self.sizes[1]):
                raise self._refusal(call)
            return Batch(times)
        if isinstance(a, float) and a != b:
            raise self._refusal(call)
        return a

    def _tensor(self, a: Tensor, b: Any, seen: dict[int, int], call: Call) -> Any:
        if id(a) in seen:
            if seen[id(a)] != id(b):
                raise self._refusal(call)
            return a
        if isinstance(b, Tensor) and a.shape == b.shape:
            if not torch.equal(a, b) and not torch.allclose(a, b, equal_nan=True):
                raise ExportError(
                    f"{call.layer or 'the model itself'}: a constant of its forward is another every time"
                )
            return a
        per_image = isinstance(b, Tensor) and (len(a), len(b)) == self.sizes and a.shape[1:] == b.shape[1:]
        if per_image and bool((a == a[:1]).all()) and torch.equal(a[:1], b[:1]) and bool((b == b[:1]).all()):
            return Repeated(a[:1].clone())
        raise self._refusal(call)

    def _refusal(self, call: Call) -> ExportError:
        where = call.layer or "the model itself"
        return ExportError(
            f"{where}: torch's {call.name} depends on the number of images in no simple way; fix it with --batch"
        )
