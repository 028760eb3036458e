"""What was stated of a result's tensors, in order or by name."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TypeAlias

import torch
from escnn.nn import FieldType
from torch import nn

from steergan.errors import SubjectError
from steergan.verification.inputs import leaves
from steergan.verification.rehearsal import result_at
from steergan.verification.subject import Subject, random_input
from steergan.verification.surroundings import seeded

OutTypes: TypeAlias = FieldType | Sequence[FieldType | None] | Mapping[str, FieldType | None]


def named_types(subject: Subject, network: nn.Module, out_type: OutTypes) -> tuple[FieldType | None, ...]:
    """Types of a result's tensors, which were stated in a tuple, or by name.

    Raises:
        SubjectError: not one for each; a name that the result has not; something that is no type.
    """
    if not isinstance(out_type, Mapping):
        found = tuple(leaves(list(out_type)))
    else:
        names = names_in(subject, network)
        unknown = [name for name in out_type if name not in names]
        if unknown:
            came = ", ".join(names) or "no names"
            raise SubjectError(f"{subject.name}: out_type names {unknown[0]!r}; its result has {came}")
        found = tuple(out_type.get(name) for name in names)
    if not all(kind is None or isinstance(kind, FieldType) for kind in found):
        raise SubjectError(f"out_type {out_type!r:.60}: a FieldType was wanted, or one (or None) for each result")
    count = len(result_at(subject, subject.sizes[0], network))
    if len(found) != count:
        came = f"{subject.name} returns {count} tensors, and out_type says {len(found)}"
        raise SubjectError(f"{came}; one each was wanted")
    return found


def names_in(subject: Subject, network: nn.Module) -> list[str]:
    """Names of a result's tensors: keys of a dict, names of a named tuple's or dataclass's parts."""
    with torch.no_grad(), seeded():
        result = subject(network, random_input(subject, subject.sizes[0], 0, torch.float32))
    if isinstance(result, Mapping):
        return [str(key) for key, value in result.items() if value is not None]
    parts = [part.name for part in fields(result)] if is_dataclass(result) else list(getattr(result, "_fields", ()))
    return [name for name in parts if getattr(result, name) is not None]
