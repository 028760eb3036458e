"""What is verified: a module, how it is called, and what is claimed of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from math import prod
from typing import Any, Literal, TypeAlias

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.copies import copied
from steergan.errors import SubjectError
from steergan.verification.elements import Matrix, transform

Claim = Literal["equivariant", "invariant"]
Call = Callable[[Any, Tensor, tuple[Tensor, ...]], Any]
Size = tuple[int, int]
TypedTensors = list[tuple[Tensor, FieldType | None]]
"""Tensors of a result, each with its field type where it has one."""
Tell = Callable[[str], None]
"""Told in words what is being checked."""

BATCH = 2

LARGEST_INPUT = 2**24
"""Pixels: more are no input that anybody verifies at, but a slip."""


OutType: TypeAlias = FieldType | tuple[FieldType | None, ...] | None


@dataclass(frozen=True)
class Subject:
    """A network and its claim: for every claimed element g, f(g x) = g f(x), or f(g x) = f(x).

    Attributes:
        name: for the report.
        module: any torch module; it is copied, never run itself.
        in_type: how its first input transforms.
        claim: about the result; "invariant" of all that is in it.
        out_type: how the result transforms; of a result of several tensors, one for each, None for those that are
            invariant or geometric tensors that say so themselves; None where all are.
        sizes: (H, W) of the input, in pixels, at which the claim is made.
        others: what else the module is called with (labels, conditioning vectors, a second map); batch size 2;
            floating-point ones follow the dtype. None where `other_types` has a type: a map, drawn in the input's size.
        call: (module, x (B, C, H, W), others) -> result.
        upto: path of a submodule whose output the claim is about; empty for the module's own. A forward ends there.
        scale: root mean square of inputs that the module is made for; off the grid it is measured on such.
        other_types: how each of the others transforms, (B, C) or (B, C, H, W); None, or missing: the group leaves it.
        inferred: how the claim was found, in words, where nobody stated it.
        missing: what has to be said before anything can be claimed, in words.

    Example:
        >>> from steergan.layers import GroupPool
        >>> from steergan.symmetry import gspace, regular_type
        >>> fields = regular_type(gspace("C4"), 2)
        >>> subject = Subject("pool", GroupPool(fields), fields, "equivariant", None, sizes=((5, 5),))
        >>> subject(subject.module, torch.zeros(2, 8, 5, 5)).tensor.shape
        torch.Size([2, 2, 5, 5])
    """

    name: str
    module: nn.Module
    in_type: FieldType
    claim: Claim
    out_type: OutType
    sizes: tuple[Size, ...]
    others: tuple[Tensor | None, ...] = ()
    call: Call | None = None
    upto: str = ""
    scale: float = 1.0
    other_types: tuple[FieldType | None, ...] = ()
    inferred: str = ""
    missing: str = ""

    def __call__(self, module: nn.Module, x: Tensor) -> Any:
        """What the claim is about, of x (B, C, H, W) in the dtype of `module`, a copy of the subject's own."""
        drawn = self.at((x.shape[2], x.shape[3])).inputs
        others = tuple(o.to(x.dtype) if o.is_floating_point() else o for o in drawn)

        def forward() -> Any:
            if self.call is not None:
                return self.call(module, x, others)
            takes_fields = isinstance(module, EquivariantModule)
            return module(GeometricTensor(x, self.in_type) if takes_fields else x, *others)

        return run_upto(self.upto, module, forward) if self.upto else forward()

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The others, all of which are there."""
        return tuple(other for other in self.others if other is not None)

    @property
    def typed_others(self) -> list[tuple[Tensor | None, FieldType | None]]:
        """The others, each with its field type, if it turns."""
        return list(zip(self.others, (*self.other_types, *[None] * len(self.others)), strict=False))

    def at(self, size: Size) -> "Subject":
        """The subject with those others drawn that have the input's size."""
        if all(other is not None for other in self.others):
            return self
        stream = torch.Generator().manual_seed(len(self.others))
        drawn = []
        for other, kind in self.typed_others:
            if other is None and kind is not None:
                other = torch.randn(BATCH, kind.size, *size, generator=stream)
            drawn.append(other)
        return replace(self, others=tuple(drawn))

    def moved(self, matrix: Matrix) -> "Subject":
        """The subject with those others acted on by an element that turn with the input."""
        if not any(self.other_types):
            return self
        pairs = self.typed_others
        return replace(self, others=tuple(o if t is None or o is None else transform(o, t, matrix) for o, t in pairs))

    def wanted(self, result: "TypedTensors") -> list[FieldType | None]:
        """How each tensor of a result has to transform; None: not at all.

        Raises:
            SubjectError: a plain tensor was claimed to be equivariant, and nothing is said of how; another number of
                tensors came than types are known.
        """
        if self.claim == "invariant":
            return [None] * len(result)
        named = self.out_type if isinstance(self.out_type, tuple) else (self.out_type,) * len(result)
        if len(named) != len(result):
            words = f"{len(result)} tensors in the result, and out_type names {len(named)}; one each was wanted"
            raise SubjectError(f"{self.name}: {words}")
        kinds: list[FieldType | None] = [
            own if said is None else said for said, (_, own) in zip(named, result, strict=True)
        ]
        for position, ((tensor, _), kind) in enumerate(zip(result, kinds, strict=True)):
            which = f"tensor {position} of the result" if len(result) > 1 else "the result"
            shape = f"{which}, {tuple(tensor.shape)},"
            if kind is not None and (tensor.dim() not in (2, 4) or tensor.shape[1] != kind.size):
                size = kind.size
                raise SubjectError(f"{self.name}: {shape} is not (B, {size}) or (B, {size}, H, W), as its type wants")
            if kind is None and not isinstance(self.out_type, tuple):
                ways = 'say out_type= (--out-type), or claim="invariant" (--claim invariant)'
                raise SubjectError(f"{self.name}: {shape} has no field type; {ways}")
        return kinds


def untold(words: str) -> None:
    """Nobody listens to what is being checked."""


class Reached(Exception):
    """The submodule that a claim is about has put out its result."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def run_upto(path: str, module: nn.Module, forward: Callable[[], Any]) -> Any:
    """What the submodule at `path` puts out first in a forward of its module, which goes no further."""

    def reached(part: nn.Module, args: Any, output: Any) -> None:
        raise Reached(output)

    handle = module.get_submodule(path).register_forward_hook(reached)
    try:
        forward()
    except Reached as end:
        return end.result
    finally:
        handle.remove()
    raise SubjectError(f"{type(module).__name__} never ran its submodule {path!r}, which the claim is about")


def tensors_of(result: Any) -> TypedTensors:
    """Tensors of a result, nested in lists, tuples, dicts and dataclasses, each with its field type where it has one.

    None in a result is nothing.

    Raises:
        SubjectError: something else is in it.
    """
    if isinstance(result, GeometricTensor):
        return [(result.tensor, result.type)]
    if isinstance(result, Tensor):
        return [(result, None)]
    if result is None:
        return []
    if isinstance(result, list | tuple):
        return [pair for part in result for pair in tensors_of(part)]
    if isinstance(result, dict):
        return [pair for part in result.values() for pair in tensors_of(part)]
    if is_dataclass(result) and not isinstance(result, type):
        return [pair for part in fields(result) for pair in tensors_of(getattr(result, part.name))]
    raise SubjectError(f"the network returned a {type(result).__name__}; a tensor or a GeometricTensor was wanted")


def twin_of(module: nn.Module) -> nn.Module:
    """A copy on the CPU that shares no tensor with the module, see `copied`.

    Raises:
        SubjectError: the module can't be copied.
    """
    try:
        return copied(module).cpu()
    except Exception as error:
        name = type(module).__name__
        raise SubjectError(f"{name} can't be copied ({in_one_line(error)}); verification works on a copy") from error


def in_one_line(error: BaseException) -> str:
    """What an error says, cut to 200 letters; its type where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def random_input(subject: Subject, size: Size, seed: int, dtype: torch.dtype, batch: int = BATCH) -> Tensor:
    """Seeded normal numbers, (batch, C, H, W), drawn in float32 whatever the dtype."""
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(batch, subject.in_type.size, *size, generator=stream).to(dtype)


def size_words(sizes: Sequence[tuple[int, ...]]) -> str:
    """Sizes of maps on the way: `28 x 28 -> 14 x 14`."""
    return " -> ".join(" x ".join(str(n) for n in size) for size in sizes)


def as_sizes(sizes: int | Sequence[int | Size]) -> tuple[Size, ...]:
    """Sides, or (H, W) pairs, as pairs.

    Raises:
        SubjectError: none, or one that no input can have.
    """
    found = []
    for size in [sizes] if isinstance(sizes, int) else sizes:
        pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, Sequence) else ()
        if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair) or prod(pair) > LARGEST_INPUT:
            raise SubjectError(
                f"size {size!r}: a side in pixels, or (H, W), of {LARGEST_INPUT} pixels at most was wanted, such as 29"
            )
        found.append((int(pair[0]), int(pair[1])))
    if not found:
        raise SubjectError("sizes is empty; sides in pixels were wanted, such as sizes=[29, 28]")
    return tuple(found)
