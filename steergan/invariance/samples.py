"""Whether the law of a run's samples is invariant: proved for a symmetrized latent, measured for any."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from steergan import data
from steergan.errors import DataError
from steergan.invariance.latent_law import (
    LatentInvariance,
    Symmetrization,
    element_names,
    latent_invariance,
    symmetrization,
)
from steergan.invariance.two_sample import two_sample_test
from steergan.invariance.words import ElementLaw, finding, reason, significant
from steergan.layers import shared_filters
from steergan.metrics import (
    ClassifierExtractor,
    FeatureExtractor,
    choose_extractor,
    extract,
    image_batches,
    read_classifier,
)
from steergan.networks import Generator
from steergan.pixels import to_uint8, to_unit
from steergan.randomness import torch_stream
from steergan.run.load import LoadedRun
from steergan.symmetry import grid_permutation, group_name, gspace, is_grid_group, is_trivial, pixel_group
from steergan.training import draw_latents

STREAM = "verification/sample-law"
LABEL_LAW = "every class alike, stratified"
BATCH = 250
LARGEST_SIDE = 16
"""Pixels that stand in for features are averaged down to this many a side."""

FEWEST_SAMPLES = 4

Array = NDArray[np.float64]
Kind = Literal["exact", "bounded", "measured", "none"]
Proof = Symmetrization | LatentInvariance


@dataclass(frozen=True)
class SampleLaw:
    """What is known about the law of a generator's samples, and the protocol that the figures hold under."""

    group: str
    latent: str
    kind: Kind
    """`exact`: proved from the latent. `bounded`: so, but the generator's filters are sampled in floating point.
    `measured`: the figures are all there is. `none`: there is nothing to claim."""
    argument: str
    """Why it holds, or what was measured and what that is worth, in plain sentences."""
    proof: Proof | None
    """None for a dense latent."""
    elements: tuple[ElementLaw, ...]
    """Every element that permutes pixels, without the identity."""
    extractor: str
    extractor_sha256: str
    """Empty for pixels, which have no weights."""
    count: int
    """Samples on each side of a test."""
    permutations: int
    label_law: str
    control: ElementLaw | None = None
    """The identity: the two halves as they are, which have one law, so that a small p-value here is chance."""

    @property
    def significant(self) -> tuple[str, ...]:
        """The elements under which the law was found to be another."""
        return significant(self.elements)

    @property
    def holds(self) -> bool | None:
        """True where invariance is proved, False where samples contradict it unproved, None where neither is so."""
        if self.kind in ("exact", "bounded"):
            return True
        return False if self.significant else None


class SampleFeatures(NamedTuple):
    """Features that see orientation."""

    name: str
    sha256: str
    compute: Callable[[Tensor], Array]
    """uint8 (N, C, H, W) -> (N, D)."""


def sample_law(run: LoadedRun, *, samples: int = 1000, permutations: int = 999) -> SampleLaw:
    """Whether transformed samples of the averaged generator have the law of the samples themselves.

    For a symmetrized latent (`symmetrization`) and a steerable one (`latent_invariance`) this is proved, and measured
    as well, for a check. For a dense one it is measured: half of the samples against the other half, transformed,
    pixel by pixel, by one element after the other, on features before group pooling. The original images are not
    needed.

    Args:
        run: a finished run; it stays as it is.
        samples: images in both halves together.
        permutations: of each test; at least 199.

    Raises:
        DataError: fewer than four samples, too few permutations, or features that are not finite.

    Differs: labels are as frequent as one another, not as in the held-out images, whose frequencies a run folder does
        not know. If the law of every class is invariant, so is that of any mixture.
    """
    if samples < FEWEST_SAMPLES:
        raise DataError(f"{samples} samples; at least {FEWEST_SAMPLES}, two in each half, were wanted")
    space = run.generator.synthesis.in_type.gspace
    latent, group = run.recipe.generator.latent, group_name(space)
    if pixel_group(group) == "trivial":
        why = "The group is trivial" if is_trivial(space) else f"No element of {group} but the identity permutes pixels"
        argument = f"{why}: no law of samples is claimed to be invariant, and none was measured."
        return SampleLaw(group, latent, "none", argument, None, (), "", "", 0, 0, LABEL_LAW)
    half = torch.from_numpy(data.stratified_labels(uniform(run.generator.classes), samples // 2))
    first, second = draw(run, half, 0), draw(run, half, 1)
    features = choose_features(run)
    seed = run.recipe.training.seed
    control, tests = element_laws(gspace(pixel_group(group)), (first, second), half, features, permutations, seed)
    proof = prove(run.generator)
    kind = kind_of(proof, space)
    argument = f"{reason(latent, group, proof)} {finding(control, tests, proof, len(half))}"
    protocol = (features.name, features.sha256, len(half), permutations, LABEL_LAW)
    return SampleLaw(group, latent, kind, argument, proof, tests, *protocol, control)


def uniform(classes: int) -> Array:
    """The same share of the samples for every class."""
    return np.full(classes, 1 / classes)


@torch.no_grad()
def draw(run: LoadedRun, labels: Tensor, half: int) -> Tensor:
    """Samples of the averaged generator in float32, uint8 (N, C, H, W); a function of run, labels and half alone."""
    generator = copy.deepcopy(run.generator).float().eval()
    images = []
    with shared_filters(generator):
        for update, batch in enumerate(labels.split(BATCH)):
            latents = draw_latents(
                generator,
                len(batch),
                torch_stream(run.recipe.training.seed, f"{STREAM}/{update}", half),
                law=run.recipe.generator.latent_law,
            )
            images.append(to_uint8(generator(latents.z, batch, latents.element)))
    return torch.cat(images)


def choose_features(run: LoadedRun) -> SampleFeatures:
    """The run's own extractor where it has features before group pooling, else its classifier, else pixels.

    A run with Inception features, which know no group, has a classifier in its folder for label agreement.
    """
    wanted, shape = run.recipe.evaluation.features, run.generator.image_shape
    if wanted == "auto" and run.recipe.data.name == "rotmnist":
        wanted = "rotmnist"
    if wanted == "rotmnist" or (wanted.endswith(".safetensors") and Path(wanted).is_file()):
        return before_pooling(choose_extractor(wanted, shape))
    if run.folder.classifier.is_file():
        return before_pooling(ClassifierExtractor("classifier", read_classifier(run.folder.classifier)))
    height, width = (min(side, LARGEST_SIDE) for side in shape[1:])
    return SampleFeatures(
        f"pixels, averaged to {height} x {width}" if (height, width) != shape[1:] else "pixels",
        "",
        lambda images: interpolate(to_unit(images), (height, width), mode="area").flatten(1).double().numpy(),
    )


def before_pooling(extractor: FeatureExtractor) -> SampleFeatures:
    """A classifier's equivariant features, which see orientation as the pooled ones don't."""

    def compute(images: Tensor) -> Array:
        return cast(Array, extract(extractor, image_batches(images)).equivariant)

    return SampleFeatures(extractor.name, extractor.sha256, compute)


def element_laws(
    space: GSpace2D,
    halves: tuple[Tensor, Tensor],
    labels: Tensor,
    features: SampleFeatures,
    permutations: int,
    seed: int,
) -> tuple[ElementLaw, tuple[ElementLaw, ...]]:
    """The first half against the second one: as it is, and transformed by every other element that permutes pixels."""
    first, second = halves
    strata = (labels.numpy(), labels.numpy())
    x, tests = features.compute(first), []
    sources = torch.from_numpy(grid_permutation(space, *second.shape[2:]))
    for name, source in zip(element_names(space), sources, strict=True):
        y = features.compute(second.flatten(2)[..., source].view(second.shape))
        test = two_sample_test(x, y, permutations=permutations, seed=seed, strata=strata)
        tests.append(ElementLaw(name, test.mmd2, test.p_value, test.p_value, test.effect))
    control = tests.pop(int((sources == torch.arange(sources.shape[1])).all(dim=1).int().argmax()))
    adjusted = holm([test.p_value for test in tests])
    return control, tuple(replace(test, adjusted_p_value=p) for test, p in zip(tests, adjusted, strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values under which the chance of any false alarm is as they say, however the tests depend on one another.

    Source: Holm 1979.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


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
    turns = generator.turn_GP[: generator.elements]
    return symmetrization(turns, generator.synthesis.in_type.gspace, *generator.seed_shape[1:])
