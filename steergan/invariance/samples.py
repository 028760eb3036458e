"""Whether the law of a generator's samples is invariant: proved for a symmetrized latent, measured for any."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from torch import Tensor

from steergan import data
from steergan.copies import copied
from steergan.errors import DataError
from steergan.invariance.element_laws import IDENTITY, ElementLaw, corrected, element_law, significant, transformed
from steergan.invariance.features import OrientationFeatures
from steergan.invariance.latent_law import Proof, latent_invariance, symmetrization
from steergan.invariance.words import finding, reason, reason_of_moves
from steergan.layers import shared_filters
from steergan.networks import Generator, Symmetrized
from steergan.pixels import to_uint8
from steergan.randomness import torch_stream
from steergan.symmetry import group_name, gspace, is_grid_group, is_trivial, pixel_group
from steergan.training import LatentLaw, draw_latents
from steergan.verification.records import Kind

STREAM = "verification/sample-law"
LABEL_LAW = "every class alike, stratified"
BATCH = 250
"""Samples that are drawn together."""
FEWEST_SAMPLES = 4


@dataclass(frozen=True)
class MeasuredLaw:
    """Two-sample tests of samples, and the protocol that their figures hold under."""

    elements: tuple[ElementLaw, ...]
    """Every element that permutes pixels, without the identity."""
    control: ElementLaw
    """The identity: the two halves as they are, which have one law, so that a small p-value here is chance."""
    features: str
    features_sha256: str
    """Empty for pixels, which have no weights."""
    count: int
    """Samples on each side of a test."""
    permutations: int
    label_law: str = LABEL_LAW


@dataclass(frozen=True)
class SampleLaw:
    """What is known about the law of a generator's samples."""

    group: str
    latent: str
    """`dense`, `symmetrized` or `steerable`."""
    kind: Kind | None
    """`exact`: proved from the latent. `bounded`: so, but the generator's filters are sampled in floating point.
    `measured`: figures are all that there can be. None: there is nothing to claim."""
    argument: str
    """Why it holds, or what was measured and what that is worth, in plain sentences."""
    proof: Proof | None = None
    """None for a dense latent."""
    measured: MeasuredLaw | None = None
    """None where no samples were drawn."""

    @property
    def significant(self) -> tuple[str, ...]:
        """The elements under which the law was found to be another."""
        return () if self.measured is None else significant(self.measured.elements)

    @property
    def holds(self) -> bool | None:
        """True where invariance is proved, False where samples contradict it unproved, None where neither is so."""
        if self.kind in ("exact", "bounded"):
            return True
        return False if self.significant else None


def latent_claim(generator: Generator | Symmetrized) -> SampleLaw:
    """What the latent alone says about the law of the samples: no sample is drawn.

    For a symmetrized latent (`symmetrization`) and a steerable one (`latent_invariance`) invariance is proved in
    integers; for a dense one there is nothing to prove. Elements that move the finished images (`Symmetrized`) are
    proved alike.
    """
    if isinstance(generator, Symmetrized):
        moves = symmetrization(generator.moves_GP, gspace(generator.group), *generator.image_shape[1:])
        kind: Kind = "exact" if moves.holds else "measured"
        return SampleLaw(generator.group, "any, images moved", kind, reason_of_moves(generator.group, moves), moves)
    space = generator.synthesis.in_type.gspace
    group, latent = group_name(space), latent_of(generator)
    if pixel_group(group) == "trivial":
        why = "The group is trivial" if is_trivial(space) else f"No element of {group} but the identity permutes pixels"
        argument = f"{why}: no law of samples is claimed to be invariant, and none was measured."
        return SampleLaw(group, latent, None, argument)
    proof = prove(generator)
    return SampleLaw(group, latent, kind_of(proof, space), reason(latent, group, proof), proof)


def sample_law(
    generator: Generator | Symmetrized,
    features: OrientationFeatures,
    *,
    law: LatentLaw = "normal",
    seed: int = 0,
    samples: int = 1000,
    permutations: int = 999,
) -> SampleLaw:
    """Whether transformed samples of a generator have the law of the samples themselves.

    What the latent proves is measured as well, for a check. For a dense latent it is measured: half of the samples
    against the other half, transformed, pixel by pixel, by one element after the other. The original images are not
    needed.

    Args:
        generator: the averaged one; it stays as it is.
        features: in which samples are compared, see `sample_features`.
        law: that its latents are drawn from.
        seed: of samples and permutations.
        samples: images in both halves together.
        permutations: of each test; at least 199.

    Raises:
        DataError: fewer than four samples, too few permutations, or features that are not finite.

    Differs: labels are as frequent as one another, not as in the held-out images, whose frequencies a run folder does
        not know. If the law of every class is invariant, so is that of any mixture.
    """
    if samples < FEWEST_SAMPLES:
        raise DataError(f"{samples} samples; at least {FEWEST_SAMPLES}, two in each half, were wanted")
    claim = latent_claim(generator)
    if claim.kind is None:
        return claim
    classes = generator.classes
    labels = torch.from_numpy(data.stratified_labels(np.full(classes, 1 / classes), samples // 2))
    first, second = (draw(generator, labels, half, seed=seed, law=law) for half in range(2))
    x, strata = features.compute(first), labels.numpy()
    laws = {
        name: element_law(name, x, features.compute(moved), strata, permutations=permutations, seed=seed)
        for name, moved in transformed(second, gspace(pixel_group(claim.group)))
    }
    control = laws.pop(IDENTITY)
    elements = corrected(list(laws.values()))
    return replace(
        claim,
        argument=f"{claim.argument} {finding(control, elements, claim.proof, len(labels))}",
        measured=MeasuredLaw(elements, control, features.name, features.sha256, len(labels), permutations),
    )


@torch.no_grad()
def draw(generator: Generator | Symmetrized, labels: Tensor, half: int, *, seed: int, law: LatentLaw) -> Tensor:
    """Samples of a generator in float32, uint8 (N, C, H, W); a function of the arguments alone.

    Args:
        generator: it stays as it is.
        labels: int64 (N,).
        half: 0 or 1, which have different latents.
        seed: of the latents.
        law: of the latents.
    """
    generator = copied(generator).float().eval()
    images = []
    with shared_filters(generator):
        for update, batch in enumerate(labels.split(BATCH)):
            latents = draw_latents(generator, len(batch), torch_stream(seed, f"{STREAM}/{update}", half), law=law)
            images.append(to_uint8(generator(latents.z, batch, latents.element)))
    return torch.cat(images)


def latent_of(generator: Generator) -> str:
    """The latent's name in a recipe; of the trivial group, which leaves nothing to draw, `dense`."""
    if generator.latent_type is not None:
        return "steerable"
    return "symmetrized" if generator.elements else "dense"


def kind_of(proof: Proof | None, space: GSpace2D) -> Kind:
    """What a proof about the latent is worth for the samples, which a generator on sampled bases turns up to bounds."""
    if proof is None or not proof.holds:
        return "measured"
    return "exact" if is_grid_group(space) else "bounded"


def prove(generator: Generator) -> Proof | None:
    """What the latent does for the law of the samples, proved in integers; None for a dense latent."""
    if generator.latent_type is not None:
        return latent_invariance(generator.latent_type)
    if not generator.elements:
        return None
    space = generator.synthesis.in_type.gspace
    proofs = [symmetrization(turns, space, *size) for turns, size in generator.turns]
    return next((proof for proof in proofs if not proof.holds), proofs[0])
