"""Laws of tensor operations that rearrange entries or apply a function to each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from steergan.verification.elements import Matrix
from steergan.verification.laws.calculus import combined, joined, pointwise, rearranged
from steergan.verification.laws.law import Fields, Fixed, Law, Lost, Turning, distinct
from steergan.verification.laws.memory import tensors_in
from steergan.verification.laws.names import name_of
from steergan.verification.laws.spelling import Spelling

LawOf = Callable[[Any], Law]
Rule = Callable[["Operation"], Law | tuple[Law, ...]]


class Operation:
    """One call of an operator: its operands, its result, and their laws.

    Attributes:
        name: of the operator, in place or not, with its namespace where that is not torch's own.
        values: operands of whose values at hand the law of the result holds.
        chosen: operands whose values at hand say which entries of what turns are taken.
        numbers: operands that it holds of whatever their values are, constants apart.
        bound: up to which it holds, relative to those values.
        stays: whether nothing that turns has entered a tensor.
        zeros: operands of an addition of which every entry is the constant 0.
    """

    def __init__(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        law_of: LawOf,
        elements: Any,
        spell: Spelling | None = None,
    ) -> None:
        self.func, self.args, self.kwargs, self.out = func, args, kwargs, out
        self.law_of = law_of
        self.elements: tuple[Matrix, ...] = elements
        self.spell = spell or Spelling(elements)
        self.name = name_of(func).rstrip("_")
        self.stays: Callable[[Tensor], bool] = self.knows
        self.values: list[Tensor] = []
        self.chosen: list[Tensor] = []
        self.zeros: list[Tensor] = []
        self.numbers: list[Tensor] = []
        self.bound = 0.0

    def arg(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by position or by name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    def knows(self, x: Tensor) -> bool:
        """Whether a tensor has the same values whatever the input is: made of weights and constants alone."""
        law = self.law_of(x)
        return isinstance(law, Fixed) and law.made_of is not None

    def takes(self, positions: Any, *taken_from: Tensor) -> str:
        """Why entries can't be taken at these positions, whose values are those at hand; empty: they can.

        Of invariants they can where the positions are constants: else entries with equal ids are equal at hand alone.
        """
        still = all(isinstance(self.law_of(x), Fixed) for x in taken_from)
        for tensor in tensors_in(positions):
            if not self.knows(tensor) and (still or not self.stays(tensor)):
                return "positions that depend on the input, or are drawn"
            if not still:
                self.chosen.append(tensor)
        return ""

    def written_out(self, x: Tensor) -> Law:
        """The law of an operand, entry by entry."""
        return self.spell(self.law_of(x), x)


def move(call: Operation) -> Law | tuple[Law, ...]:
    """Entries of the first operand rearranged; every other operand says how, and has to be invariant."""
    x = call.args[0]
    if call.func._overloadname == "dtype":
        return Lost("bytes read as another dtype")
    if call.name in ("slice", "expand", "view", "alias", "clone", "detach") and x.shape == call.out.shape:
        call.spell.same(call.out, x)
        return call.law_of(x)
    if "out" in call.kwargs:
        return Lost(f"{call.name} with out=")
    fault = call.takes([*call.args[1:], *call.kwargs.values()], x)
    if fault:
        return Lost(f"{call.name} with {fault}")

    def apply(ids: Tensor) -> Tensor:
        if call.name in ("view", "_unsafe_view"):
            return ids.reshape(call.out.shape)  # ids need not lie in memory as the tensor does
        result: Tensor = call.func(ids, *call.args[1:], **call.kwargs)
        return result

    if not isinstance(call.out, list | tuple):
        return rearranged(call.written_out(x), x.shape, apply, call.elements)
    return tuple(
        rearranged(call.written_out(x), x.shape, lambda ids, n=n: apply(ids)[n], call.elements)  # type: ignore[misc]
        for n in range(len(call.out))
    )


def converted(call: Operation) -> Law:
    """Another dtype or device; truth values forget signs."""
    law = call.law_of(call.args[0])
    return law if call.out.is_floating_point() else pointwise(law, "general")


def pad(call: Operation) -> Law:
    """Constant padding: a law of the padded positions together with that of the map."""
    x, amounts = call.args[0], call.args[1]
    law = call.written_out(x)
    if isinstance(law, Fixed | Lost):
        return Fixed(distinct(call.out.shape)) if isinstance(law, Fixed) else law
    assert isinstance(law, Turning)
    # The constant is one more atom, number N, that every element maps to itself, whatever signs the others change: the
    # tables get a column for it.
    constant = law.index.shape[1]
    ids = torch.nn.functional.pad(law.ids.double().reshape(x.shape), list(amounts), value=float(constant)).long()
    extra = torch.full((len(law.index), 1), constant)
    return Turning(ids, torch.cat([law.index, extra], 1), torch.cat([law.sign, torch.ones_like(extra)], 1))


def elementwise(parity: str) -> Rule:
    """A function of each entry; with more tensors (bounds, exponents), of one entry of each."""

    def rule(call: Operation) -> Law:
        if sum(isinstance(a, Tensor) for a in (*call.args, *call.kwargs.values())) > 1:
            return broadcast("general")(call)  # type: ignore[return-value]
        law = call.law_of(call.args[0])
        found = pointwise(law, parity)
        if parity == "even" and isinstance(law, Fields) and isinstance(found, Lost):
            return pointwise(call.written_out(call.args[0]), parity)
        return found

    return rule


def power(call: Operation) -> Law | tuple[Law, ...]:
    """x^n: even or odd as n is, of x alone."""
    exponent = call.args[1]
    whole = not isinstance(call.args[0], int | float) and isinstance(exponent, int | float) and exponent % 1 == 0
    parity = "general" if not whole else "odd" if exponent % 2 else "even"
    return elementwise(parity)(call)


def broadcast(signs: str) -> Rule:
    """A function of one entry of each operand, after broadcasting."""

    def rule(call: Operation) -> Law:
        operands = [a for a in (*call.args, *call.kwargs.values()) if isinstance(a, Tensor)]
        laws = [call.law_of(a) for a in operands]
        shapes = [a.shape for a in operands]
        numbers = [a for a in (*call.args[:2], call.kwargs.get("other")) if isinstance(a, int | float)]
        # v + c is odd in v for c = 0 alone: a number that is added counts as a further, constant operand.
        if any(number != 0 for number in numbers) and signs == "sum":
            laws, shapes = [*laws, Fixed(torch.zeros((), dtype=torch.int64))], [*shapes, torch.Size([])]
        # floor(a / b) is no product: floor(-v) is not -floor(v).
        rounded = "rounding_mode" in call.kwargs or call.func._overloadname.endswith("_mode")
        return combined(laws, shapes, call.out.shape, "general" if rounded else signs, call.elements)

    return rule


def sign_of_zero(signs: str) -> Rule:
    """A function that tells 0.0 from -0.0, which are one number to all others: of constants without -0.0."""

    def rule(call: Operation) -> Law | tuple[Law, ...]:
        constants = [a for a in tensors_in(call.args) if call.knows(a) and a.is_floating_point()]
        if any(bool(((a == 0) & a.signbit()).any()) for a in constants):
            return Lost(f"{call.name} of a constant that holds -0.0")
        return broadcast(signs)(call)

    return rule


def join(call: Operation) -> Law:
    """Concatenation and stacking: ids of every part side by side."""
    parts = list(call.args[0])
    laws = joined([call.written_out(part) for part in parts])
    if isinstance(laws, Lost):
        return laws
    # `joined` keeps the atoms of the parts apart, so that equal ids of two parts do not become one entry.
    moved = [law.ids.double().reshape(part.shape) for law, part in zip(laws, parts, strict=True)]
    function = torch.cat if call.name == "cat" else torch.stack
    return replace(laws[0], ids=function(moved, call.arg(1, "dim", 0)).long())


def indexed_write(call: Operation) -> Law:
    """x[indices] = value: at fixed positions a rearrangement, under a mask a function of an entry of each."""
    x, indices, value = call.args[0], call.args[1], call.args[2]
    masks = [i for i in indices if i is not None and i.dtype == torch.bool]
    if len(masks) == 1 and len(indices) == 1 and masks[0].shape == x.shape and value.numel() == 1:
        laws = [call.law_of(t) for t in (x, masks[0], value)]
        return combined(laws, [x.shape, x.shape, value.shape], x.shape, "general", call.elements)
    if call.arg(3, "accumulate") or call.takes(indices, x, value):
        return Lost("index_put at positions that the proof does not follow")
    both = joined([call.written_out(x), call.written_out(value)])
    if isinstance(both, Lost):
        return both
    ids = torch.ops.aten.index_put(both[0].ids.reshape(x.shape), indices, both[1].ids.reshape(value.shape))
    return replace(both[0], ids=ids)


def made_of_shape(call: Operation) -> Law:
    """empty_like, zeros_like, new_zeros, ...: only the shape of the operand counts."""
    if any(word in call.name for word in ("rand", "empty")):
        return Fixed(distinct(call.out.shape))
    return Fixed(torch.zeros(call.out.shape, dtype=torch.int64))
