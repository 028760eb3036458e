"""How a right network is broken, and how brute force sees that it is: escnn's own action, on real numbers.

A mutant is wrong by measurement: `Mutant.apply` takes the first of an operator's copies whose output does not transform
as it should. Where a fault can't be seen (a bias on trivial fields, a shuffle before a maximum over what was shuffled),
the copy is a right network, and the next one is tried.
"""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from types import MethodType
from typing import Any, Literal, NamedTuple

import torch
from escnn import nn as enn
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.errors import SteerganError
from steergan.layers import ConditionalBatchNorm, DiscriminatorBlock, GeneratorBlock
from steergan.randomness import seed_torch
from steergan.symmetry import grid_elements, plane_matrices
from steergan.verification.subject import twin_of

VISIBLE = 1e-3
"""The least relative error that counts as seen."""

TRIES = 6
SIZES = range(4, 11)

Also = Literal["measurable", "vacuous", "random", "stale"]
Operator = Callable[[Any, random.Random], Iterator[Any]]
Module = torch.nn.Module


@cache
def element_pairs(in_space: GSpace2D, out_space: GSpace2D) -> list[tuple[Any, Any]]:
    """Elements of both groups that do the same to the pixel grid; the output's group may be the smaller one."""
    matrices = [torch.from_numpy(plane_matrices(space)).round().long() for space in (in_space, out_space)]
    return [
        (in_space.fibergroup.elements[i], out_space.fibergroup.elements[o])
        for o in grid_elements(out_space)
        for i in grid_elements(in_space)
        if torch.equal(matrices[0][i], matrices[1][o])
    ]


def run(module: torch.nn.Module, x: Any, others: tuple[Tensor, ...], noise: int) -> Any:
    """One forward; what is random inside draws the same numbers for the same `noise`."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        seed_torch(noise)
        return module(x, *others)


def random_map(module: Any, size: int, seed: int = 0) -> Any:
    """A normal feature map in float64, two samples."""
    stream = torch.Generator().manual_seed(100 * seed + size)
    return module.in_type(torch.randn(2, module.in_type.size, size, size, generator=stream, dtype=torch.float64))


def ready(drawn: Any) -> tuple[Any, tuple[Tensor, ...]]:
    """A float64 copy in evaluation mode, and the other inputs; the network stays as it is."""
    # escnn's R2Conv keeps its filter as a buffer with a graph if eval() runs outside no_grad.
    with torch.no_grad():
        return twin_of(drawn.module).double().eval(), tuple(other.double() for other in drawn.others)


def errors_at(drawn: Any, sizes: Iterable[int], seed: int = 0) -> Iterator[float]:
    """For each size of the input: max |f(g x) - g f(x)| / max |f(x)| over all grid elements g of the output's group.

    In float64 and evaluation mode. An output that is no square has no quarter turns: its error is infinite if the group
    has one. That of a constant zero is nan.
    """
    module, others = ready(drawn)
    for size in sizes:
        x = random_map(module, size, seed)
        y = run(module, x, others, noise=seed)
        assert y.type == module.out_type
        worst = 0.0
        for into, out in element_pairs(module.in_type.gspace, module.out_type.gspace):
            moved, wanted = run(module, x.transform(into), others, noise=seed).tensor, y.transform(out).tensor
            same_shape = moved.shape == wanted.shape
            worst = max(worst, float((moved - wanted).abs().max()) if same_shape else float("inf"))
        scale = float(y.tensor.abs().max())
        yield worst / scale if scale > 0 else float("nan")


def errors_of(drawn: Any) -> dict[int, float]:
    """The error at each of a network's sizes; measured once, for drawn networks stay as they are."""
    if drawn.errors is None:
        drawn.errors = dict(zip(drawn.sizes, errors_at(drawn, drawn.sizes), strict=True))
    errors: dict[int, float] = drawn.errors
    return errors


def runs(drawn: Any, sizes: Iterable[int]) -> Iterator[int]:
    """Those sizes of the input that a network takes."""
    module, others = ready(drawn)
    for size in sizes:
        try:
            run(module, random_map(module, size), others, noise=0)
        except (AssertionError, RuntimeError, SteerganError):
            continue
        yield size


def map_sizes(drawn: Any, number: int) -> dict[int, int]:
    """Size of the input -> size of the map behind one of the layers, whether or not later layers take it."""
    module, others = ready(drawn)
    seen: list[int] = []
    places(module)[number].layer.register_forward_hook(lambda _, __, y: seen.append(y.tensor.shape[-1]))
    sizes = {}
    for size in SIZES:
        seen.clear()
        with suppress(AssertionError, RuntimeError, SteerganError):
            run(module, random_map(module, size), others, noise=0)
        if seen:
            sizes[size] = seen[0]
    return sizes


@dataclass(frozen=True)
class Mutant:
    """A mutation operator.

    `also` says how the fault can be seen without the check, `groups` where it can be at all, or is cheap to look for
    (empty: anywhere), `needs` the field types or pieces of a plan of which it needs one (empty: none).
    """

    name: str
    reason: str
    also: Also
    operator: Operator
    groups: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def apply(self, drawn: Any, seed: int) -> Any | None:
        """A broken copy of a network in training mode, or None where this fault does not show. The network stays."""
        with torch.random.fork_rng(devices=[]):
            seed_torch(seed)
            for candidate in islice(self.operator(drawn, random.Random(seed)), TRIES):
                if shows(candidate):
                    candidate.name = f"{drawn.name}, with {self.name}"
                    return candidate
        return None


MUTANTS: dict[str, Mutant] = {}


def mutant(
    name: str,
    reason: str,
    also: Also = "measurable",
    groups: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Callable[[Operator], Operator]:
    """Registers an operator: (network, random choices) -> broken copies, likely ones first."""

    def register(operator: Operator) -> Operator:
        MUTANTS[name] = Mutant(name, reason, also, operator, groups, needs)
        return operator

    return register


def shows(drawn: Any) -> bool:
    """Whether brute force sees the fault, at one size at least."""
    return any(error > VISIBLE for error in errors_of(drawn).values())


class Place(NamedTuple):
    """A layer, and where it hangs."""

    parent: Module
    name: str
    layer: Any


def places(module: Module) -> list[Place]:
    """The innermost equivariant layers, each called with a geometric tensor by what it hangs in."""
    found = []
    for name, child in module.named_children():
        container = isinstance(child, enn.SequentialModule | GeneratorBlock | DiscriminatorBlock)
        if isinstance(child, EquivariantModule) and not container:
            found.append(Place(module, name, child))
        else:
            found.extend(places(child))
    return found


def shuffled(rng: random.Random, things: Any) -> list[Any]:
    return rng.sample(list(things), len(things))


def everywhere(drawn: Any, rng: random.Random, change: Callable[[Place], bool]) -> Iterator[Any]:
    """For each layer, in random order, a copy that is changed there, if `change` finds that it can be."""
    for number in shuffled(rng, range(len(places(drawn.module)))):
        module = twin_of(drawn.module)
        if change(places(module)[number]):
            yield replace(drawn, module=module)


class Followed(EquivariantModule):
    """A layer and what comes after it."""

    def __init__(self, layer: Any, after: Module) -> None:
        super().__init__()
        self.layer, self.after = layer, after
        self.in_type, self.out_type = layer.in_type, layer.out_type
        self.conditioned = isinstance(layer, ConditionalBatchNorm)

    def forward(self, x: GeometricTensor, *others: Tensor) -> GeometricTensor:
        return self.after(self.layer(x, *others))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.layer.evaluate_output_shape(input_shape)


class OnTensor(Module):
    """Plain tensor code that leaves the field type as it was."""

    def change(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return GeometricTensor(self.change(x.tensor), x.type)


def override(layer: Any, method: str, function: Callable[..., Any], *, patched: bool) -> None:
    """Give a layer another method, `function(self, before, *arguments)`: in its `__dict__`, or through a subclass."""
    kind = type(layer)
    before = getattr(kind, method)

    def changed(self: Any, *arguments: Any) -> Any:
        return function(self, before, *arguments)

    if patched:
        setattr(layer, method, MethodType(changed, layer))
    else:
        layer.__class__ = type(f"My{kind.__name__}", (kind,), {method: changed})


def follow(place: Place, after: Module, rng: random.Random, styles: str = "wrapper hook patched subclass") -> bool:
    """Let the layer's output pass through `after`."""
    style, layer = rng.choice(styles.split()), place.layer
    if style == "wrapper":
        setattr(place.parent, place.name, Followed(layer, after))
        return True
    layer.after = after
    if style == "hook":
        layer.register_forward_hook(lambda layer, _, out: layer.after(out))
    else:
        override(layer, "forward", lambda self, before, *x: self.after(before(self, *x)), patched=style == "patched")
    return True


def turns(field_type: FieldType) -> bool:
    """Whether the group does anything to the channels."""
    return any(not r.is_trivial() for r in field_type.representations)
