"""What is claimed of a network: of which elements, at which sizes, between which types."""

from collections.abc import Sequence
from typing import Any

import torch
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SteerganError
from steergan.symmetry import group_name, is_grid_group
from steergan.verification.elements import Matrix, grid_elements
from steergan.verification.forward import Runner
from steergan.verification.subject import Call, Claim, Size, Subject, as_sizes, random_input, twin_of

TRIED = ((29, 28), (33, 32), (17, 16), (9, 8), (65, 64), (15, 12), (13, 10), (7, 6), (5, 4), (25, 24), (3, 2), (1, 1))
"""Sides, odd and even, that are tried on a network whose size nobody said."""


def make_subject(
    module: nn.Module,
    sizes: Sequence[int | Size] | None,
    claim: Claim | None,
    name: str | None,
    in_type: FieldType | None,
    out_type: FieldType | None,
    others: tuple[Tensor, ...],
    call: Call | None,
    upto: str,
) -> Subject:
    """Fill in what the caller left open."""
    if not isinstance(module, nn.Module):
        raise SteerganError(f"a {type(module).__name__} came; a torch module was wanted, such as an escnn network")
    found = in_type or getattr(module, "in_type", None) or getattr(module, "input_type", None)
    if not isinstance(found, FieldType):
        raise SteerganError(f"{type(module).__name__} has no in_type; say how its input transforms with in_type=")
    if upto and upto not in dict(module.named_modules()):
        raise SteerganError(f"{type(module).__name__} has no submodule {upto!r}; upto= takes a path of named_modules()")
    subject = Subject(name or type(module).__name__, module, found, "equivariant", out_type, (), others, call, upto)
    chosen = as_sizes(sizes) if sizes is not None else accepted_sizes(subject)
    if claim is None:
        plain = out_type is None and any(own is None for _, own in result_at(subject, chosen[0]))
        claim = "invariant" if plain else "equivariant"
    return Subject(subject.name, module, found, claim, out_type, chosen, others, call, upto)


def accepted_sizes(subject: Subject) -> tuple[Size, ...]:
    """One odd and one even side that the module takes; one only where it takes no other."""
    runner = Runner(subject, twin_of(subject.module).float().eval())
    last = ""
    found: dict[int, Size] = {}
    for sides in TRIED:
        for side in sides:
            if side % 2 in found:
                continue
            try:
                runner(random_input(subject, (side, side), 0, torch.float32))
                found[side % 2] = (side, side)
            except Exception as error:
                last = " ".join(str(error).split())[:120]
        if len(found) == 2:
            break
    if not found:
        raise SteerganError(f"{subject.name} took none of the sizes that were tried ({last}); say which with sizes=")
    return tuple(found.values())


def result_at(subject: Subject, size: Size) -> list[tuple[Tensor, FieldType | None]]:
    """A result in evaluation mode.

    Raises:
        SteerganError: the network can't be run at this size.
    """
    try:
        return Runner(subject, twin_of(subject.module).float().eval())(random_input(subject, size, 0, torch.float32))
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SteerganError(f"{subject.name} can't be run at {size[0]} x {size[1]}: {reason}") from error


def spaces_in_use(subject: Subject) -> tuple[list[GSpace2D], list[Any]]:
    """gspaces and representations of every field type that a forward meets, in order of appearance."""
    types: dict[FieldType, None] = {subject.in_type: None}
    network = twin_of(subject.module).float().eval()

    def note(module: nn.Module, args: Any, output: Any) -> None:
        for value in (*args[:1], output):
            if isinstance(value, GeometricTensor):
                types.setdefault(value.type)

    handles = [part.register_forward_hook(note) for part in network.modules()]
    try:
        runner = Runner(subject, network)
        runner(random_input(subject, subject.sizes[0], 0, torch.float32))
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        size = subject.sizes[0]
        raise SteerganError(f"{subject.name} can't be run at {size[0]} x {size[1]}: {reason}") from error
    finally:
        for handle in handles:
            handle.remove()
    if subject.out_type is not None:
        types.setdefault(subject.out_type)
    spaces = list(dict.fromkeys(t.gspace for t in types))
    return spaces, list(dict.fromkeys(r for t in types for r in t.representations))


def claimed_elements(subject: Subject, spaces: list[GSpace2D]) -> tuple[Matrix, ...]:
    """Elements of every gspace on the way: a restriction claims no more than the smaller group."""
    common = list(grid_elements(subject.in_type.gspace))
    for space in spaces:
        common = [matrix for matrix in common if matrix in grid_elements(space)]
    return tuple(common)


def claimed_group(spaces: list[GSpace2D], elements: tuple[Matrix, ...]) -> str:
    """The smallest group on the way, by name; `at multiples of 90 degrees` where it has more elements than these."""
    smallest = min(spaces, key=lambda s: len(grid_elements(s)))
    if len(grid_elements(smallest)) != len(elements):
        return f"a common subgroup of {', '.join(group_name(s) for s in spaces)}"
    beyond = "" if is_grid_group(smallest) else " at multiples of 90 degrees"
    return f"{group_name(smallest)}{beyond}"


def moving_buffers(subject: Subject) -> set[str]:
    """Names of buffers that a forward in training mode changes: moments, vectors of spectral norms."""
    network = twin_of(subject.module).float().train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            subject(network, random_input(subject, subject.sizes[0], 0, torch.float32))
    except Exception:
        return set()
    after = dict(network.named_buffers())
    return {name for name, old in before.items() if name in after and not torch.equal(old, after[name])}
