"""What is exported: a module, how it is called, and what its symmetry says of its inputs and outputs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from escnn.nn import EquivariantModule, FieldType
from torch import Tensor, nn

from steergan.copies import copied
from steergan.errors import SubjectError
from steergan.verification.claims import About, make_subject
from steergan.verification.elements import NAMES, Matrix, grid_elements, transform
from steergan.verification.measured.forward import Runner
from steergan.verification.subject import Size, Subject, random_input

Inputs = list[Tensor]


@dataclass(frozen=True)
class Motion:
    """A group element, as it moves what goes in and what comes out.

    Attributes:
        name: of the element.
        inputs: the inputs, moved.
        output: what the output has to become.
    """

    name: str
    inputs: Callable[[Inputs], Inputs]
    output: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Part:
    """A part of a run, or any model.

    Attributes:
        name: of it.
        module: whose weights they are; it is left as it is.
        call: (module, *inputs) -> result.
        names: of the inputs.
        output: what the result is called.
        examples: inputs for so many images, drawn by a seed, float32 where they are no whole numbers.
        motions: what the group does to it, where it permutes pixels.
        claim: what these motions claim, in words.
    """

    name: str
    module: nn.Module
    call: Callable[..., Any]
    names: tuple[str, ...]
    output: str
    examples: Callable[[int, int], Inputs]
    motions: tuple[Motion, ...] = ()
    claim: str = ""

    @property
    def stem(self) -> str:
        """What files of it are called, without ending."""
        return self.name.replace(" ", "-")


def part_of_subject(subject: Subject, size: Size) -> Part:
    """Any model, at one size."""
    others = subject.at(size).inputs

    def call(module: nn.Module, x: Tensor, *rest: Tensor) -> Any:
        return subject.call(module, x, rest) if subject.call is not None else run_typed(module, x, subject, rest)

    def examples(images: int, seed: int) -> Inputs:
        x = random_input(subject, size, seed, torch.float32, images)
        return [x, *(repeated(other, images) for other in others)]

    names = ("x", *(f"other{n}" for n in range(1, len(others) + 1)))
    kinds, shapes = ([], []) if subject.missing else of_result(subject, size)
    motions = typed_motions((subject.in_type, *subject.other_types), kinds, shapes) if kinds else ()
    claim = "f(g x) = f(x)" if all(kind is None for kind in kinds) else "f(g x) = g f(x)"
    return Part(subject.name, subject.module, call, names, "out", examples, motions, claim)


def of_result(subject: Subject, size: Size) -> tuple[list[FieldType | None], list[torch.Size]]:
    """Types and shapes, of one image, of the tensors of a result; none where a tensor lacks its type."""
    result = Runner(subject, copied(subject.module).eval())(random_input(subject, size, 0, torch.float32))
    try:
        return subject.wanted(result), [tensor.shape[1:] for tensor, _ in result]
    except SubjectError:
        return [], []


def model_part(model: nn.Module, size: Any, about: About) -> tuple[Part, Subject]:
    """Any escnn model, tried out.

    Raises:
        SubjectError: no field type is known, or it can't be run.
    """
    subject = make_subject(model, size, **about)
    return part_of_subject(subject, subject.sizes[0]), subject


def run_on(module: nn.Module, *inputs: Tensor) -> Any:
    """What a module makes of its inputs."""
    return module(*inputs)


def run_typed(module: nn.Module, x: Tensor, subject: Subject, rest: tuple[Tensor, ...]) -> Any:
    """What a module makes of a map, typed first where it takes fields."""
    takes_fields = isinstance(subject.module, EquivariantModule)
    return module(subject.in_type(x) if takes_fields else x, *rest)


def repeated(tensor: Tensor, images: int) -> Tensor:
    """An example of a batch of two as one of any."""
    if not tensor.dim():
        return tensor
    return tensor.repeat(-(-images // len(tensor)), *(1,) * (tensor.dim() - 1))[:images]


def elements(field_type: Any) -> Iterator[Matrix]:
    """The elements of a type's group that permute pixels, without the identity."""
    return iter(list(grid_elements(field_type.gspace))[1:])


def typed_motions(
    kinds: Sequence[FieldType | None], outs: Sequence[FieldType | None], shapes: Sequence[torch.Size] = ()
) -> tuple[Motion, ...]:
    """What elements do to inputs and to the result.

    Args:
        kinds: of the inputs, from the first; None, or missing: the group leaves it. The first has one.
        outs: of the result's tensors, likewise.
        shapes: of these for one image, where there are several: they come as one row, see `first_tensor`.
    """

    def moved(tensor: Tensor, kind: FieldType | None, matrix: Matrix) -> Tensor:
        return tensor if kind is None else transform(tensor, kind, matrix)

    def moved_result(result: Tensor, matrix: Matrix) -> Tensor:
        if len(outs) == 1:
            return moved(result, outs[0], matrix)
        parts = result.split([shape.numel() for shape in shapes], dim=1)
        several = [moved(p.unflatten(1, s), kind, matrix) for p, s, kind in zip(parts, shapes, outs, strict=True)]
        return torch.cat([tensor.flatten(1) for tensor in several], dim=1)

    def motion(matrix: Matrix) -> Motion:
        return Motion(
            NAMES[matrix],
            lambda given: [moved(x, kind, matrix) for x, kind in zip_longest(given, kinds)],
            lambda result: moved_result(result, matrix),
        )

    return tuple(motion(matrix) for matrix in elements(kinds[0]))
