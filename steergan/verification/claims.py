"""What is claimed of a network: of which elements, at which sizes, between which types."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, TypeAlias, TypedDict, Unpack

import torch
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, GeometricTensor
from torch import nn

from steergan.errors import SubjectError
from steergan.symmetry import group_name, is_grid_group, type_notation
from steergan.verification.elements import Matrix, grid_elements
from steergan.verification.inference import inferred_claim
from steergan.verification.measured.forward import Runner
from steergan.verification.rehearsal import (
    accepted_sizes,
    call_that_works,
    inputs_of,
    result_at,
    twin_at_rest,
)
from steergan.verification.results import OutTypes, named_types
from steergan.verification.subject import (
    BATCH,
    Call,
    Claim,
    Size,
    Subject,
    as_sizes,
    random_input,
    twin_of,
)
from steergan.verification.surroundings import in_mode, seeded, undisturbed
from steergan.verification.watching import watched_in_type

InTypes: TypeAlias = FieldType | Sequence[FieldType | None] | Mapping[str, FieldType | None]


class About(TypedDict, total=False):
    """What `verify` may be told of a module beside its sizes and the claim.

    Attributes:
        name: for the report; else the name of the class.
        in_type: field type of the input; else the module's `in_type` or `input_type`, or that of the first geometric
            tensor that it makes. Of several inputs a tuple of types, in a list or dict if the module takes them so;
            None for an input that the group leaves alone. Values are drawn, or those in `others`.
        out_type: field type of the result, a map (B, C, H, W) or vectors (B, C); else the result's own. Of several
            results a tuple, or a dict by their names; None for one of which nothing is said.
        others: what else the module is called with, a tuple of tensors of batch size 2, left alone by the group, or of
            geometric tensors, which turn with the input; lists and dicts of them. Where `in_type` names several inputs
            these come first, None for one that is to be drawn.
        call: (module, x, others) -> result, where module(x, *others) will not do.
        upto: path of a submodule; the claim is then about its output, and nothing behind it is looked at.

    Example:
        >>> About(upto="trunk", others=(torch.zeros(2, 10),)).keys()
        dict_keys(['upto', 'others'])
    """

    name: str
    in_type: InTypes | None
    out_type: OutTypes | None
    others: tuple[Any, ...]
    call: Call | None
    upto: str


def make_subject(
    module: nn.Module,
    sizes: int | Sequence[int | Size] | None = None,
    claim: Claim | None = None,
    **about: Unpack[About],
) -> Subject:
    """Fill in what the caller left open, by trying the module out.

    Args:
        module: any torch module.
        sizes: sides, or (H, W), of the input in pixels; None: an odd and an even one that the module accepts.
        claim: "equivariant" or "invariant"; None: as it turns out, see `Subject.inferred` and `Subject.missing`.
        about: what else is known of the module.

    Raises:
        SubjectError: the module can't be called, no field type is known, a weight is not finite, or one of these means
            nothing.
        TypeError: `About` has no such name.
    """
    unknown = sorted(about.keys() - About.__annotations__)
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}; {', '.join(About.__annotations__)} are known")
    with undisturbed():
        return _subject(module, sizes, claim, about)


def _subject(module: nn.Module, sizes: Any, claim: Claim | None, about: About) -> Subject:
    name, call, upto = about.get("name"), about.get("call"), about.get("upto") or ""
    others = about.get("others", ())
    if not isinstance(module, nn.Module):
        raise SubjectError(f"a {type(module).__name__} came; a torch module was wanted, such as an escnn network")
    label = name or type(module).__name__
    if upto and upto not in dict(module.named_modules()):
        raise SubjectError(f"{type(module).__name__} has no submodule {upto!r}; upto= takes a path of named_modules()")
    if claim not in (None, "equivariant", "invariant"):
        raise SubjectError(f"claim {claim!r}: equivariant or invariant was wanted")
    if claim == "invariant" and about.get("out_type") is not None:
        raise SubjectError("claim='invariant' and out_type= say two things of the result; leave one of them out")
    if not isinstance(others, tuple | list):
        raise SubjectError(f"others is a {type(others).__name__}; a tuple of tensors of batch size 2 was wanted")
    require_finite(module, label)
    chosen = None if sizes is None else as_sizes(sizes)
    in_type = about.get("in_type")
    own = getattr(module, "in_type", None)
    if in_type is None and isinstance(own, tuple):  # a module of several inputs says how each of them turns
        in_type = own
    several = isinstance(in_type, tuple | list | dict)
    lacking = [] if call is not None or several else missing_arguments(module, 1 + len(others))
    others = (*others, *(torch.zeros(BATCH, dtype=torch.int64) for _ in lacking))
    words = f"Its arguments {' and '.join(lacking)} were taken for labels, which the group leaves alone. "
    words = words if lacking else ""
    try:
        if in_type is None:
            in_type = getattr(module, "in_type", None) or getattr(module, "input_type", None)
            if not isinstance(in_type, FieldType | tuple | list | dict):
                in_type = watched_in_type(module, chosen, others)
                words += f"Its input is of the type that it makes of it first, {type_notation(in_type)}. "
        known = inputs_of(in_type, others)
        require_plane(label, known.types)
        network = twin_at_rest(module)
        subject = Subject(label, module, known.first, "equivariant", None, (), known.values, call, upto)
        if call is None:
            subject, chosen = call_that_works(subject, known, chosen, network)
        else:
            subject = replace(subject, other_types=known.types[1:])
            chosen = chosen or accepted_sizes(subject, network)
    except SubjectError as error:
        if lacking:
            raise SubjectError(f"{error}; {lacking_words(label, lacking)}") from error
        raise
    subject = replace(subject, sizes=chosen, other_types=subject.other_types if any(subject.other_types) else ())
    return claimed(subject, network, claim, about.get("out_type"), words)


def require_plane(name: str, types: Sequence[FieldType | None]) -> None:
    """Refuse fields over another space than the plane.

    Raises:
        SubjectError: some are.
    """
    for kind in types:
        if kind is not None and kind.gspace.dimensionality != 2:
            raise SubjectError(
                f"{name} takes fields over a space of {kind.gspace.dimensionality} dimensions ({kind.gspace.name}); "
                "fields in the plane were wanted, of escnn's rot2dOnR2, flipRot2dOnR2, ..."
            )


def missing_arguments(module: nn.Module, given: int) -> list[str]:
    """Names of the arguments that a module's forward wants beyond so many."""
    try:
        found = list(signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return []
    wanted = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    return wanted[given:]


def lacking_words(name: str, lacking: list[str]) -> str:
    """What is to be said of arguments of which nobody said anything."""
    return (
        f"{name}'s forward also wants {' and '.join(lacking)}: labels were tried. Say others= (--other), a tuple of "
        "tensors that the group leaves alone, or a tuple of types as in_type= (--in-type for each) for inputs that "
        "turn together"
    )


def claimed(
    subject: Subject, network: nn.Module, claim: Claim | None, out_type: OutTypes | None, words: str = ""
) -> Subject:
    """A subject with its claim: the one that was stated, or that it is found to be by measuring.

    Args:
        subject: whose claim is open.
        network: a copy, in evaluation mode.
        claim: as it was stated, if it was.
        out_type: as it was stated, if it was.
        words: of what else was found out.
    """
    if claim == "invariant":
        return replace(subject, claim=claim, inferred=words.strip())
    if isinstance(out_type, FieldType):
        return replace(subject, out_type=out_type, inferred=words.strip())
    stated = () if out_type is None else named_types(subject, network, out_type)
    types = types_on_the_way(subject, network)
    elements = claimed_elements(subject, list(dict.fromkeys(kind.gspace for kind in types)))
    runner = Runner(subject, network)
    found = inferred_claim(runner, subject.sizes[0], elements, types, stated, equivariant=claim is not None)
    return replace(
        subject,
        claim=found.claim,
        out_type=found.out_type,
        inferred=f"{words}{found.words}".strip(),
        missing=found.missing,
    )


def require_finite(module: nn.Module, name: str) -> None:
    """Refuse weights of which nothing can be said.

    Raises:
        SubjectError: one is not a finite number.
    """
    for path, weight in module.named_parameters():
        wrong = int((~torch.isfinite(weight.detach())).sum()) if weight.is_floating_point() else 0
        if wrong:
            raise SubjectError(
                f"{name}: {wrong} of the {weight.numel()} numbers of its weight {path} are nan or infinite, and so is "
                "what it computes; load weights that are whole, or initialise it again"
            )


def types_on_the_way(subject: Subject, network: nn.Module) -> list[FieldType]:
    """Every type of fields in the plane that a forward meets, in order of appearance: vectors have no place in it.

    Raises:
        SubjectError: the network can't be run.
    """
    types: dict[FieldType, None] = {kind: None for kind in (subject.in_type, *subject.other_types) if kind is not None}

    def note(module: nn.Module, args: Any, output: Any) -> None:
        for value in (*args[:1], output):
            if isinstance(value, GeometricTensor) and value.type.gspace.dimensionality == 2:
                types.setdefault(value.type)

    handles = [part.register_forward_hook(note) for part in network.modules()]
    try:
        result = result_at(subject, subject.sizes[0], network)
    finally:
        for handle in handles:
            handle.remove()
    for _, kind in result:
        if kind is not None and kind.gspace.dimensionality != 2:
            raise SubjectError(
                f"{subject.name} returns vectors of {kind.gspace.name} on no plane; return their .tensor"
            )
    return list(types)


def spaces_in_use(subject: Subject) -> tuple[list[GSpace2D], list[Any]]:
    """Gspaces and representations of every field type that a forward meets, in order of appearance.

    A claim about a submodule's output ends there: types behind it don't count.
    """
    types = dict.fromkeys(types_on_the_way(subject, twin_at_rest(subject.module)))
    for kind in subject.out_type if isinstance(subject.out_type, tuple) else (subject.out_type,):
        if kind is not None:
            types.setdefault(kind)
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
    """Names of buffers whose values are as little fixed as weights.

    A forward in training mode changes them: moments, vectors of spectral norms. Or they are there in evaluation mode
    alone: filters that a layer made of its weights when it was put into that mode.
    """
    network = in_mode(twin_of(subject.module).float(), training=True)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        with torch.no_grad(), seeded():
            subject(network, random_input(subject, subject.sizes[0], 0, torch.float32))
    except Exception:
        return set()
    after = dict(network.named_buffers())
    moved = {name for name, old in before.items() if name in after and not torch.equal(old, after[name])}
    return moved | (dict(in_mode(network, training=False).named_buffers()).keys() - before.keys())
