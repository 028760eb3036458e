"""escnn's groups, spaces and representations as pickles: how they are made again, for they hold local functions.

Whatever has a field type (layers, networks, accelerated models) can then be pickled, and sent to other processes.
"""

import copyreg
from typing import Any

import numpy as np
from escnn import group as groups
from escnn.group import Group, IrreducibleRepresentation, Representation
from escnn.gspaces import GSpace0D, GSpace2D, no_base_space

from steergan.errors import SymmetryError


def made_group(kind: Any, keys: dict[str, Any]) -> Group:
    """The only group of a kind and these keys, such as its order."""
    return kind._generator(**keys)


def reduced_group(group: Any) -> tuple[Any, ...]:
    """For pickle: `made_group` and what it takes."""
    return made_group, (type(group), dict(group._keys))


def reduced_space(space: Any) -> tuple[Any, ...]:
    """For pickle: a planar space is that of a subgroup of O(2)."""
    return GSpace2D, (space._sg_id,)


def reduced_point(space: Any) -> tuple[Any, ...]:
    """For pickle: the space of a group that moves no base, of vectors."""
    return no_base_space, (space.fibergroup,)


def made_irrep(group: Group, number: tuple[Any, ...]) -> Representation:
    """An irrep by its number."""
    return group.irrep(*number)


def reduced_irrep(irrep: Any) -> tuple[Any, ...]:
    """For pickle: a group and the irrep's number."""
    return made_irrep, (irrep.group, irrep.id)


def made_representation(group: Any, name: str, irreps: list[Any], change: Any, functions: list[str]) -> Representation:
    """A representation by its irreps; the group's own of that name if there is one.

    Raises:
        SymmetryError: the group's own is another.
    """
    if name == "regular":
        _ = group.regular_representation  # from now on among those that it knows
    known = group.representations.get(name)
    if known is None:
        return Representation(group, name, irreps, np.array(change), supported_nonlinearities=functions)
    if list(known.irreps) != irreps or not np.allclose(known.change_of_basis, change):
        raise SymmetryError(f"{group.name} has another representation {name!r} than the pickled one; name it otherwise")
    found: Representation = known
    return found


def reduced_representation(representation: Any) -> tuple[Any, ...]:
    """For pickle: a group, irreps, and the matrix that takes their sum to the representation."""
    functions = sorted(representation.supported_nonlinearities)
    change = np.asarray(representation.change_of_basis)
    names = list(representation.irreps)
    return made_representation, (representation.group, representation.name, names, change, functions)


def register() -> None:
    """Tell pickle, and `copy.deepcopy`, which then shares what never changes."""
    for kind in vars(groups).values():
        if isinstance(kind, type) and issubclass(kind, Group) and kind is not Group:
            copyreg.pickle(kind, reduced_group)
    copyreg.pickle(GSpace2D, reduced_space)
    copyreg.pickle(GSpace0D, reduced_point)
    copyreg.pickle(IrreducibleRepresentation, reduced_irrep)
    copyreg.pickle(Representation, reduced_representation)


register()
