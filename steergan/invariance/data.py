"""Whether the law of a data set's images is invariant: each class, and all together, against transformed copies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.data import ImageSet
from steergan.data.subsets import ranks_within_class
from steergan.errors import DataError
from steergan.invariance.element_laws import IDENTITY, LEVEL, ElementLaw, corrected, element_law, transformed
from steergan.invariance.features import OrientationFeatures, orientation_features
from steergan.invariance.verdict import THREE_QUARTERS, SubjectSymmetry, elements_tested, in_words, recommended
from steergan.progress import Progress, unheard
from steergan.randomness import numpy_stream
from steergan.symmetry import gspace

FEWEST = 20
"""Images of a class: with fewer, half against half, a permutation test sees next to nothing."""
CLASSES_IN_FULL = 10
"""With more classes fewer images of each are taken: the correction for so many tests asks for more permutations."""
WHOLE = "all classes"
RAMPS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Gray levels from one side to the other."""
RAMP_ANGLE = np.pi / 8
"""Between the axes and the diagonals: no element leaves the ramp as it is."""

KEYS = ("first", "second", "labels")

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class DataSymmetry:
    """The recommendation, and what it rests on."""

    group: str
    """The largest group of which no element was found to change the law of any subject; `trivial` if there is none."""
    finding: str
    """What was found and what that is worth, in plain sentences."""
    subjects: tuple[SubjectSymmetry, ...]
    skipped: tuple[str, ...]
    """Classes with too few images for a test of their own."""
    features: str
    features_sha256: str
    """Empty where the features have no trained weights."""
    permutations: int
    tests: int
    """Over so many p-values they were corrected."""
    seed: int


@dataclass(frozen=True)
class Halves:
    """Rows of the images of a subject, and their labels: the same number of every class in both halves."""

    name: str
    first: Indices
    second: Indices
    labels: Indices


def caveat(name: str) -> str:
    """What the test takes for granted, and images of such a source don't quite have."""
    if name not in ("patches", "anhir", "galaxies"):
        return ""
    return "Patches of one image are not quite independent, so p-values are somewhat too small."


def data_symmetry(
    images: ImageSet,
    *,
    copies: int = 1,
    samples: int = 1000,
    permutations: int = 999,
    seed: int = 0,
    features: str = "filters",
    progress: Progress = unheard,
) -> DataSymmetry:
    """Which of the groups D4, C4, D2, C2, D1 the law of the images may be invariant under, by a two-sample test each.

    Half of the images against the other half, transformed, so that no image meets its own copy. A law that is invariant
    under an element is so under its inverse, so three quarter turns need no test of their own.

    Args:
        images: square ones, of one or more classes.
        copies: consecutive images that show one original; one of them is used.
        samples: images of a subject, at most, both halves together. All classes by themselves share ten times as many.
        permutations: of each test; more are taken where the number of tests needs them.
        seed: of the halves and of the permutations.
        features: see `orientation_features`.
        progress: hears of subjects.

    Raises:
        DataError: images that are not square, or fewer than 20 of them.
        RecipeError: features that can't be had.

    Source: level 5 of the certificate (`sample_law`), turned on data. Holm 1979.
    """
    _, height, width = images.image_shape
    if height != width:
        hint = 'quarter turns need square images: crop them, or cut patches (data.name = "patches")'
        raise DataError(f"images of {width} x {height} pixels; {hint}")
    subjects, skipped = subjects_of(images, copies, samples, seed)
    computed = orientation_features(features, images.image_shape)
    tests = len(subjects) * len(elements_tested())
    enough = max(permutations, 2 * ceil(tests / LEVEL))  # corrected, the two smallest p-values must be below LEVEL
    found = []
    for done, halves in enumerate(subjects):
        found.append(examine(images, halves, computed, tests, enough, seed))
        progress(done + 1, len(subjects))
    examined = correct(found)
    group = recommended(examined)
    return DataSymmetry(
        group=group,
        finding=in_words(group, examined),
        subjects=examined,
        skipped=skipped,
        features=computed.name,
        features_sha256=computed.sha256,
        permutations=enough,
        tests=tests,
        seed=seed,
    )


def subjects_of(images: ImageSet, copies: int, samples: int, seed: int) -> tuple[tuple[Halves, ...], tuple[str, ...]]:
    """Halves of all classes together and of every class with enough images, and a line for each of the others."""
    labels = images.labels[::copies]
    ranks = ranks_within_class(labels, seed, "data/symmetry/halves")
    in_order = np.lexsort((ranks, labels))
    halves: dict[str, Halves] = {}
    skipped, most = [], max(samples, FEWEST) // 2
    most_alone = min(most, max(CLASSES_IN_FULL * samples // images.classes, FEWEST) // 2)
    for label, name in enumerate(images.class_names):
        members = in_order[labels[in_order] == label]
        first, second = members[0 : len(members) - 1 : 2], members[1::2]
        halves[name] = Halves(name, first, second, np.full(len(first), label))
        if len(members) < FEWEST:
            skipped.append(f"class {name}: {len(members)} image(s), too few for a test of its own; {FEWEST} are needed")
    whole = Halves(WHOLE, *(np.concatenate([getattr(half, key) for half in halves.values()]) for key in KEYS))
    if len(labels) < FEWEST or len(whole.first) < FEWEST // 2:
        raise DataError(f"{len(labels)} image(s) came; at least {FEWEST} of a class are needed to see a symmetry")
    alone = [half for half in halves.values() if len(half.first) >= FEWEST // 2]
    chosen = numpy_stream(seed, "data/symmetry/sample").permutation(len(whole.first))[:most]
    together = [] if len(halves) == 1 else [part_of(whole, np.sort(chosen))]
    rows = [*together, *(part_of(half, np.arange(min(most_alone, len(half.first)))) for half in alone)]
    return tuple(replace(half, first=half.first * copies, second=half.second * copies) for half in rows), tuple(skipped)


def part_of(halves: Halves, pairs: Indices) -> Halves:
    """Some of the pairs."""
    return Halves(halves.name, *(getattr(halves, key)[pairs] for key in KEYS))


def examine(
    images: ImageSet, halves: Halves, features: OrientationFeatures, tests: int, permutations: int, seed: int
) -> SubjectSymmetry:
    """The first half against the second one: as it is, transformed by every element, and with ramps of brightness."""
    first, second = (torch.from_numpy(np.array(images.images[rows])) for rows in (halves.first, halves.second))
    x = features.compute(first)

    def against(name: str, other: Tensor) -> ElementLaw:
        return element_law(name, x, features.compute(other), halves.labels, permutations=permutations, seed=seed)

    laws = {name: against(name, moved) for name, moved in transformed(second, gspace("D4")) if name != THREE_QUARTERS}
    control = laws.pop(IDENTITY)
    ramp = None
    if control.p_value > LEVEL:  # else a ramp would be found that isn't there
        ramp = finest(lambda levels: against("ramp", with_ramp(second, levels)).p_value <= LEVEL / tests)
    return SubjectSymmetry(halves.name, len(halves.first), control, tuple(laws.values()), ramp)


def finest(is_found: Callable[[int], bool]) -> int | None:
    """The weakest of the ramps that is found, by bisection: a stronger one is found more easily."""
    low, high = 0, len(RAMPS)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_found(RAMPS[middle]) else (middle + 1, high)
    return RAMPS[low] if low < len(RAMPS) else None


def with_ramp(images: Tensor, levels: int) -> Tensor:
    """uint8 images (N, C, H, W) that get brighter by so many gray levels across the square."""
    line = torch.linspace(-0.5, 0.5, images.shape[-1], dtype=torch.float64)
    ramp = line * np.cos(RAMP_ANGLE) + line[:, None] * np.sin(RAMP_ANGLE)
    brighter = images + levels * ramp / (ramp.max() - ramp.min())
    return brighter.round().clamp(0, 255).to(torch.uint8)


def correct(subjects: Sequence[SubjectSymmetry]) -> tuple[SubjectSymmetry, ...]:
    """The subjects with p-values that hold for all elements of all of them together."""
    adjusted = iter(corrected([law for subject in subjects for law in subject.elements]))
    return tuple(replace(s, elements=tuple(next(adjusted) for _ in s.elements)) for s in subjects)
