"""What is claimed of a network: of which elements, at which sizes, between which types."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypedDict, Unpack

import torch
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SubjectError
from steergan.symmetry import group_name, is_grid_group
from steergan.verification.elements import Matrix, grid_elements
from steergan.verification.measured.forward import Runner
from steergan.verification.subject import (
    BATCH,
    Call,
    Claim,
    Size,
    Subject,
    TypedTensors,
    as_sizes,
    in_one_line,
    random_input,
    size_words,
    twin_of,
)

TRIED = ((29, 28), (33, 32), (17, 16), (9, 8), (65, 64), (15, 12), (13, 10), (7, 6), (5, 4), (25, 24), (3, 2), (1, 1))
"""Sides, odd and even, that are tried on a network whose size nobody said."""


class About(TypedDict, total=False):
    """What `verify` may be told of a module beside its sizes and the claim.

    Attributes:
        name: for the report; else the name of the class.
        in_type: field type of the input; else the module's `in_type` or `input_type`.
        out_type: field type of the result; else the result's own.
        others: what else the module is called with, a tuple of tensors of batch size 2; left alone by the group.
        call: (module, x, others) -> result, where module(x, *others) will not do.
        upto: path of a submodule; the claim is then about its output, and nothing behind it is looked at.

    Example:
        >>> About(upto="trunk", others=(torch.zeros(2, 10),)).keys()
        dict_keys(['upto', 'others'])
    """

    name: str
    in_type: FieldType | None
    out_type: FieldType | None
    others: tuple[Tensor, ...]
    call: Call | None
    upto: str


def make_subject(
    module: nn.Module,
    sizes: int | Sequence[int | Size] | None = None,
    claim: Claim | None = None,
    **about: Unpack[About],
) -> Subject:
    """Fill in what the caller left open.

    Args:
        module: any torch module.
        sizes: sides, or (H, W), of the input in pixels; None: an odd and an even one that the module accepts.
        claim: "equivariant" or "invariant"; None: as the result says.
        about: what else is known of the module.

    Raises:
        SubjectError: the module can't be called, no field type is known, or one of these means nothing.
        TypeError: `About` has no such name.
    """
    unknown = sorted(about.keys() - About.__annotations__)
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}; {', '.join(About.__annotations__)} are known")
    name, call, upto = about.get("name"), about.get("call"), about.get("upto", "")
    in_type, out_type, others = about.get("in_type"), about.get("out_type"), about.get("others", ())
    if not isinstance(module, nn.Module):
        raise SubjectError(f"a {type(module).__name__} came; a torch module was wanted, such as an escnn network")
    found = in_type or getattr(module, "in_type", None) or getattr(module, "input_type", None)
    if not isinstance(found, FieldType):
        raise SubjectError(f"{type(module).__name__} has no in_type; set it to its input's FieldType, or pass in_type=")
    if upto and upto not in dict(module.named_modules()):
        raise SubjectError(f"{type(module).__name__} has no submodule {upto!r}; upto= takes a path of named_modules()")
    if claim not in (None, "equivariant", "invariant"):
        raise SubjectError(f"claim {claim!r}: equivariant or invariant was wanted")
    if not isinstance(others, tuple | list):
        raise SubjectError(f"others is a {type(others).__name__}; a tuple of tensors of batch size {BATCH} was wanted")
    label, others = name or type(module).__name__, tuple(others)
    subject = Subject(label, module, found, "equivariant", out_type, (), others, call, upto)
    if call is None and not isinstance(module, EquivariantModule):
        subject = replace(subject, call=call_that_works(subject, sizes))
    chosen = as_sizes([sizes] if isinstance(sizes, int) else sizes) if sizes is not None else accepted_sizes(subject)
    if not chosen:
        raise SubjectError("sizes is empty; sides in pixels were wanted, such as sizes=[29, 28]")
    if claim is None:
        plain = out_type is None and any(own is None for _, own in result_at(subject, chosen[0]))
        claim = "invariant" if plain else "equivariant"
    return replace(subject, claim=claim, sizes=chosen)


def on_fields(module: nn.Module, x: Tensor, others: tuple[Tensor, ...], in_type: FieldType) -> object:
    """Call a module that takes a geometric tensor."""
    return module(GeometricTensor(x, in_type), *others)


def on_tensor(module: nn.Module, x: Tensor, others: tuple[Tensor, ...]) -> object:
    """Call a module that takes a plain tensor."""
    return module(x, *others)


def call_that_works(subject: Subject, sizes: int | Sequence[int | Size] | None) -> Call:
    """Whether a module that is no `EquivariantModule` takes plain tensors or geometric ones: as it turns out."""
    tried = [sizes] if isinstance(sizes, int) else sizes
    for call in (on_tensor, partial(on_fields, in_type=subject.in_type)):
        candidate = replace(subject, call=call)
        try:
            if tried is None:
                accepted_sizes(candidate)
            else:
                result_at(candidate, as_sizes(tried)[0])
        except (SubjectError, IndexError):
            continue
        return call
    return on_tensor


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
                last = f"{type(error).__name__}: {in_one_line(error)}"
        if len(found) == 2:
            break
    if not found:
        tried = ", ".join(str(side) for sides in TRIED for side in sides)
        raise SubjectError(
            f"{subject.name} ran at none of the sides that were tried ({tried}); the last failure was: {last}. "
            "Say which with --sizes or sizes=, or return a Subject, if it takes more than an image"
        )
    return tuple(found.values())


def result_at(subject: Subject, size: Size) -> TypedTensors:
    """A result in evaluation mode.

    Raises:
        SubjectError: the network can't be run at this size.
    """
    try:
        return Runner(subject, twin_of(subject.module).float().eval())(random_input(subject, size, 0, torch.float32))
    except Exception as error:
        raise cannot_be_run(subject, size, error) from error


def cannot_be_run(subject: Subject, size: Size, error: Exception, mode: str = "") -> SubjectError:
    """What is said of a network that fails on its input, in the mode that was asked for."""
    where = f"{size_words([size])}, {mode} mode" if mode else size_words([size])
    return SubjectError(f"{subject.name} can't be run at {where}: {in_one_line(error)}")


def spaces_in_use(subject: Subject) -> tuple[list[GSpace2D], list[Any]]:
    """Gspaces and representations of every field type that a forward meets, in order of appearance.

    A claim about a submodule's output ends there: types behind it don't count.
    """
    types: dict[FieldType, None] = {subject.in_type: None}
    network = twin_of(subject.module).float().eval()

    def note(module: nn.Module, args: Any, output: Any) -> None:
        for value in (*args[:1], output):
            if isinstance(value, GeometricTensor):
                types.setdefault(value.type)

    handles = [part.register_forward_hook(note) for part in network.modules()]
    try:
        Runner(subject, network)(random_input(subject, subject.sizes[0], 0, torch.float32))
    except Exception as error:
        raise cannot_be_run(subject, subject.sizes[0], error) from error
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
    smallest = min(spaces, key=lambda s: (len(grid_elements(s)), not is_grid_group(s)))
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
