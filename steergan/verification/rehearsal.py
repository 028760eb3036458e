"""Trying a module out: how it is called, at which sizes it runs, which fields it makes of its input, why it fails."""

import os
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SubjectError
from steergan.verification.inputs import Arguments, leaves, refilled
from steergan.verification.measured.forward import Runner
from steergan.verification.subject import (
    BATCH,
    Size,
    Subject,
    TypedTensors,
    in_one_line,
    random_input,
    size_words,
    twin_of,
)
from steergan.verification.surroundings import in_mode

TRIED = ((29, 28), (33, 32), (17, 16), (9, 8), (65, 64), (15, 12), (13, 10), (7, 6), (5, 4), (25, 24), (3, 2), (1, 1))
"""Sides, odd and even, that are tried on a network whose size nobody said."""


def twin_at_rest(module: nn.Module) -> nn.Module:
    """A copy in float32 and evaluation mode."""
    return in_mode(twin_of(module).float(), training=False)


def result_at(subject: Subject, size: Size, network: nn.Module | None = None) -> TypedTensors:
    """A result in evaluation mode.

    Args:
        subject: how the network is called.
        size: (H, W) of the input.
        network: a copy, if there is one.

    Raises:
        SubjectError: the network can't be run at this size.
    """
    x = random_input(subject, size, 0, torch.float32)
    try:
        return Runner(subject, network or twin_at_rest(subject.module))(x)
    except Exception as error:
        raise cannot_be_run(subject, size, error) from error


def cannot_be_run(subject: Subject, size: Size, error: Exception, mode: str = "") -> SubjectError:
    """What is said of a network that fails on its input, in the mode that was asked for."""
    where = f"{size_words([size])}, {mode} mode" if mode else size_words([size])
    return SubjectError(f"{subject.name} can't be run at {where}: {failure_words(error)}, fed {fed(subject, size)}")


def fed(subject: Subject, size: Size) -> str:
    """What the network was called with, in words."""
    first = (BATCH, subject.in_type.size, *size)
    shapes = [first, *(tuple(other.shape) for other in subject.at(size).inputs)]
    call = subject.call
    wrapped = call.wrapped if isinstance(call, Arguments) else ()
    kinds = [" as a GeometricTensor" if kind is not None else "" for kind in wrapped]
    words = [f"{shape}{kind}" for shape, kind in zip(shapes, [*kinds, *[""] * len(shapes)], strict=False)]
    form = "" if not isinstance(call, Arguments) else form_words(call.form)
    return f"{' and '.join(words)}{form}"


def form_words(form: tuple[Any, ...]) -> str:
    """How inputs were put together, where they were."""
    return next((f" in a {type(part).__name__}" for part in form if isinstance(part, list | dict)), "")


def failure_words(error: BaseException) -> str:
    """An exception: its type, what it says, and the line of the user's code where it came up."""
    said = in_one_line(error)
    name = type(error).__name__
    words = said if said.startswith(name) else f"{name}: {said}"
    place = place_of(error)
    return f"{words} ({place})" if place else words


def place_of(error: BaseException) -> str:
    """File and line of the last frame that is neither torch's, escnn's nor ours; empty if there is none."""
    own = own_frames(error)
    return f"{own[-1].filename.replace(os.sep, '/').rpartition('/')[2]}:{own[-1].lineno}" if own else ""


def own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Where an exception passed through the user's code."""
    foreign = ("site-packages", "/steergan/verification/", "/steergan/run/", "importlib", "<frozen")
    frames = traceback.extract_tb(error.__traceback__)
    return [f for f in frames if not any(part in f.filename.replace(os.sep, "/") for part in foreign)]


def how_far(error: BaseException) -> tuple[int, int]:
    """How far a forward came: calls deep in the user's code, and the line of the last."""
    own = own_frames(error)
    return len(own), (own[-1].lineno or 0) if own else 0


# --- sizes


def accepted_sizes(subject: Subject, network: nn.Module | None = None) -> tuple[Size, ...]:
    """One odd and one even side that the module takes; one only where it takes no other.

    Raises:
        SubjectError: it takes none of those that are tried.
    """
    network = network or twin_at_rest(subject.module)
    last: SubjectError | None = None
    found: dict[int, Size] = {}
    for sides in TRIED:
        for side in sides:
            if side % 2 in found:
                continue
            try:
                result_at(subject, (side, side), network)
                found[side % 2] = (side, side)
            except SubjectError as error:
                last = error
        if len(found) == 2:
            break
    if not found:
        tried = ", ".join(str(side) for sides in TRIED for side in sides)
        raise SubjectError(
            f"{subject.name} ran at none of the sides that were tried ({tried}); the last failure was: {last}. "
            "Say which with --sizes or sizes=, or return a Subject, if it takes more than an image"
        ) from last
    return tuple(found.values())


# --- how it is called


@dataclass(frozen=True)
class Inputs:
    """What is known of a module's inputs.

    Attributes:
        form: the tuple of its arguments, leaves standing for inputs.
        types: of each input; None: the group leaves it alone.
        values: of each input but the first; None where only the type is known.
        fields: whether inputs were given as geometric tensors, so that nothing else is tried.
    """

    form: tuple[Any, ...]
    types: tuple[FieldType | None, ...]
    values: tuple[Tensor | None, ...]
    fields: tuple[bool, ...]

    @property
    def first(self) -> FieldType:
        """The type of the map that is the first input."""
        assert self.types[0] is not None
        return self.types[0]


def inputs_of(in_type: Any, others: tuple[Any, ...]) -> Inputs:
    """What `in_type` and `others`, as people give them, say of a module's inputs.

    Args:
        in_type: a field type; or several in a tuple, for as many arguments, in a list or a dict, for one argument that
            holds as many inputs.
        others: further arguments: tensors, geometric tensors, or lists and dicts of them. Where `in_type` says more
            than one type they are the values of those inputs, in order, None where they are to be drawn, and then
            further arguments.

    Raises:
        SubjectError: the first input has no field type, or something is no input.
    """
    several = isinstance(in_type, tuple | list | dict)
    given = list(leaves(in_type)) if several else [in_type]
    if not given or not all(kind is None or isinstance(kind, FieldType) for kind in given) or given[0] is None:
        raise SubjectError(
            f"in_type {in_type!r:.60}: a FieldType was wanted, or several in a tuple, list or dict, the first for a map"
        )
    rest = list(leaves(others))
    for value in rest:
        if value is not None and not isinstance(value, Tensor | GeometricTensor):
            raise SubjectError(f"others holds a {type(value).__name__}; tensors of batch size {BATCH} were wanted")
    named, more = rest[: len(given) - 1], rest[len(given) - 1 :]
    values: list[Any] = [*named, *[None] * (len(given) - 1 - len(named)), *more]
    types = [*given, *[None] * len(more)]
    for position, value in enumerate(values):
        if isinstance(value, GeometricTensor):
            types[position + 1] = value.type
        elif value is None and types[position + 1] is None:
            raise SubjectError(f"input {position + 1} has no field type; give its values in others=")
    fields = (False, *(isinstance(value, GeometricTensor) for value in values))
    tensors = tuple(value.tensor if isinstance(value, GeometricTensor) else value for value in values)
    count = iter(range(len(types)))
    first: Any = refilled(in_type, count) if several else next(count)
    form = tuple(first) if isinstance(in_type, tuple) else (first,)
    form += refilled(others, count) if len(given) == 1 else tuple(count)
    return Inputs(form, tuple(types), tensors, fields)


def ways_to_call(known: Inputs, takes_fields: bool) -> Iterator[tuple[Arguments, tuple[Tensor | None, ...]]]:
    """Calls that are worth a try, the likely ones first, each with the other inputs."""
    turning = [position for position, kind in enumerate(known.types) if kind is not None]
    free = [p for p in turning if p > 0 and known.values[p - 1] is None]
    drawn = [known.values]
    if free:
        stream = torch.Generator().manual_seed(1)
        kinds = [known.types[p] for p in range(1, len(known.types))]
        vectors = [
            torch.randn(BATCH, kind.size, generator=stream) if value is None and kind is not None else value
            for kind, value in zip(kinds, known.values, strict=True)
        ]
        drawn.append(tuple(vectors))
    plain = tuple(kind if known.fields[p] else None for p, kind in enumerate(known.types))
    forms: list[tuple[Any, ...]] = [known.form]
    if known.form[0] == 0:
        forms.append(([0], *known.form[1:]))
    for form in forms:
        for wrapped in (known.types, plain) if takes_fields else (plain, known.types):
            for values in drawn:
                yield Arguments(form, wrapped), values


def call_that_works(
    subject: Subject, known: Inputs, sizes: Sequence[Size] | None, network: nn.Module
) -> tuple[Subject, tuple[Size, ...]]:
    """A subject with a call that its module takes, and the sizes: those given, or those that it accepts.

    Raises:
        SubjectError: no call is taken; it says what the one said that came furthest.
    """
    furthest: tuple[tuple[int, int], SubjectError] | None = None
    for call, values in ways_to_call(known, isinstance(subject.module, EquivariantModule)):
        candidate = replace(subject, call=call, others=values, other_types=known.types[1:])
        try:
            if sizes is not None:
                result_at(candidate, sizes[0], network)
                return candidate, tuple(sizes)
            return candidate, accepted_sizes(candidate, network)
        except SubjectError as error:
            reached = how_far(deepest(error))
            if furthest is None or reached > furthest[0]:
                furthest = reached, error
    assert furthest is not None
    raise furthest[1]


def deepest(error: BaseException) -> BaseException:
    """What an exception was raised from, first of all."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
