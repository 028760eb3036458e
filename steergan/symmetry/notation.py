"""Field types in one word, for command lines and messages: `3*trivial@D4`, `2*regular+irrep_1@C4`."""

import re
from itertools import groupby

from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.symmetry.fields import field_name, fourier_representation
from steergan.symmetry.groups import group_name, gspace, is_continuous

TERM = re.compile(r"(?:(\d{1,4})\*)?([a-z]+)(?:_([\d,]+)|\(([\d, ]+)\))?")

FORM = "such as 3*trivial@D4, 2*regular+irrep_1@C4, 4*quotient_2@C8 or fourier_3@SO2"

MOST = 4096
"""Fields of a term, at most."""


def field_type(notation: str) -> FieldType:
    """The field type that a notation says: terms with +, each a representation, many times with *, and @ the group.

    Representations are `trivial`, `regular` (finite groups), `irrep_K` (of D_N and O2 `irrep_J,K`: J is 1 where a
    reflection flips it), `quotient_N` (of C_N and D_N, by its rotations of order N; `quotient_A,N` with the reflection
    about axis A too) and `fourier_K` (SO2 and O2, up to frequency K). Parentheses do for `_`: `irrep(1,1)`.

    Raises:
        SymmetryError: it does not parse, or the group has no such representation.

    Example:
        >>> field_type("3*trivial+irrep_1@C4").size
        5
    """
    terms, _, group = notation.replace(" ", "").rpartition("@")
    if not terms:
        raise SymmetryError(f"{notation!r} came; a field type was wanted, {FORM}")
    space = gspace(group)
    found: list[Representation] = []
    for term in terms.split("+"):
        parsed = TERM.fullmatch(term)
        if parsed is None or not 0 < int(parsed[1] or 1) <= MOST:
            raise SymmetryError(f"{term!r} in {notation!r} is no number of fields; {FORM} were wanted")
        numbers = tuple(int(n) for n in (parsed[3] or parsed[4] or "").split(",") if n)
        found += [representation(space, parsed[2], numbers)] * int(parsed[1] or 1)
    return FieldType(space, found)


def representation(space: GSpace2D, name: str, numbers: tuple[int, ...]) -> Representation:
    """A representation of a group by name and numbers: `irrep`, (1,).

    Raises:
        SymmetryError: the group has none such.
    """
    words = "_".join([name, *([",".join(str(n) for n in numbers)] if numbers else [])])
    try:
        if name == "trivial" and not numbers:
            return space.trivial_repr
        if name == "regular" and not numbers and not is_continuous(space):
            return space.regular_repr
        if name == "irrep" and numbers:
            return space.irrep(*numbers)
        if name == "fourier" and len(numbers) == 1:
            return fourier_representation(space, *numbers)
        if name == "quotient" and numbers and not is_continuous(space):
            flips = group_name(space).startswith("D")
            identity = (None, *numbers) if flips and len(numbers) == 1 else numbers
            return space.quotient_repr(identity if flips else numbers[0])
    except (AssertionError, IndexError, KeyError, TypeError, ValueError, SymmetryError) as error:
        raise SymmetryError(f"{group_name(space)} has no {words}: {' '.join(str(error).split())[:120]}") from error
    known = ("trivial", "irrep_K", "fourier_K") if is_continuous(space) else REPRESENTATIONS
    raise SymmetryError(f"{group_name(space)} has no {words}; {', '.join(known)} are known")


REPRESENTATIONS = ("trivial", "regular", "irrep_K", "quotient_N")


def type_notation(kind: FieldType) -> str:
    """A field type as `field_type` reads it; representations that have no notation by escnn's name.

    Example:
        >>> type_notation(field_type("3*trivial+irrep_1@C4"))
        '3*trivial+irrep_1@C4'
    """
    runs = [(field_name(r), len(list(run))) for r, run in groupby(kind.representations)]
    terms = [name if count == 1 else f"{count}*{name}" for name, count in runs]
    return f"{'+'.join(terms)}@{group_name(kind.gspace)}"
