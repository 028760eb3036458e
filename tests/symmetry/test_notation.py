"""Field types in one word: what is written is read again, and what does not parse is refused in words."""

import numpy as np
import pytest
from escnn import gspaces
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.symmetry import field_type, fourier_representation, gspace, type_notation

D4, C8, SO2 = gspace("D4"), gspace("C8"), gspace("SO2")


@pytest.mark.parametrize(
    ("notation", "wanted"),
    [
        ("3*trivial@D4", FieldType(D4, [D4.trivial_repr] * 3)),
        ("2*regular+irrep_1,1@D4", FieldType(D4, [D4.regular_repr] * 2 + [D4.irrep(1, 1)])),
        ("2 * regular + irrep(1, 1) @ D4", FieldType(D4, [D4.regular_repr] * 2 + [D4.irrep(1, 1)])),
        ("quotient_2@C8", FieldType(C8, [C8.quotient_repr(2)])),
        ("quotient_2@D4", FieldType(D4, [D4.quotient_repr((None, 2))])),
        ("quotient_0,2@D4", FieldType(D4, [D4.quotient_repr((0, 2))])),
        ("fourier_3+irrep_2@SO2", FieldType(SO2, [fourier_representation(SO2, 3), SO2.irrep(2)])),
    ],
)
def test_a_notation_is_the_field_type_that_it_says(notation: str, wanted: FieldType) -> None:
    assert field_type(notation) == wanted


@pytest.mark.parametrize("words", ["3*trivial+2*regular@D4", "irrep_1@C4", "fourier_2@SO2", "trivial+irrep_1,2@O2"])
def test_what_is_written_of_a_type_is_read_again(words: str) -> None:
    assert type_notation(field_type(words)) == words


def test_a_user_s_own_group_of_the_same_name_is_the_same() -> None:
    space = gspaces.flipRot2dOnR2(4)
    assert field_type("regular@D4") == FieldType(space, [space.regular_repr])
    element = space.fibergroup.elements[3]
    assert np.array_equal(field_type("regular@D4").representation(element), space.regular_repr(element))


@pytest.mark.parametrize(
    ("notation", "words"),
    [
        ("3*trivial", "a field type was wanted"),
        ("@C4", "a field type was wanted"),
        ("0*trivial@C4", "no number of fields"),
        ("99999*trivial@C4", "no number of fields"),
        ("3xtrivial@C4", "no number of fields"),
        ("trivial++regular@C4", "no number of fields"),
        ("trivial@E8", "group 'E8' is not known"),
        ("normal@C4", "C4 has no normal; trivial, regular, irrep_K, quotient_N are known"),
        ("regular@SO2", "SO2 has no regular; trivial, irrep_K, fourier_K are known"),
        ("irrep_7@C4", "C4 has no irrep_7"),
        ("irrep_1@D4", "D4 has no irrep_1"),
        ("quotient_3@C4", "C4 has no quotient_3"),
        ("fourier_2@C4", "C4 has no fourier_2"),
    ],
)
def test_what_does_not_parse_is_refused_in_one_line(notation: str, words: str) -> None:
    with pytest.raises(SymmetryError, match=words) as found:
        field_type(notation)
    assert "\n" not in str(found.value)
