"""Follows a network's forward, layer by layer and operation by operation, and compares laws with field types.

Certified layers are taken as a whole; whatever else runs is followed below Python, so that no operation on a tensor
passes unseen.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.verification.elements import Matrix
from steergan.verification.laws.culprits import Culprits
from steergan.verification.laws.law import Fields, Fixed, Law, Lost, as_map, distinct, mismatch, unmoved, written_out
from steergan.verification.laws.leaks import LeakWatch
from steergan.verification.laws.memory import map_size, tensors_in
from steergan.verification.laws.trace import LayerCall, Trace, type_words
from steergan.verification.laws.tracking import Tracking
from steergan.verification.records import unknown
from steergan.verification.registry import Situation, apart_of, certifier_of, tampering
from steergan.verification.subject import Subject, tensors_of


class Walk(Tracking):
    """One forward of a copy of a network.

    Args:
        network: the copy; hooks are put on it and taken off again.
        elements: that are claimed.
        moving: names of buffers that training moves.
        faults: of layers (path -> reason) that may not be taken as certified: hooks, patches.
    """

    def __init__(
        self, network: nn.Module, elements: tuple[Matrix, ...], moving: set[str], faults: dict[str, str]
    ) -> None:
        super().__init__(network, elements, moving)
        self.network, self.faults = network, faults
        self.calls_before: list[int] = []
        self.version = 0

    def enter(self, path: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a module's forward."""
        self.stack.append(path)
        self.calls_before.append(len(self.trace.calls))
        if self.inside is not None or not args or not isinstance(args[0], GeometricTensor):
            return
        if certifier_of(module) is None or path in self.faults:
            return
        x = args[0]
        found = mismatch(self.law_of(x.tensor), x.type, x.tensor.shape, self.elements)
        if found is not None:
            since = self.since(x.tensor)
            self.fault(f"its input is not what the field type {type_words(x.type)} says{since}: {found}")
        for tensor in tensors_in((args[1:], kwargs)):
            found = unmoved(self.law_of(tensor), self.elements)
            if found is not None:
                self.fault(f"it is conditioned on what is not invariant: {found}")
        self.inside, self.version = path, x.tensor._version

    def leave(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After it; `output` is None where it raised an error, from which the network may go on."""
        self.stack.pop()
        first = self.calls_before.pop()
        if self.inside == path:
            self.inside = None
            if output is not None:
                self._certify(path, module, args, output)
        elif self.inside is None and (path in self.faults or isinstance(output, GeometricTensor)):
            self._follow(path, module, args, output, first)

    def _certify(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Take a certified layer's word for now; its certificate is made after the walk."""
        x: GeometricTensor = args[0]
        others = tuple(t.detach().clone() for t in tensors_in(args[1:]))
        at = Situation(self.elements, tuple(x.tensor.shape), tuple(output.tensor.shape), others, module.training)
        types = f"{type_words(x.type)} -> {type_words(output.type)}"
        sizes = (map_size(x.tensor), map_size(output.tensor))
        self.trace.calls.append(LayerCall(path, type(module).__name__, types, sizes, (), module, at))
        if apart_of(module):
            self.trace.apart.add(apart_of(module))
        if output.type != module.out_type:
            self.trace.faults.append((path, f"its result is of type {output.type}, not its out_type"))
        if x.tensor._version != self.version:
            self._write(x.tensor, Fields(output.type) if output.tensor is x.tensor else Lost(f"written by {path}"))
        self.laws[output.tensor] = Fields(output.type)

    def _follow(self, path: str, module: nn.Module, args: tuple[Any, ...], output: Any, first: int) -> None:
        """Judge a module that was followed operation by operation, and go on as if it were right."""
        typed = [
            value for value in (*args[:1], output)
            if isinstance(value, GeometricTensor) and value.tensor.dim() == 4  # not vectors
        ]  # fmt: skip
        finding, leaf = None, first == len(self.trace.calls)
        if path in self.faults:
            finding = unknown(f"{self.faults[path]}; so nothing is taken for granted of it")
        elif typed and typed[-1] is output:
            found = mismatch(self.law_of(output.tensor), output.type, output.tensor.shape, self.elements)
            came = args and isinstance(args[0], GeometricTensor) and self.law_of(args[0].tensor)
            if found is not None and not isinstance(came, Lost):
                draws = self.trace.draws(path) if leaf else ""
                way = f"it draws {draws}, and one draw does not turn with the input" if draws else ""
                said = str(found).removeprefix(f"in {path}: ")
                finding = unknown(way or f"followed operation by operation{self.since(output.tensor)}: {said}")
            elif found is None and leaf and isinstance(module, EquivariantModule):
                argument = "followed operation by operation: every entry goes where the field types say"
                finding = self.trace.bounded(path, argument)
        if finding is None:
            return
        types = " -> ".join(type_words(value.type) for value in typed)
        sizes = tuple(map_size(value.tensor) for value in typed)
        self.trace.calls.append(LayerCall(path, type(module).__name__, types, sizes, (finding,)))
        if typed and typed[-1] is output:
            self.laws[output.tensor] = Fields(output.type)

    def since(self, tensor: Tensor) -> str:
        """After which operation a tensor is not of its type any more, where that is asked."""
        return "" if self.culprits is None else self.culprits.since(tensor)

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
            handles.append(module.register_forward_hook(after, with_kwargs=True, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


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
    subject = subject.at((x.shape[2], x.shape[3]))
    trace = followed(subject, Walk(network, elements, moving, faults), x)
    if certify and (trace.faults or any(f.kind == "unknown" for call in trace.calls for f in call.findings)):
        tour = Walk(network, elements, moving, faults)
        tour.culprits = Culprits(elements, tour.law_of)
        again = followed(subject, tour, x)
        if [path for path, _ in again.faults] == [path for path, _ in trace.faults]:
            trace.faults, trace.calls = again.faults, again.calls  # the same way, with names of operations
    if certify:
        trace.calls = [certified(call) for call in trace.calls]
    return trace


def followed(subject: Subject, tour: Walk, x: Tensor) -> Trace:
    """One forward, and what was seen; certificates of layers are still to be made."""
    tour.laws[x] = Fields(subject.in_type)
    for other, kind in subject.typed_others:
        if other is not None:
            fixed = kind is None
            tour.laws[other] = Fixed(distinct(other.shape)) if fixed else law_of_input(other, kind, tour.elements)
            if fixed:
                tour.given[other] = True
    before = other_random_numbers()
    with torch.no_grad(), tour.hooked(), LeakWatch(tour), tour:
        tour.trace.result = tensors_of(subject(tour.network, x))
    if any(now not in (then, FRESH) for now, then in zip(other_random_numbers(), before, strict=True)):
        tour.fault("random numbers of Python's or numpy's were drawn, by a way that was not traced; draw torch's")
    tour.stack.clear()
    judge(subject, tour)
    return tour.trace


FRESH = 624
"""Where the Mersenne Twister stands after it was seeded."""


def other_random_numbers() -> tuple[object, object]:
    """Where Python's and numpy's global random numbers stand among the 624 that are made at once."""
    numpys = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - the global ones are meant
    return random.getstate()[1][-1], numpys.get("pos", str(numpys))  # another generator has no place in 624


def certified(call: LayerCall) -> LayerCall:
    """A call with the findings of its layer's certificate."""
    if call.module is None or call.at is None:
        return call
    certifier = certifier_of(call.module)
    assert certifier is not None
    return replace(call, findings=tuple(certifier(call.module, call.at)), module=None, at=None)


def law_of_input(x: Tensor, field_type: FieldType, elements: tuple[Matrix, ...]) -> Law:
    """The law of a map or of vectors (B, C) of a field type."""
    if x.dim() == 4:
        return Fields(field_type)
    law = written_out(Fields(field_type), as_map(x.shape), elements)
    return law if isinstance(law, Lost) else replace(law, ids=law.ids.view(x.shape))


def judge(subject: Subject, tour: Walk) -> None:
    """Compare the laws of the results with the claim."""
    result = tour.trace.result
    for position, ((tensor, _), wanted) in enumerate(zip(result, subject.wanted(result), strict=True)):
        law = tour.law_of(tensor)
        if wanted is None:
            found = unmoved(law, tour.elements, tensor.shape)
        else:
            found = mismatch(law, wanted, as_map(tensor.shape), tour.elements)
        if isinstance(law, Lost) and law.place:
            tour.trace.faults.append((law.place, law.reason))
        elif found is not None:
            since = tour.since(tensor).removeprefix(", ")
            said = f"{since}: {found}" if since else str(found)
            tour.trace.faults.append((f"result {position}" if len(result) > 1 else "result", said))


def walk_maps(
    network: nn.Module,
    call: Callable[..., Tensor],
    maps: Sequence[GeometricTensor],
    wanted: FieldType,
    elements: tuple[Matrix, ...],
) -> list[str]:
    """What stands against a function of several maps when its operations are followed, none taken for certified.

    Args:
        network: whose parameters are free numbers.
        call: maps as tensors (B, C, H, W) -> the result (B, C', H', W').
        maps: what it is called with.
        wanted: the field type that the result is to have.
        elements: that are claimed.
    """
    tour = Walk(network, elements, set(), {})
    for x in maps:
        tour.laws[x.tensor] = Fields(x.type)
    with torch.no_grad(), tour:
        output = call(*(x.tensor for x in maps))
    found = mismatch(tour.law_of(output), wanted, output.shape, elements)
    return [reason for _, reason in tour.trace.faults] + ([] if found is None else [str(found)])


def walk_layer(
    layer: nn.Module, x: GeometricTensor, others: tuple[Tensor, ...], elements: tuple[Matrix, ...]
) -> list[str]:
    """What stands against one layer when its operations are followed; the layer is not taken for certified."""
    moving = {name for name, buffer in layer.named_buffers() if buffer.is_floating_point()}
    tour = Walk(layer, elements, moving, {})
    tour.laws[x.tensor] = Fields(x.type)
    for other in others:
        tour.laws[other], tour.given[other] = Fixed(distinct(other.shape)), True
    with torch.no_grad(), tour:
        output = layer(x, *others)
    found = mismatch(tour.law_of(output.tensor), output.type, output.tensor.shape, elements)
    faults = [reason for _, reason in tour.trace.faults]
    return faults if found is None else [*faults, str(found)]
