"""Follows a network's forward, layer by layer and operation by operation, with the law of every tensor.

Certified layers are taken as a whole; whatever else runs is followed through torch's dispatcher, below Python, so that
no operation on a tensor passes unseen.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import torch
from escnn.nn import EquivariantModule, GeometricTensor
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from steergan.verification.calculus import combined, overwritten
from steergan.verification.elements import Matrix
from steergan.verification.laws import (
    Fields,
    Fixed,
    Law,
    Lost,
    by_value,
    distinct,
    is_uniform,
    mismatch,
    unmoved,
    written_out,
)
from steergan.verification.memory import digest_of, geometry, places, share_memory, size_words, tensors_in, written_by
from steergan.verification.operations import Operation
from steergan.verification.records import exact, unknown
from steergan.verification.registry import Situation, certifier_of, tampering
from steergan.verification.rules import law_of_result
from steergan.verification.subject import Subject, tensors_of
from steergan.verification.trace import Step, Trace, type_words

LEAKS = {
    *("numpy", "tolist", "__array__", "data_ptr", "untyped_storage", "storage", "__dlpack__", "apply_", "map_"),
    *("map2_", "__reduce_ex__", "share_memory_", "to_mkldnn", "__cuda_array_interface__"),
}
"""Ways for numbers to leave a tensor that the dispatcher does not see."""

RANDOM = ("rand", "normal", "bernoulli", "multinomial", "uniform", "dropout", "exponential")


class Reached(Exception):
    """The submodule that the claim is about has put out its result."""


class Walk(TorchDispatchMode):
    """One forward of a copy of a network.

    Args:
        network: the copy; hooks are put on it and taken off again.
        elements: that are claimed.
        moving: names of buffers that training moves: free numbers, like weights.
        faults: of layers (path -> reason) that may not be taken as certified: hooks, patches.
    """

    def __init__(
        self, network: nn.Module, elements: tuple[Matrix, ...], moving: set[str], faults: dict[str, str], upto: str
    ) -> None:
        super().__init__()
        self.network, self.elements, self.faults, self.upto = network, elements, faults, upto
        self.laws = WeakTensorKeyDictionary()
        self.trace = Trace()
        self.stack: list[str] = []
        self.steps_before: list[int] = []
        self.inside: str | None = None
        self.paused = False
        self.free = {id(p): name for name, p in network.named_parameters() if p.requires_grad}
        self.frozen = {id(p): name for name, p in network.named_parameters() if not p.requires_grad}
        for name, buffer in network.named_buffers():
            (self.free if name in moving else self.frozen)[id(buffer)] = name

    # --- laws of tensors

    def law_of(self, tensor: Tensor) -> Law:
        """What is known of a tensor; of one that was never met, by where it comes from."""
        law: Law | None = self.laws.get(tensor)
        if law is None:
            law = self._first_met(tensor)
            self.laws[tensor] = law
        return law

    def _first_met(self, tensor: Tensor) -> Law:
        if id(tensor) in self.free:
            return Fixed(distinct(tensor.shape))
        for other, law in list(self.laws.items()):
            if not isinstance(law, Fixed) and share_memory(tensor, other):
                same = geometry(tensor) == geometry(other)
                return law if same else Lost("memory of another tensor, reached by a way that was not traced")
        self.trace.log.append(f"constant {tuple(tensor.shape)} {digest_of(tensor)}")
        return Fixed(by_value(tensor))

    # --- operations

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.inside is not None or self.paused:
            return func(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            operands = list(tensors_in((args, kwargs)))
            name = func.overloadpacket.__name__
            before = [self.law_of(t) for t in operands]
            written = [t for t, a in written_by(func, args, kwargs) if a]
            out = func(*args, **kwargs)
            if name == "_local_scalar_dense":
                self._number_read(before)
                return out
            laws = self._laws(func, name, args, kwargs, out, before, bool(written))
            for tensor, law in zip(tensors_in(out), laws, strict=True):
                if not any(tensor is w for w in written):
                    self.laws[tensor] = law
            for tensor in written:
                returned = any(tensor is o for o in tensors_in(out))
                self._write(tensor, laws[0] if returned else Lost(f"written by {name}"))
        return out

    def _number_read(self, before: list[Law]) -> None:
        if any(unmoved(law, self.elements) is not None for law in before):
            self.fault("a number was read out of a tensor that is not invariant (item(), float(), if, range)")

    def _laws(
        self, func: Any, name: str, args: Any, kwargs: Any, out: Any, before: list[Law], in_place: bool
    ) -> list[Law]:
        results = list(tensors_in(out))
        invariant = all(isinstance(law, Fixed) for law in before)
        self.trace.log.append(f"{name} {[tuple(r.shape) for r in results]}")
        random = any(word in name for word in RANDOM)
        self.trace.random |= random
        if not before:
            free = random or "empty" in name
            return [Fixed(distinct(r.shape) if free else by_value(r)) for r in results]
        call = Operation(func, args, kwargs, out, self.law_of, self.elements)
        if in_place and call.name in ("copy", "fill", "zero", "squeeze", "unsqueeze", "transpose", "t"):
            found: Law | tuple[Law, ...] = self._overwritten(call, args)
        else:
            found = law_of_result(call)
        laws = list(found) if isinstance(found, tuple) else [found] * len(results)
        if invariant and any(isinstance(law, Lost) for law in laws):
            return [Fixed(distinct(r.shape)) for r in results]
        place = (self.stack[-1] if self.stack else "") or "the network itself"
        if not invariant:
            self.trace.operations[call.name] += 1
            self._note_values(args, kwargs)
        if call.name == "convolution" and not any(isinstance(law, Lost) for law in laws):
            self.trace.by_value.add(f"filters in {place}")
        first = next((law for law in before if isinstance(law, Lost)), None)
        return [
            first if first is not None and isinstance(law, Lost) else self._placed(law, place)
            for law in laws[: len(results)]
        ]

    def _note_values(self, args: Any, kwargs: Any) -> None:
        """Remember which constants of the network met a tensor that turns: their values are part of the proof."""
        for tensor in tensors_in((args, kwargs)):
            if id(tensor) in self.frozen and tensor.is_floating_point() and not is_uniform(self.law_of(tensor)):
                self.trace.by_value.add(self.frozen[id(tensor)])

    def _overwritten(self, call: Operation, args: Any) -> Law:
        if call.name == "copy":
            return combined([self.law_of(args[1])], [args[1].shape], args[0].shape, "product", self.elements)
        if call.name in ("fill", "zero"):
            return Fixed(torch.zeros(args[0].shape, dtype=torch.int64))
        return Lost(f"{call.name}_ in place")

    @staticmethod
    def _placed(law: Law, place: str) -> Law:
        if isinstance(law, Lost) and " (in " not in law.reason:
            return Lost(f"{law.reason} (in {place})")
        return law

    def _write(self, tensor: Tensor, law: Law) -> None:
        """A tensor was changed in place: whatever shares its memory has changed too."""
        for other, old in list(self.laws.items()):
            if other is tensor or not share_memory(tensor, other):
                continue
            if geometry(tensor) == geometry(other):
                self.laws[other] = law
            else:
                pair = [self._written_out(old, other), self._written_out(law, tensor)]
                self.laws[other] = overwritten(pair[0], places(other), pair[1], places(tensor))
        self.laws[tensor] = law

    def _written_out(self, law: Law, tensor: Tensor) -> Law:
        return written_out(law, tensor.shape, self.elements) if isinstance(law, Fields) else law

    def fault(self, reason: str) -> None:
        """Something stands against the composition here."""
        self.trace.faults.append((self.stack[-1] if self.stack else "", reason))

    # --- layers

    def enter(self, path: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a module's forward."""
        self.stack.append(path)
        self.steps_before.append(len(self.trace.steps))
        if self.inside is not None or not args or not isinstance(args[0], GeometricTensor):
            return
        if certifier_of(module) is None or path in self.faults:
            return
        x = args[0]
        found = mismatch(self.law_of(x.tensor), x.type, x.tensor.shape, self.elements)
        if found is not None:
            self.fault(f"its input is not what the field type {type_words(x.type)} says: {found}")
        for tensor in tensors_in((args[1:], kwargs)):
            found = unmoved(self.law_of(tensor), self.elements)
            if found is not None:
                self.fault(f"it is conditioned on what is not invariant: {found}")
        self.inside = path

    def leave(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After it."""
        self.stack.pop()
        first = self.steps_before.pop()
        if self.inside == path:
            self.inside = None
            self._certify(path, module, args, output)
        elif self.inside is None and (path in self.faults or isinstance(output, GeometricTensor)):
            self._follow(path, module, args, output, first)
        if self.inside is None and path == self.upto and self.upto:
            self.trace.result = tensors_of(output)
            raise Reached

    def _certify(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Take a certified layer's word for now; its certificate is made after the walk."""
        x: GeometricTensor = args[0]
        others = tuple(t.detach().clone() for t in tensors_in(args[1:]))
        at = Situation(self.elements, tuple(x.tensor.shape), tuple(output.tensor.shape), others, module.training)
        types = f"{type_words(x.type)} -> {type_words(output.type)}"
        size = f"{size_words(x.tensor)} -> {size_words(output.tensor)}"
        self.trace.steps.append(Step(path, type(module).__name__, types, size, (), module, at))
        if output.type != module.out_type:
            self.trace.faults.append((path, f"its result is of type {output.type}, not its out_type"))
        self.laws[output.tensor] = Fields(output.type)

    def _follow(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any, first: int) -> None:
        """Judge a module that was followed operation by operation, and go on as if it were right."""
        typed = [value for value in (*args[:1], output) if isinstance(value, GeometricTensor)]
        finding, leaf = None, first == len(self.trace.steps)
        if path in self.faults:
            finding = unknown(f"{self.faults[path]}; so nothing is taken for granted of it")
        elif typed and typed[-1] is output:
            found = mismatch(self.law_of(output.tensor), output.type, output.tensor.shape, self.elements)
            came = args and isinstance(args[0], GeometricTensor) and self.law_of(args[0].tensor)
            if found is not None and not isinstance(came, Lost):
                finding = unknown(f"followed operation by operation: {found}")
            elif found is None and leaf and isinstance(module, EquivariantModule):
                finding = exact("followed operation by operation: every entry goes where the field types say")
        if finding is None:
            return
        types = " -> ".join(type_words(value.type) for value in typed)
        size = " -> ".join(size_words(value.tensor) for value in typed)
        self.trace.steps.append(Step(path, type(module).__name__, types, size, (finding,)))
        if isinstance(output, GeometricTensor):
            self.laws[output.tensor] = Fields(output.type)

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Inside, operations are the walk's own."""
        self.paused = True
        try:
            yield
        finally:
            self.paused = False

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """Inside, the network's modules announce themselves."""
        handles = []
        for path, module in self.network.named_modules():

            def before(module: nn.Module, args: Any, kwargs: Any, path: str = path) -> None:
                with self.unwatched():
                    self.enter(path, module, args, kwargs)

            def after(module: nn.Module, args: Any, kwargs: Any, output: Any, path: str = path) -> None:
                with self.unwatched():
                    self.leave(path, module, args, output)

            handles.append(module.register_forward_pre_hook(before, with_kwargs=True, prepend=True))
            handles.append(module.register_forward_hook(after, with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class LeakWatch(TorchFunctionMode):
    """Notices numbers that leave a tensor behind the dispatcher's back."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if self.walk.inside is None and not self.walk.paused and name in LEAKS:
            for tensor in tensors_in(args):
                if unmoved(self.walk.law_of(tensor), self.walk.elements) is not None:
                    self.walk.fault(f"{name}() took the numbers of a tensor that is not invariant out of torch's sight")
        return func(*args, **(kwargs or {}))


def walk(
    subject: Subject,
    network: nn.Module,
    x: Tensor,
    elements: tuple[Matrix, ...],
    moving: set[str],
    *,
    certify: bool = True,
) -> Trace:
    """Follow one forward of `network`, a copy of the subject's module, on x, and judge the result.

    Args:
        subject: what is claimed, and how the network is called.
        network: in the mode that is to be followed.
        x: (B, C, H, W).
        elements: that are claimed.
        moving: names of buffers that training moves.
        certify: make the certificates of layers; without, their findings stay empty.
    """
    faults = {path: found for path, part in network.named_modules() if (found := tampering(part)) is not None}
    tour = Walk(network, elements, moving, faults, subject.upto)
    tour.laws[x] = Fields(subject.in_type)
    for other in subject.others:
        tour.laws[other] = Fixed(distinct(other.shape))
    with torch.no_grad(), tour.hooked(), LeakWatch(tour), tour, suppress(Reached):
        tour.trace.result = tensors_of(subject(network, x))
    tour.stack.clear()
    if certify:
        tour.trace.steps = [certified(step) for step in tour.trace.steps]
    judge(subject, tour)
    return tour.trace


def certified(step: Step) -> Step:
    """A step with the findings of its layer's certificate."""
    if step.module is None or step.at is None:
        return step
    certifier = certifier_of(step.module)
    assert certifier is not None
    return replace(step, findings=tuple(certifier(step.module, step.at)), module=None, at=None)


def judge(subject: Subject, tour: Walk) -> None:
    """Compare the laws of the results with the claim."""
    for tensor, own_type in tour.trace.result:
        law = tour.law_of(tensor)
        wanted = subject.out_type if subject.out_type is not None else own_type
        if subject.claim == "invariant" and own_type is None:
            found = unmoved(law, tour.elements)
        elif wanted is None:
            found = "the result has no field type; say out_type"
        else:
            found = mismatch(law, wanted, tensor.shape, tour.elements)
        if found is not None:
            tour.trace.faults.append(("result", str(found)))


def walk_layer(
    layer: nn.Module, x: GeometricTensor, others: tuple[Tensor, ...], elements: tuple[Matrix, ...]
) -> list[str]:
    """What stands against one layer when its operations are followed; the layer is not taken for certified."""
    moving = {name for name, buffer in layer.named_buffers() if buffer.is_floating_point()}
    tour = Walk(layer, elements, moving, {}, "")
    tour.laws[x.tensor] = Fields(x.type)
    for other in others:
        tour.laws[other] = Fixed(distinct(other.shape))
    with torch.no_grad(), tour:
        output = layer(x, *others)
    found = mismatch(tour.law_of(output.tensor), output.type, output.tensor.shape, elements)
    faults = [reason for _, reason in tour.trace.faults]
    return faults if found is None else [*faults, str(found)]
