"""Field types and representations of a group, and how many fields stand in for the channels of a plain CNN."""

from functools import cache
from math import isqrt, sqrt

import numpy as np
from escnn.group import GroupElement, Representation, directsum
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.symmetry.groups import HIGHEST_FREQUENCY, elements_of, group_name, group_order, is_continuous
from steergan.symmetry.permutations import is_grid_group


def regular_type(space: GSpace2D, fields: int) -> FieldType:
    """`fields` regular fields: functions on the group at every pixel.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> regular = regular_type(gspace("C4"), 3)
        >>> len(regular), regular.size  # fields, channels
        (3, 12)
    """
    return FieldType(space, [space.regular_repr] * fields)


def trivial_type(space: GSpace2D, fields: int) -> FieldType:
    """`fields` trivial fields: plain channels, such as an image's.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> trivial_type(gspace("C4"), 3).size
        3
    """
    return FieldType(space, [space.trivial_repr] * fields)


@cache
def fourier_representation(space: GSpace2D, frequency: int) -> Representation:
    """Functions on SO(2) or O(2) up to an angular frequency: their Fourier coefficients, in a basis of irreps.

    The size is 2 frequency + 1 for SO(2), twice as much for O(2).

    Raises:
        SymmetryError: the group is finite, or the frequency is out of range.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> fourier_representation(gspace("SO2"), 3).size, fourier_representation(gspace("O2"), 3).size
        (7, 14)
    """
    if not is_continuous(space):
        raise SymmetryError(f"{group_name(space)} is finite; its functions are regular fields, not Fourier fields")
    if not 0 <= frequency <= HIGHEST_FREQUENCY:
        raise SymmetryError(f"frequency {frequency}: 0 to {HIGHEST_FREQUENCY} was wanted")
    reflections = group_name(space) == "O2"
    irreps: list[tuple[int, ...]] = [(0, 0), (1, 0)] if reflections else [(0,)]
    irreps += [(1, f) if reflections else (f,) for f in range(1, frequency + 1)]
    return space.fibergroup.spectral_regular_representation(*irreps)


def field_name(representation: Representation) -> str:
    """A representation's name for tables: `trivial`, `fourier_3` where escnn spells out every irrep, else escnn's.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> space = gspace("SO2")
        >>> field_name(space.trivial_repr), field_name(fourier_representation(space, 2))
        ('trivial', 'fourier_2')
    """
    if representation.is_trivial():
        return "trivial"
    name = str(representation.name)
    return f"fourier_{representation.irreps[-1][-1]}" if name.startswith("regular_[") else name


@cache
def gated_representation(space: GSpace2D, frequency: int) -> Representation:
    """A gate, which is a trivial irrep, and behind it a Fourier field.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> gated_representation(gspace("SO2"), 3).size  # the gate, and 7 coefficients
        8
    """
    parts = [space.trivial_repr, fourier_representation(space, frequency)]
    return directsum(parts, name=f"gated_{frequency}")


def fields_for_width(
    space: GSpace2D,
    width: int,
    kernel_size: int = 5,
    representation: Representation | None = None,
    band_limited: bool = False,
) -> int:
    """How many fields stand in for `width` channels of a plain CNN with 3x3 filters, at about as many parameters.

    Groups that permute pixels: int(width / sqrt(|G|)) regular fields, the rule of Dey et al. 2021, section 3 ("divided
    by the square root of the cardinality of the symmetry set"). Between two layers of so many fields there are
    9 |G| fields^2 = 9 width^2 weights. All others (C_N, D_N beyond 4, SO2, O2) are made to have as many: with d free
    weights of a filter between two fields (`filter_weights`), 3 width / sqrt(d) fields, rounded. At least one.

    Args:
        space: the group's gspace.
        width: channels of the plain CNN.
        kernel_size: of the filters; groups that permute pixels do without.
        representation: of a field; None: the regular one.
        band_limited: whether filters are those of all others.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> [fields_for_width(gspace(name), 64) for name in ("trivial", "C4", "D4", "C8")]
        [64, 32, 22, 20]
    """
    if is_grid_group(space) and not band_limited:
        return max(1, isqrt(width * width // group_order(space)))
    field = space.regular_repr if representation is None else representation
    return max(1, round(3 * width / sqrt(filter_weights(space, field, field, kernel_size))))


def ring_frequencies(kernel_size: int) -> list[int]:
    """The highest angular frequency that escnn's basis has on each ring of a kernel, from the centre to the rim.

    Rings are one pixel apart. Source: escnn's default band limit for `R2Conv`.

    Examples:
        >>> ring_frequencies(3), ring_frequencies(7)
        ([0, 2], [0, 2, 3, 2])
    """
    rim = kernel_size // 2
    return [0] + [2 * r - (r + 1) % 2 if r < rim else 2 for r in range(1, rim + 1)]


@cache
def filter_weights(space: GSpace2D, out_field: Representation, in_field: Representation, kernel_size: int) -> int:
    """Free weights of a band-limited filter between two fields, on a square kernel of odd size.

    The dimension of the filters that satisfy K(g x) = rho_out(g) K(x) rho_in(g)^-1, counted by characters: the mean
    over the group of trace(rho_out) trace(rho_in) times the trace on each ring's circular harmonics.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> space = gspace("C8")
        >>> filter_weights(space, space.regular_repr, space.trivial_repr, 3)
        6
    """
    elements = elements_of(space, 8 * HIGHEST_FREQUENCY)
    rings, total = ring_frequencies(kernel_size), 0.0
    for element in elements:
        (a, b), (c, d) = np.asarray(space.basespace_action(element), dtype=np.float64)
        angle, turns = np.arctan2(c, a), a * d - b * c > 0
        harmonics = sum(1 + turns * 2 * sum(np.cos(m * angle) for m in range(1, f + 1)) for f in rings)
        total += character(out_field, element) * character(in_field, element) * harmonics
    return round(total / len(elements))


def character(representation: Representation, element: GroupElement) -> float:
    """The trace of a representation's matrix at an element, from those of its irreps, without making the matrix.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> space = gspace("C4")
        >>> [round(character(space.regular_repr, g)) for g in space.fibergroup.elements]
        [4, 0, 0, 0]
    """
    return sum(float(np.trace(representation.group.irrep(*irrep)(element))) for irrep in representation.irreps)
