"""Fields of any group under its pixel group: their irreps, and an isometry into regular fields.

The channels v of a field type lie in regular fields of the pixel group H by x[g] = <v_i, rho(g)^-1 x> for some vectors
v_1 .. v_n, one for each regular field. That commutes with H whatever the v_i are, and the map E of all n is an
isometry, E^T E = 1, if every irrep psi of H finds room: a regular field has psi as often as psi's dimension says, so
with orthonormal copies w_j of psi in the channels,

    v_i = sum over psi and a of  sqrt(dim psi / |H|)  w_(i dim + a), a        (copy number, entry within the copy)

(Schur's orthogonality). What finds no channel stays zero: the fields are padded.
"""

import math
from functools import lru_cache

import numpy as np
from escnn.group import IrreducibleRepresentation, Representation
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray

from steergan.symmetry import ROUNDING, elements_of, group_order, gspace, plane_matrices

FloatArray = NDArray[np.float64]


def regular_fields(representations: tuple[Representation, ...], space: GSpace2D, group: str) -> int:
    """Free orbits of channels, and room for the irreps of all other fields."""
    free, rest = 0, []
    for representation in representations:
        orbits = free_orbits(representation, space, group)
        if orbits is None:
            rest.append(representation)
        else:
            free += len(orbits)
    needed = [0]
    for number, irrep in enumerate(_irreps(group)):
        copies = sum(len(irrep_copies(r, space, group)[number]) for r in rest)
        needed.append(math.ceil(copies / _room(irrep)))
    return free + max(needed)


def isometry(representations: tuple[Representation, ...], space: GSpace2D, group: str) -> FloatArray:
    """E of fields side by side, (count * |H|, channels)."""
    irreps, size = _irreps(group), group_order(gspace(group))
    starts = np.cumsum([0, *(r.size for r in representations)])
    channels, count = int(starts[-1]), regular_fields(representations, space, group)
    seeds = np.zeros((count, channels))
    free = 0
    taken = [0] * len(irreps)
    total_free = sum(len(free_orbits(r, space, group) or ()) for r in representations)
    for representation, start in zip(representations, starts[:-1], strict=True):
        orbits = free_orbits(representation, space, group)
        if orbits is not None:
            seeds[np.arange(free, free + len(orbits)), start + np.array(orbits)] = 1
            free += len(orbits)
            continue
        part = slice(start, start + representation.size)
        for number, copies in enumerate(irrep_copies(representation, space, group)):
            room, dim = _room(irreps[number]), irreps[number].size
            for copy in copies:
                field, entry = divmod(taken[number], room)
                seeds[total_free + field, part] += math.sqrt(dim / size) * copy[entry]
                taken[number] += 1
    rows = np.zeros((count, size, channels))
    for representation, start in zip(representations, starts[:-1], strict=True):
        part = slice(start, start + representation.size)
        rows[:, :, part] = np.einsum("hij,nj->nhi", pixel_action(representation, space, group), seeds[:, part])
    return rows.reshape(count * size, channels)


def _irreps(group: str) -> list[IrreducibleRepresentation]:
    return list(gspace(group).fibergroup.irreps())


def _room(irrep: IrreducibleRepresentation) -> int:
    """How often a regular field has an irrep: as its dimension says, a complex one in two real numbers once."""
    return int(irrep.size) if irrep.type == "R" else 1


@lru_cache(maxsize=256)
def pixel_action(representation: Representation, space: GSpace2D, group: str) -> FloatArray:
    """The matrices of the pixel group's elements, in its order, (|H|, size, size)."""
    found = []
    elements = elements_of(space, 4)
    planes = np.stack([np.asarray(space.basespace_action(element), dtype=np.float64) for element in elements])
    for wanted in plane_matrices(gspace(group)):
        number = int(np.abs(planes - wanted).max(axis=(1, 2)).argmin())
        matrix = np.asarray(representation(elements[number]), dtype=np.float64)
        near = np.abs(matrix - matrix.round()) < ROUNDING
        found.append(np.where(near, matrix.round(), matrix))
    return np.stack(found)


@lru_cache(maxsize=256)
def free_orbits(representation: Representation, space: GSpace2D, group: str) -> tuple[int, ...] | None:
    """The first channel of each orbit, if the pixel group permutes channels, and no element but one keeps any."""
    action = pixel_action(representation, space, group)
    ones = (np.abs(action - 1) < ROUNDING).sum(axis=(1, 2)) == representation.size
    if not ones.all() or np.abs(action).sum() > len(action) * representation.size + ROUNDING:
        return None
    images = action.argmax(axis=1)  # [h, c]: the channel to which h takes c
    if any(len(set(column)) < len(action) for column in images.T):
        return None
    return tuple(c for c in range(representation.size) if images[:, c].min() == c)


@lru_cache(maxsize=256)
def irrep_copies(representation: Representation, space: GSpace2D, group: str) -> tuple[FloatArray, ...]:
    """For each irrep of the pixel group its copies in a representation, orthonormal: (copies, dim, size) each."""
    action = pixel_action(representation, space, group)
    elements = gspace(group).fibergroup.elements
    found = []
    for irrep in _irreps(group):
        psi = np.stack([np.asarray(irrep(element), dtype=np.float64) for element in elements])
        # projections[b] takes the first vector of a copy to its vector b; the first one projects on first vectors.
        projections = np.einsum("hb,hij->bij", psi[:, :, 0], action) * irrep.size / len(elements)
        copies: list[FloatArray] = []
        residual = projections[0].copy()
        while True:
            lengths = np.linalg.norm(residual, axis=0)
            if lengths.max() < LEAST_LENGTH:
                break
            first = residual[:, int(lengths.argmax())]
            copy = projections @ (first / np.linalg.norm(first))
            copies.append(copy)
            residual -= copy.T @ (copy @ residual)
        found.append(np.array(copies).reshape(len(copies), irrep.size, representation.size))
    return tuple(found)


LEAST_LENGTH = 1e-6
"""Of what is left of an orthogonal projection: below it is rounding; what is there is 1 / sqrt(size) long, or more."""
