"""Which group the tests amount to, and in which words."""

from dataclasses import replace

import pytest

from steergan.invariance.element_laws import ElementLaw
from steergan.invariance.verdict import SubjectSymmetry, elements_tested, in_words, recommended

ROTATIONS = ("the rotation by 90 degrees", "the rotation by 180 degrees")
FLIPS = ("the reflection of left and right", "the reflection of up and down")
DIAGONALS = ("the reflection about the rising diagonal", "the reflection about the falling diagonal")


def a_subject(name: str, rejected: tuple[str, ...]) -> SubjectSymmetry:
    laws = [ElementLaw(e, 0.0, 0.1, 0.001 if e in rejected else 0.5, 0.0) for e in elements_tested()]
    return SubjectSymmetry(name, 9, ElementLaw("the identity", 0.0, 0.5, 0.5, 0.0), tuple(laws), None)


@pytest.mark.parametrize(
    ("rejected", "group"),
    [
        ((), "D4"),
        ((*FLIPS, *DIAGONALS), "C4"),
        ((FLIPS[1],), "C4"),
        ((ROTATIONS[0], *DIAGONALS), "D2"),
        ((ROTATIONS[0], *DIAGONALS, *FLIPS), "C2"),
        ((*ROTATIONS, *DIAGONALS, FLIPS[1]), "D1"),
        ((*ROTATIONS, *DIAGONALS, FLIPS[0]), "trivial"),
        ((*ROTATIONS, *DIAGONALS, *FLIPS), "trivial"),
    ],
)
def test_the_largest_group_without_a_rejected_element_is_chosen(rejected: tuple[str, ...], group: str) -> None:
    assert recommended([a_subject("a", rejected)]) == group
    halves = a_subject("a", rejected[::2]), a_subject("b", rejected[1::2])
    assert recommended(halves) == group


def test_of_two_groups_as_large_the_less_doubtful_one_is_chosen() -> None:
    subject = a_subject("a", DIAGONALS)  # C4 and D2 can't both be right
    for doubtful, group in ((ROTATIONS[0], "D2"), (FLIPS[0], "C4")):
        laws = [replace(e, adjusted_p_value=0.1) if e.element == doubtful else e for e in subject.elements]
        assert recommended([replace(subject, elements=tuple(laws))]) == group


def test_weak_tests_are_called_weak() -> None:
    assert "The tests are weak: not even a strong ramp" in in_words("D4", [a_subject("a", ())])


def test_halves_that_differ_as_they_are_are_named() -> None:
    odd = replace(a_subject("b", ()), control=ElementLaw("the identity", 0.0, 0.01, 0.01, 0.0))
    found = in_words("D4", [a_subject("a", ()), odd])
    assert "But the halves of b differ untransformed too" in found
