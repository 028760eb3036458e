"""What is claimed of a result of which nobody said: by measuring, in evaluation mode, which of the likely claims holds.

A claim so found is then proved or not like any other. Where none of the likely ones holds, a usual one stands, and is
broken; but where the group acts on a result by a type that is no likely guess, nothing is claimed until it is stated.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from torch import Tensor

from steergan.symmetry import group_name, is_continuous, trivial_type, type_notation
from steergan.verification.elements import Matrix, grid_elements, transform
from steergan.verification.measured.forward import Runner
from steergan.verification.subject import Claim, OutType, Size, random_input

CLOSE = 1e-3
"""Relative error up to which a claim is taken for the one that was meant: whether it holds is for the proof to say."""

HIGHEST = 4
"""Frequency of irreps that are tried."""


class Inferred(NamedTuple):
    """What is claimed of a result.

    Attributes:
        claim: of all of it.
        out_type: of its tensors.
        words: how that was found.
        missing: what has to be said first, if nothing can be claimed.
    """

    claim: Claim
    out_type: OutType
    words: str = ""
    missing: str = ""


STATE = "to claim something else, say claim= or out_type= (--claim, --out-type)"


def inferred_claim(
    runner: Runner,
    size: Size,
    elements: tuple[Matrix, ...],
    types: Sequence[FieldType],
    stated: Sequence[FieldType | None] = (),
    *,
    equivariant: bool = False,
) -> Inferred:
    """The claim about a result, each of its plain tensors by itself.

    Args:
        runner: of a copy of the network in evaluation mode.
        size: (H, W) of the input.
        elements: that are claimed.
        types: field types that were met on the way, in order of appearance; a result is most likely of one of the last.
        stated: types of the result's tensors, None for those of which nothing was said.
        equivariant: somebody said so: what has no type then lacks one.
    """
    subject = runner.subject
    x = random_input(subject, size, 0, torch.float32)
    result = runner(x)
    stated = [*stated, *[None] * (len(result) - len(stated))]
    open_ones = [i for i, (_, own) in enumerate(result) if own is None and stated[i] is None]
    if not open_ones or len(elements) == 1:
        plain = bool(open_ones) and not any(stated) and not equivariant
        return Inferred("invariant" if plain else "equivariant", tuple(stated) if any(stated) else None)
    moved = {m: runner(transform(x, subject.in_type, m), m) for m in elements if can_move(x, m)}
    kinds: list[FieldType | None] = list(stated)
    words, missing = [], []
    invariant, refuted = 0, False
    for i in open_ones:
        tensor = result[i][0]
        which = f"result {i}, {tuple(tensor.shape)}," if len(result) > 1 else f"the result, {tuple(tensor.shape)},"
        pairs = {m: found[i][0] for m, found in moved.items() if found[i][0].shape == tensor.shape}
        found = likely_type(tensor, pairs, types, complete=len(pairs) == len(elements))
        if found == "invariant":
            invariant += 1
            words.append(f"{which} is invariant")
        elif isinstance(found, FieldType):
            kinds[i] = found
            words.append(f"{which} turns as {type_notation(found)}")
        else:
            unusual = unusual_type(tensor, pairs, types, complete=len(pairs) == len(elements))
            if unusual is not None:
                missing.append(
                    f"{which} is neither invariant nor of a type met on the way; measured, it turns as "
                    f"{type_notation(unusual)}: if that is meant, say out_type= (--out-type {type_notation(unusual)!r})"
                )
            elif equivariant:
                missing.append(f"{which} has no field type, and turns as none that was tried; say out_type=")
            elif is_map(tensor):
                refuted = True
                kinds[i] = trivial_type(subject.in_type.gspace, tensor.shape[1])
                words.append(f"{which} was taken for a map of scalars, as it turns as none of the types met on the way")
            else:
                refuted = True
                invariant += 1
                words.append(f"{which} was taken for invariant, as it turns as none of the types met on the way")
    lead = "Equivariance was claimed, but not how the result turns" if equivariant else "Nobody stated the claim"
    said = f"{lead}; measured, {'; '.join(words)}: {STATE}." if words else ""
    if refuted and any(t is None for _, t in subject.typed_others):
        said += " Its other inputs were left alone by the group; if they turn with the first, say a tuple as in_type=."
    lacking = f"{subject.name}: {'; '.join(missing)}" if missing else ""
    if invariant == len(result):
        return Inferred("invariant", None, said, lacking)
    return Inferred("equivariant", tuple(kinds), said, lacking)


def can_move(x: Tensor, matrix: Matrix) -> bool:
    """Whether an element leaves a map's shape as it is."""
    return x.shape[2] == x.shape[3] or matrix[0] != 0


def is_map(tensor: Tensor) -> bool:
    """Whether a tensor is (B, C, H, W) with more than one pixel."""
    return tensor.dim() == 4 and tensor.shape[2] * tensor.shape[3] > 1


def likely_type(
    tensor: Tensor, moved: dict[Matrix, Tensor], types: Sequence[FieldType], *, complete: bool
) -> FieldType | str | None:
    """A map of scalars, "invariant", or one of the types met on the way, the last first; None if all are refuted."""
    scalars = [trivial_type(types[0].gspace, tensor.shape[1])] if is_map(tensor) and types else []
    met = [kind for kind in reversed(types) if tensor.dim() in (2, 4) and kind.size == tensor.shape[1]]
    if not complete:
        return scalars[0] if scalars else "invariant"
    for kind in scalars:
        if fits(tensor, moved, kind):
            return kind
    if all(close(found, tensor, tensor) for found in moved.values()):
        return "invariant"
    return next((kind for kind in met if fits(tensor, moved, kind)), None)


def fits(tensor: Tensor, moved: dict[Matrix, Tensor], kind: FieldType) -> bool:
    """Whether results on g x are the result, acted on as a type says."""
    known = grid_elements(kind.gspace)
    if is_map(tensor) and not all(can_move(tensor, m) for m in moved):
        return False
    return all(m in known and close(found, transform(tensor, kind, m), tensor) for m, found in moved.items())


def close(found: Tensor, wanted: Tensor, scale: Tensor) -> bool:
    """Whether two tensors are equal up to what no other claim would explain."""
    error = float((found.double() - wanted.double()).abs().max()) if found.numel() else 0.0
    return error <= CLOSE * float(scale.double().abs().max()) if found.numel() else True


def unusual_type(
    tensor: Tensor, moved: dict[Matrix, Tensor], types: Sequence[FieldType], *, complete: bool
) -> FieldType | None:
    """A sum of the group's standard representations as which a tensor turns, read off field by field; None if none."""
    if not complete or tensor.dim() not in (2, 4):
        return None
    for space in dict.fromkeys(kind.gspace for kind in reversed(types)):
        found = read_fields(tensor, moved, standard_representations(space), partial(single_field, space))
        if found:
            return FieldType(space, found)
    return None


def single_field(space: GSpace2D, representation: Representation) -> FieldType:
    """One field."""
    return FieldType(space, [representation])


def read_fields(
    tensor: Tensor, moved: dict[Matrix, Tensor], known: Sequence[Representation], single: Callable[[Any], FieldType]
) -> list[Representation]:
    """The first representation that explains the next channels, and so on; none if some are explained by none."""
    start, found = 0, []
    while start < tensor.shape[1]:
        for representation in known:
            end = start + representation.size
            part = tensor[:, start:end]
            parts = {m: other[:, start:end] for m, other in moved.items()}
            if end <= tensor.shape[1] and fits(part, parts, single(representation)):
                found.append(representation)
                start = end
                break
        else:
            return []
    return found


def standard_representations(space: GSpace2D) -> list[Representation]:
    """Irreps and the regular representation, small ones first."""
    group = space.fibergroup
    if is_continuous(space):
        name = group_name(space)
        turns: list[tuple[int, ...]] = [(f,) for f in range(HIGHEST + 1)]
        flips: list[tuple[int, ...]] = [(0, 0), (1, 0), *((1, f) for f in range(1, HIGHEST + 1))]
        irreps = turns if name == "SO2" else flips
        return [group.irrep(*numbers) for numbers in irreps]
    return [*sorted(group.irreps(), key=lambda r: (r.size, not r.is_trivial())), space.regular_repr]
