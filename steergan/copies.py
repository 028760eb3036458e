"""Copies of networks that share what never changes: field types, groups, unsampled bases."""

import copy
from collections import Counter, OrderedDict
from copyreg import __newobj__, dispatch_table  # type: ignore[attr-defined]
from types import FunctionType, NoneType
from typing import Any, TypeVar

from escnn.group import Group, Representation
from escnn.gspaces import GSpace
from escnn.kernels import KernelBasis
from escnn.nn import FieldType
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)

_ATOMS = frozenset({NoneType, bool, int, float, str, type, FunctionType})
_CONTAINERS = frozenset({dict, OrderedDict, set, list})


def copied(module: Module) -> Module:
    """A copy that shares no tensor with the module.

    Field types, groups and unsampled bases, which never change, it shares: copying them is nearly all the work of
    `copy.deepcopy`, whose result is the same but for them. Most of the rest are a module's own empty containers of
    hooks, which are made anew.

    An R2Conv in evaluation mode, whose cached filter has a graph that torch refuses to copy, is copied too.

    Args:
        module: any network.
    """
    memo: dict[int, Any] = {}
    parts = _parts(module)
    for part in parts:
        for value in list(vars(part).values()):
            for shared in _constants(value):
                memo[id(shared)] = shared
        for tensor in [*part._buffers.values(), *vars(part).values()]:
            if isinstance(tensor, Tensor) and tensor.grad_fn is not None:
                memo[id(tensor)] = tensor.detach().clone()
    memo.update(_clones(parts))
    states = [(part, state) for part in parts if (state := _plain_state(part)) is not None]
    twins = [type(part).__new__(type(part)) for part, _ in states]
    memo.update((id(part), twin) for (part, _), twin in zip(states, twins, strict=True))
    for (_, state), twin in zip(states, twins, strict=True):
        twin.__setstate__({name: _copied_value(value, memo) for name, value in state.items()})
    return copy.deepcopy(module, memo)


def _parts(module: nn.Module) -> list[nn.Module]:
    """As `modules()`, which asks escnn's bases for hashes that are slow to make."""
    found = {id(module): module}
    waiting = [module]
    while waiting:
        for part in waiting.pop()._modules.values():
            if part is not None and id(part) not in found:
                found[id(part)] = part
                waiting.append(part)
    return list(found.values())


def _clones(parts: list[nn.Module]) -> dict[int, Tensor]:
    """By id, copies of plain tensors that have their storage for themselves: `deepcopy` takes ten times as long."""
    seen = [t for part in parts for t in [*part._buffers.values(), *vars(part).values()] if type(t) is Tensor]
    tensors = {id(tensor): tensor for tensor in seen}
    owners = Counter(tensor.untyped_storage()._cdata for tensor in tensors.values())
    return {
        number: tensor.clone()
        for number, tensor in tensors.items()
        if owners[(storage := tensor.untyped_storage())._cdata] == 1
        and storage.nbytes() == tensor.nbytes
        and tensor.is_contiguous()
        and not (tensor.requires_grad or tensor.is_conj() or tensor.is_neg() or tensor.__dict__)
    }


def _plain_state(module: nn.Module) -> dict[str, Any] | None:
    """What `copy.deepcopy` would copy one by one into a new object of the kind; None if the kind says otherwise."""
    kind = type(module)
    if kind in dispatch_table or hasattr(kind, "__deepcopy__") or kind.__setstate__ is not nn.Module.__setstate__:
        return None
    reduced: Any = module.__reduce_ex__(4)
    make, arguments, state, *items = reduced
    usual = make is __newobj__ and arguments == (kind,) and isinstance(state, dict) and not any(items)
    return state if usual else None


def _copied_value(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind in _CONTAINERS and not value and id(value) not in memo:
        memo[id(value)] = kind()
    return copy.deepcopy(value, memo)


def _constants(value: Any) -> list[Any]:
    if type(value) in _ATOMS:
        return []
    if isinstance(value, FieldType):
        return [value, value.gspace, value.gspace.fibergroup, *set(value.representations)]
    if isinstance(value, GSpace | Group | Representation | KernelBasis):  # unsampled bases are slow to copy
        return [value]
    if isinstance(value, list | tuple):
        return [shared for part in value for shared in _constants(part)]
    return []
