"""What is known of a law, in sentences that say how it is known."""

import pytest
import torch

from steergan.invariance.element_laws import ElementLaw
from steergan.invariance.latent_law import LatentInvariance, Proof, symmetrization
from steergan.invariance.words import finding, reason
from steergan.symmetry import grid_permutation, gspace

TURNS = torch.from_numpy(grid_permutation(gspace("C4"), 2, 2))
PROVED = symmetrization(TURNS, gspace("C4"), 2, 2)
BROKEN = symmetrization(TURNS[[0, 2, 1, 3]], gspace("C4"), 2, 2)
TALL = symmetrization(torch.cat([TURNS, TURNS[:1]]), gspace("C4"), 2, 2)


def law(element: str, p_value: float) -> ElementLaw:
    return ElementLaw(element, 0.1, p_value, p_value, 3.0)


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (None, "nothing makes the law of its samples invariant under C4"),
        (PROVED, "In integers (68 comparisons): g acting on the seed map that h turned gives the one that g h turned"),
        (BROKEN, "the table of turns should be the action of C4, and is not: g the rotation by 90 degrees, h the"),
        (TALL, "and is not: it has other rows or pixels than the group"),
        (LatentInvariance(True, 4), "each of the 4 elements that permute pixels permutes the coordinates of z"),
        (LatentInvariance(False, 4, "the half turn"), "the half turn should be a signed permutation of the latent"),
    ],
)
def test_the_latents_part_is_said_with_its_proof_or_its_fault(proof: Proof | None, said: str) -> None:
    assert said in reason("some", "C4", proof)


@pytest.mark.parametrize(
    ("p_value", "proof", "said"),
    [
        (0.5, PROVED, "smallest p 0.5 (Holm). No significance, as the proof demands."),
        (0.5, None, "No significance, which is not a proof that the law is invariant."),
        (0.5, BROKEN, "No significance, which is not a proof that the law is invariant."),
        (0.01, PROVED, "That happens by chance in 5% of runs, or the synthesis is not equivariant."),
        (0.01, None, "The law is not invariant under a turn."),
    ],
)
def test_figures_are_said_with_what_they_are_worth(p_value: float, proof: Proof | None, said: str) -> None:
    found = finding(law("the identity", 0.5), [law("a turn", p_value)], proof, 40)
    assert said in found
    assert "40 samples against 40 others" in found
    assert "untransformed" not in found


def test_halves_that_differ_as_they_are_weaken_every_finding() -> None:
    found = finding(law("the identity", 0.01), [law("a turn", 0.01)], None, 40)
    assert "the halves differ untransformed too (p 0.01, 3.0 standard deviations)" in found
