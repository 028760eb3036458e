"""A map's law is written out once, until the map is another."""

import torch

from steergan.verification.laws.law import Fields, Fixed, Turning, distinct
from steergan.verification.laws.spelling import Spelling
from tests.verification.laws.programs import elements_of, field_type


def test_slices_share_atoms_until_the_map_is_written_to_or_gets_another_law() -> None:
    in_type = field_type("C4", "regular")
    spell, x, law = Spelling(elements_of("C4")), torch.zeros(1, in_type.size, 3, 3), Fields(in_type)
    first = spell(law, x)
    assert isinstance(first, Turning)
    assert spell(law, x) is first
    again = spell(Fields(in_type), x)
    assert isinstance(again, Turning)
    assert again.atoms != first.atoms
    spell.forget(x)
    last = spell(law, x)
    assert isinstance(last, Turning)
    assert last.atoms not in (first.atoms, again.atoms)
    still = Fixed(distinct(x.shape))
    assert spell(still, x) is still


def test_other_names_and_copies_of_a_map_share_its_atoms_until_one_is_written_to() -> None:
    in_type = field_type("C4", "regular")
    spell, law = Spelling(elements_of("C4")), Fields(in_type)
    x, copy, later = (torch.zeros(1, in_type.size, 3, 3) for _ in range(3))
    spell.same(copy, x)
    first = spell(law, x)
    spell.same(later, copy)
    assert spell(law, copy) is first
    assert spell(law, later) is first
    spell.forget(copy)
    assert spell(law, copy) is not first
    assert spell(law, x) is first
    another = spell(Fields(in_type), later)
    assert another is not first
    assert spell(law, x) is first
