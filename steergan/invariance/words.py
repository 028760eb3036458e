"""What is known of the law of a generator's samples, in plain sentences."""

from collections.abc import Sequence

from steergan.invariance.element_laws import LEVEL, ElementLaw, significant
from steergan.invariance.latent_law import LatentInvariance, Proof, Symmetrization


def reason(latent: str, group: str, proof: Proof | None) -> str:
    """What the latent has to do with the law of the samples, in plain sentences.

    Args:
        latent: `dense`, `symmetrized` or `steerable`.
        group: its name.
        proof: about the latent; None for a dense one.
    """
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
    where = fault_of_table(proof, "seed map")
    return f'With latent = "{latent}" the table of turns should be the action of {group}, and is not: {where}.'


def reason_of_moves(group: str, proof: Symmetrization) -> str:
    """What elements that move the finished images have to do with the law of the samples."""
    if not proof.holds:
        return f"The table of moves should be the action of {group}, and is not: {fault_of_table(proof, 'image')}."
    return (
        f"A uniformly random element of {group}, independent of z and y, moves each image. In integers "
        f"({proof.comparisons:,} comparisons): g acting on the image that h moved gives the one that g h moved, for "
        "all g and h. h -> g h is a bijection, so g leaves the law of the images as it is, exactly, whatever the "
        "generator does."
    )


def fault_of_table(proof: Symmetrization, of: str) -> str:
    """Where a table of turns is wrong."""
    if proof.witness is None:
        return "it has other rows or pixels than the group"
    return f"g {proof.witness.g}, h {proof.witness.h}, pixel {proof.witness.pixel} of the {of}"


def steerable_reason(latent: str, group: str, proof: LatentInvariance) -> str:
    """What a latent that the group acts on has to do with the law of the samples."""
    if not proof.holds:
        return f'With latent = "{latent}" {proof.witness} should be a signed permutation of the latent, and is not.'
    return (
        f'With latent = "{latent}" {group} acts on z. In integers: each of the {proof.elements} elements that permute '
        "pixels permutes the coordinates of z, up to sign, and these are independent, alike and as often positive as "
        "negative; so the law of z stays as it is, and a generator that is equivariant from z on leaves that of the "
        "samples so: exactly, or up to the bounds of its certificate."
    )


def finding(control: ElementLaw, tests: Sequence[ElementLaw], proof: Proof | None, count: int) -> str:
    """What the tests say, and what that is worth.

    Args:
        control: the halves as they are.
        tests: every other element.
        proof: about the latent; None for a dense one.
        count: samples in each half.
    """
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
