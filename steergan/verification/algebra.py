"""Level 0: the group, its representations and its action on the pixel grid, in integers."""

from collections.abc import Iterable, Iterator

import numpy as np
from escnn.group import Representation
from escnn.gspaces import GSpace2D

from steergan.symmetry import ROUNDING
from steergan.verification.elements import NAMES, Matrix, grid_elements, group_elements, pixel_action
from steergan.verification.records import Finding, Record, broken, exact
from steergan.verification.subject import Size

ORTHOGONALITY = 1e-12
"""How far a representation that is no signed permutation may be from orthogonal, and from a homomorphism."""


def algebra_records(
    spaces: Iterable[GSpace2D],
    representations: Iterable[Representation],
    elements: tuple[Matrix, ...],
    sizes: set[Size],
) -> Iterator[Record]:
    """What everything else stands on.

    Args:
        spaces: gspaces in use.
        representations: in use, each once.
        elements: that are claimed.
        sizes: of maps in use.
    """
    for space in spaces:
        yield Record(0, space.name, group_table(space), layer="group")
        yield Record(0, space.name, plane_action(space), layer="action on the plane")
    for representation in representations:
        name = f"{representation.name} of {representation.group.name}"
        yield Record(0, name, representation_finding(representation), layer="representation")
    for size in sorted(sizes):
        yield Record(0, "pixel grid", grid_finding(elements, size), layer="action on pixels", sizes=(size,))


def group_table(space: GSpace2D) -> Finding:
    """Closed, associative, with an identity and inverses; of a continuous group, its quarter turns are."""
    elements = group_elements(space)
    number = {element: n for n, element in enumerate(elements)}
    table = np.array([[number.get(a @ b, -1) for b in elements] for a in elements])
    if (table < 0).any():
        a, b = np.argwhere(table < 0)[0]
        return broken("the product of two elements was wanted among them", f"{elements[a]} times {elements[b]}")
    one = number[space.fibergroup.identity]
    if (table[one] != np.arange(len(elements))).any() or (table[:, one] != np.arange(len(elements))).any():
        return broken("an identity was wanted", str(elements[one]))
    if not np.array_equal(table[table], table[:, table]):
        return broken("an associative product was wanted", space.name)
    inverse = np.array([number.get(~element, -1) for element in elements])
    if (inverse < 0).any() or (table[np.arange(len(elements)), inverse] != one).any():
        return broken("inverses were wanted", space.name)
    return exact(f"the multiplication table of {len(elements)} elements is closed and associative, with inverses")


def plane_action(space: GSpace2D) -> Finding:
    """The claimed elements' integer matrices multiply as the elements do."""
    found = grid_elements(space)
    names = {element: matrix for matrix, element in found.items()}
    for m, g in found.items():
        for n, h in found.items():
            product = tuple(int(v) for v in (np.reshape(m, (2, 2)) @ np.reshape(n, (2, 2))).ravel())
            if names.get(g @ h) != product:
                return broken("matrices that multiply as elements do were wanted", f"{NAMES[m]} times {NAMES[n]}")
    return exact(f"{len(found)} elements act on the plane by integer matrices, multiplied as the elements are")


def representation_finding(representation: Representation) -> Finding:
    """rho(g) rho(h) = rho(gh) for all pairs: in integers for signed permutations, else to 1e-12."""
    group = representation.group
    elements = list(group.elements if group.order() > 0 else group.grid(type="regular", N=4))
    matrices = np.stack([np.asarray(representation(e), dtype=np.float64) for e in elements])
    rounded = matrices.round()
    integral = np.abs(matrices - rounded).max() < ROUNDING
    if integral:
        matrices = rounded.astype(np.int64).astype(np.float64)
    number = {element: n for n, element in enumerate(elements)}
    orthogonal = np.abs(np.einsum("gij,gkj->gik", matrices, matrices) - np.eye(representation.size)).max()
    worst, where = 0.0, ""
    for g, a in enumerate(elements):
        products = matrices[g] @ matrices
        wanted = matrices[[number[a @ b] for b in elements]]
        error = np.abs(products - wanted).max(axis=(1, 2))
        if error.max() > worst:
            worst, where = float(error.max()), f"{a} times {elements[int(error.argmax())]}"
    worst = max(worst, float(orthogonal))
    if integral and worst == 0:
        return exact(f"{len(elements)} signed permutations; rho(g) rho(h) = rho(gh) for all {len(elements) ** 2} pairs")
    if not integral and worst < ORTHOGONALITY:
        return Finding("bounded", "holds", "orthogonal, and rho(g) rho(h) = rho(gh) for all pairs", worst)
    return broken("an orthogonal homomorphism was wanted", where or "orthogonality", worst)


def grid_finding(elements: tuple[Matrix, ...], size: Size) -> Finding:
    """Each element permutes the pixels, and the permutations multiply as the matrices do."""
    index = {matrix: pixel_action(matrix, *size) for matrix in elements}
    for matrix, moved in index.items():
        if moved is None:
            return broken("a permutation of pixels was wanted", f"{NAMES[matrix]} turns the map onto another shape")
        if not np.array_equal(moved.sort()[0].numpy(), np.arange(size[0] * size[1])):
            return broken("a permutation of pixels was wanted", NAMES[matrix])
    for m, first in index.items():
        for n, second in index.items():
            product = tuple(int(v) for v in (np.reshape(m, (2, 2)) @ np.reshape(n, (2, 2))).ravel())
            third = index.get(product)  # type: ignore[arg-type]
            assert first is not None
            assert second is not None
            # (g (h x))(p) = (h x)(g^-1 p) = x(h^-1 g^-1 p)
            if third is None or not bool((second[first] == third).all()):
                return broken("permutations that multiply as matrices do were wanted", f"{NAMES[m]} times {NAMES[n]}")
    return exact(f"{len(elements)} permutations of the pixels, multiplied as the elements are")
