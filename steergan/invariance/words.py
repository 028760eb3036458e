"""What is known of the law of a generator's samples, in plain sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from steergan.invariance.latent_law import LatentInvariance, Symmetrization

LEVEL = 0.05
"""How likely the law of an invariant generator's samples is called not invariant, over all elements together."""


@dataclass(frozen=True)
class ElementLaw:
    """Samples against other samples that an element transformed; see `two_sample_test`."""

    element: str
    mmd2: float
    p_value: float
    adjusted_p_value: float
    """Corrected for the number of elements (Holm 1979)."""
    effect: float


def significant(tests: Sequence[ElementLaw]) -> tuple[str, ...]:
    """The elements under which the law was found to be another."""
    return tuple(test.element for test in tests if test.adjusted_p_value <= LEVEL)


def reason(latent: str, group: str, proof: Symmetrization | LatentInvariance | None) -> str:
    """What the latent has to do with the law of the samples, in plain sentences."""
    if proof is None:
        return (
            f'With latent = "{latent}" the generator is equivariant from its seed map on, so nothing makes the law of '
            f"its samples invariant under {group}."
        )
    if isinstance(proof, LatentInvariance):
        return steerable_reason(latent, group, proof)
    if proof.holds:
        return (
            f'With latent = "{latent}" a uniformly random element of {group}, independent of z and y, turns the seed '
            f"map. In integers ({proof.comparisons:,} comparisons): g acting on the seed map that h turned gives the "
            "one that g h turned, for all g and h. h -> g h is a bijection, so g leaves the law of the seed map as it "
            "is, and an equivariant synthesis leaves that of the samples so: exactly, or to its own rounding."
        )
    where = "it has other rows or pixels than the group"
    if proof.witness is not None:
        where = f"g {proof.witness.g}, h {proof.witness.h}, pixel {proof.witness.pixel} of the seed map"
    return f'With latent = "{latent}" the table of turns should be the action of {group}, and is not: {where}.'


def steerable_reason(latent: str, group: str, proof: LatentInvariance) -> str:
    """The same of a latent that the group acts on."""
    if not proof.holds:
        return f'With latent = "{latent}" {proof.witness} should be a signed permutation of the latent, and is not.'
    return (
        f'With latent = "{latent}" {group} acts on z. In integers: each of the {proof.elements} elements that permute '
        "pixels permutes the coordinates of z, up to sign, and these are independent, alike and as often positive as "
        "negative; so the law of z stays as it is, and a generator that is equivariant from z on leaves that of the "
        "samples so: exactly, or up to the bounds of its certificate."
    )


def finding(
    control: ElementLaw, tests: Sequence[ElementLaw], proof: Symmetrization | LatentInvariance | None, count: int
) -> str:
    """What the tests say, and what that is worth."""
    smallest = min(test.adjusted_p_value for test in tests)
    line = f"Measured: {count} samples against {count} others, transformed; smallest p {smallest:.3g} (Holm)."
    found, proved = significant(tests), proof is not None and proof.holds
    if not found:
        rest = "as the proof demands" if proved else "which is not a proof that the law is invariant"
        return f"{line} No significance, {rest}."
    if proved:
        line += f" That happens by chance in {LEVEL:.0%} of runs, or the synthesis is not equivariant."
    else:
        line += f" The law is not invariant under {', '.join(found)}."
    if control.p_value <= LEVEL:
        line += (
            f" But the halves differ untransformed too (p {control.p_value:.3g}, {control.effect:.1f} standard "
            "deviations), which is chance: only effects that are far larger count."
        )
    return line
