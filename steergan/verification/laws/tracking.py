"""Follows every tensor operation of a forward, through torch's dispatcher, with the law of every tensor."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from steergan.verification.elements import Matrix
from steergan.verification.laws.calculus import combined, overwritten
from steergan.verification.laws.culprits import Culprits
from steergan.verification.laws.law import (
    Fixed,
    Law,
    Lost,
    by_value,
    distinct,
    is_uniform,
    is_zero,
    unmoved,
)
from steergan.verification.laws.memory import (
    digest_of,
    geometry,
    overlaps_itself,
    places,
    share_memory,
    tensors_in,
    written_by,
)
from steergan.verification.laws.names import drawn_at_random, name_of, of_shape_alone
from steergan.verification.laws.operations import Operation
from steergan.verification.laws.rules import law_of_result
from steergan.verification.laws.spelling import Spelling
from steergan.verification.laws.trace import OTHER_VALUES, Trace

READS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""What torch says of operators whose result, or its shape, is a number read out of a tensor."""

MASKS = (torch.bool, torch.uint8)
"""Types of an index whose values decide how much is taken."""

CONVOLUTIONS = ("convolution", "steergan::convolve")
"""Of which it is always said that they are followed by the filters at hand."""

EXCHANGES = ("set_", "resize_", "set", "resize")


class Tracking(TorchDispatchMode):
    """While it is on, every operation gives its results laws.

    Args:
        network: whose weights are free numbers, and whose other constants count by their values.
        elements: that are claimed.
        moving: names of buffers that training moves: free numbers, like weights.

    Attributes:
        laws: of tensors.
        given: inputs that the group leaves alone, such as labels, and what was made of them, weights and constants.
        stack: paths of the modules that are running.
        inside: path of a certified layer that is running, in which nothing is followed.
        paused: whether operations are those of the follower itself.
        zeros: operands of the addition at hand that hold the constant 0.
        culprits: hears of every operation, where it is asked which of them broke something.
    """

    def __init__(self, network: nn.Module, elements: tuple[Matrix, ...], moving: set[str]) -> None:
        super().__init__()
        self.elements = elements
        self.laws, self.given = WeakTensorKeyDictionary(), WeakTensorKeyDictionary()
        self.spell = Spelling(elements)
        self.trace = Trace()
        self.stack: list[str] = []
        self.inside: str | None = None
        self.paused = False
        self.zeros: list[Tensor] = []
        self.culprits: Culprits | None = None
        self.free = {id(p): name for name, p in network.named_parameters() if p.requires_grad}
        self.frozen = {id(p): name for name, p in network.named_parameters() if not p.requires_grad}
        for name, buffer in network.named_buffers():
            (self.free if name in moving else self.frozen)[id(buffer)] = name
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        free = {name: tensors[name] for name in self.free.values() if tensors[name].numel()}
        self.free_memory = {tensor.untyped_storage().data_ptr(): name for name, tensor in free.items()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: torch would import its compiler, which takes seconds, to keep it out of a mode that never compiles."""
        return False

    def law_of(self, tensor: Tensor) -> Law:
        """What is known of a tensor; of one that was never met, by where it comes from."""
        law: Law | None = self.laws.get(tensor)
        if law is None:
            law = self._first_met(tensor)
            self.laws[tensor] = law
        return law

    def stays(self, tensor: Tensor) -> bool:
        """Whether nothing that turns has entered a tensor."""
        law = self.law_of(tensor)
        return self.given.get(tensor, False) or (isinstance(law, Fixed) and law.made_of is not None)

    def _first_met(self, tensor: Tensor) -> Law:
        name = self.free.get(id(tensor), "")
        if not name and tensor.numel() and tensor.device.type == "cpu":
            name = self.free_memory.get(tensor.untyped_storage().data_ptr(), "")  # by .data, past the dispatcher
        if name:
            return Fixed(distinct(tensor.shape), frozenset([name]))
        for other, law in list(self.laws.items()):
            if not isinstance(law, Fixed) and share_memory(tensor, other):
                same = geometry(tensor) == geometry(other)
                return law if same else Lost("memory of another tensor, reached by a way that was not traced")
        self.trace.log.append(f"constant {tuple(tensor.shape)} {digest_of(tensor)}")
        constant = self.frozen.get(id(tensor))
        return Fixed(by_value(tensor), frozenset([constant] if constant else []))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.inside is not None or self.paused:
            return func(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            operands = list(tensors_in((args, kwargs)))
            name = name_of(func)
            before = [self.law_of(t) for t in operands]
            added = zip(operands, before, strict=True) if name in ("add", "add_") else ()
            self.zeros = [t for t, law in added if is_zero(t, law)]  # before one of them is written
            written = [t for t, a in written_by(func, args, kwargs) if a]
            stay = any(self.given.get(t) for t in operands) and all(self.stays(t) for t in operands)
            out = func(*args, **kwargs)
            if READS & set(func.tags) or name == "_local_scalar_dense":
                # Of an index only a mask decides about shapes; whole numbers don't.
                read = operands if name != "index" else [t for t in tensors_in(args[1]) if t.dtype in MASKS]
                self.number_read(read, "a number was read (item(), float(), if, range, nonzero, torch.equal)")
            if name in EXCHANGES:
                self.fault(f"{name} exchanged the memory of a tensor")
            laws = self._laws(func, name, args, kwargs, out, before, bool(written))
            for tensor, law in zip(tensors_in(out), laws, strict=True):
                if not any(tensor is w for w in written):
                    self.laws[tensor] = law
            for tensor in written:
                returned = (law for law, o in zip(laws, tensors_in(out), strict=True) if o is tensor)
                self._write(tensor, next(returned, Lost(f"written by {name}")))
            for tensor in (*tensors_in(out), *written):
                self.given[tensor] = stay
            if self.culprits is not None:
                self.culprits.follow(name, operands, [*tensors_in(out), *written])
        return out

    def _made_of(self, name: str, before: list[Law]) -> frozenset[str] | None:
        """Names of the weights and constants that a result is made of; None if anything else is in it."""
        if drawn_at_random(name) or "empty" in name:
            return None
        if of_shape_alone(name):
            return frozenset()
        found = [law.made_of if isinstance(law, Fixed) else None for law in before]
        return None if None in found else frozenset().union(*found)  # type: ignore[arg-type]

    def number_read(self, operands: list[Tensor], how: str) -> None:
        """Numbers became Python's, or decided about shapes: of weights and labels harmless, at their values at hand."""
        for tensor in operands:
            if unmoved(self.law_of(tensor), self.elements) is not None:
                self.fault(f"{how} out of a tensor that is not invariant")
            elif not self.stays(tensor):
                self.fault(f"{how} that depends on the input: what follows for other inputs was not seen")
            else:
                if self.given.get(tensor):
                    self.trace.apart.add(OTHER_VALUES)
                if tensor.is_floating_point():
                    self.trace.at_hand.add(f"{how} in {self.place}")

    @property
    def place(self) -> str:
        """Path of the module that is running."""
        return (self.stack[-1] if self.stack else "") or "the network itself"

    def _laws(
        self, func: Any, name: str, args: Any, kwargs: Any, out: Any, before: list[Law], in_place: bool
    ) -> list[Law]:
        results = list(tensors_in(out))
        invariant = all(isinstance(law, Fixed) for law in before)
        numbers = [a for a in (*args, *kwargs.values()) if isinstance(a, int | float | bool | str)]
        self.trace.log.append(f"{name} {[tuple(r.shape) for r in results]} {numbers}")
        if drawn_at_random(name):
            self.trace.drawn += [(self.stack[-1] if self.stack else "", tuple(r.shape)) for r in results]
        made_of = self._made_of(name, before[1:] if in_place and name in ("copy_", "fill_", "zero_") else before)
        if torch.Tag.nondeterministic_seeded in func.tags:
            made_of = None
        if made_of is not None and made_of.isdisjoint(self.free.values()):
            return [Fixed(by_value(r), made_of) for r in results]
        if not before:
            return [Fixed(distinct(r.shape)) for r in results]
        call = Operation(func, args, kwargs, out, self.law_of, self.elements, self.spell)
        call.stays, call.zeros = self.stays, self.zeros
        if in_place and call.name in ("copy", "fill", "zero", "squeeze", "unsqueeze", "transpose", "t"):
            found: Law | tuple[Law, ...] = self._overwritten(call, args)
        else:
            try:
                found = law_of_result(call)
            except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
                found = Lost(f"{call.name}, called as the proof does not know it ({type(error).__name__})")
        laws = list(found) if isinstance(found, tuple) else [found] * len(results)
        if invariant and any(isinstance(law, Lost) for law in laws):
            return [Fixed(distinct(r.shape), made_of) for r in results]
        laws = [replace(law, made_of=made_of) if isinstance(law, Fixed) else law for law in laws]
        if not invariant:
            self.trace.operations.add(call.name)
            self._note_values(args, kwargs)
        if not all(isinstance(law, Lost) for law in laws):
            self._note_use(call)
        if call.name in CONVOLUTIONS and not any(isinstance(law, Lost) for law in laws):
            self.trace.at_hand.add(f"filters of a convolution in {self.place}")
        first = next((law for law in before if isinstance(law, Lost)), None)
        return [
            first if first is not None and isinstance(law, Lost) else self._placed(law, self.place)
            for law in laws[: len(results)]
        ]

    def _note_values(self, args: Any, kwargs: Any) -> None:
        """Remember which constants of the network met a tensor that turns: their values are part of the proof."""
        for tensor in tensors_in((args, kwargs)):
            law = self.law_of(tensor)
            made_of = law.made_of or frozenset() if isinstance(law, Fixed) else frozenset()
            if made_of.isdisjoint(self.free.values()) and tensor.is_floating_point() and not is_uniform(law):
                self.trace.by_value |= made_of

    def _note_use(self, call: Operation) -> None:
        """Remember whose values a law rests on, and up to which bound it holds."""
        names = self._names_in(call.values)
        of_weights = not names.isdisjoint(self.free.values())
        if not self._names_in(call.chosen).isdisjoint(self.free.values()):
            self.trace.at_hand.add(f"positions for {call.name} in {self.place}")
        if any(self.given.get(tensor) for tensor in call.chosen):
            self.trace.apart.add(OTHER_VALUES)
        if of_weights and call.name not in CONVOLUTIONS:
            self.trace.at_hand.add(f"coefficients of {call.name} in {self.place}")
        self.trace.by_value |= (names | self._names_in(call.numbers)).intersection(self.frozen.values())
        if call.bound:
            self.trace.bounds.append((self.stack[-1] if self.stack else "", call.bound, of_weights))

    def _names_in(self, operands: list[Tensor]) -> frozenset[str]:
        """Names of the weights and constants that operands are made of."""
        laws = map(self.law_of, operands)
        return frozenset().union(*(law.made_of or () for law in laws if isinstance(law, Fixed)))

    def _overwritten(self, call: Operation, args: Any) -> Law:
        """The law of a tensor that gets the entries of another, or one number."""
        value = args[1] if len(args) > 1 else None
        if call.name in ("copy", "fill") and isinstance(value, Tensor):
            signs = "product" if args[0].is_floating_point() else "general"  # a truth value has no sign
            return combined([self.law_of(value)], [value.shape], args[0].shape, signs, self.elements)
        if call.name in ("fill", "zero"):
            return Fixed(torch.zeros(args[0].shape, dtype=torch.int64))
        return Lost(f"{call.name}_ in place")

    @staticmethod
    def _placed(law: Law, place: str) -> Law:
        return replace(law, place=place) if isinstance(law, Lost) and not law.place else law

    def _write(self, tensor: Tensor, law: Law) -> None:
        """A tensor was changed in place: whatever shares its memory has changed too.

        A view with the same places has the new law. Of another one, entries at places that were written get the new
        ids, the rest keep theirs, over one table of both laws' atoms.
        """
        self.spell.forget(tensor)
        if overlaps_itself(tensor):
            law = Lost("a view whose entries overlap was written to")
        for other, old in list(self.laws.items()):
            if other is tensor or not share_memory(tensor, other):
                continue
            self.spell.forget(other)
            self.given[other] = False
            if geometry(tensor) == geometry(other):
                self.laws[other] = law
            elif tensor.dtype != other.dtype:
                self.laws[other] = Lost("its memory was written to as numbers of another type")
            else:
                pair = [self.spell(old, other), self.spell(law, tensor)]
                found = overwritten(pair[0], places(other), pair[1], places(tensor))
                if isinstance(found, Fixed):
                    found = replace(found, made_of=self._made_of("", pair))
                self.laws[other] = found
        self.laws[tensor] = law

    def fault(self, reason: str) -> None:
        """Something stands against the composition here."""
        self.trace.faults.append((self.stack[-1] if self.stack else "", reason))
