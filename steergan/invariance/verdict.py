"""What tests of a data set's symmetry amount to: the group to recommend, and the finding in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steergan.comparisons import holm
from steergan.invariance.element_laws import IDENTITY, LEVEL, ElementLaw
from steergan.invariance.latent_law import element_names
from steergan.symmetry import group_order, gspace

THREE_QUARTERS = "the rotation by 270 degrees"
GROUPS = ("D4", "C4", "D2", "C2", "D1")
"""Groups that can be recommended, and `trivial`."""


@dataclass(frozen=True)
class SubjectSymmetry:
    """What was found about one class, or about all together."""

    name: str
    count: int
    """Images on each side of a test."""
    control: ElementLaw
    """Half against half as they are: one law, so that a small p-value here is chance, or images that hang together."""
    elements: tuple[ElementLaw, ...]
    """Quarter turn, half turn, four reflections; p-values are corrected over the elements of all subjects together."""
    ramp: int | None
    """The least change of brightness from one side to the other, in gray levels, that was found when it was added to
    one half: how fine the test is. None: not even the strongest that was tried."""


def elements_tested() -> tuple[str, ...]:
    """D4's elements in words, without the identity and the three quarter turns, which undo one quarter turn."""
    return tuple(name for name in element_names(gspace("D4")) if name not in (IDENTITY, THREE_QUARTERS))


def short(name: str) -> str:
    """An element's name for the head of a column.

    Examples:
        >>> short("the rotation by 90 degrees"), short("the reflection of left and right")
        ('90°', 'left/right')
    """
    words = name.removeprefix("the ")
    for long, brief in (("rotation by ", ""), (" degrees", "°"), ("reflection of ", ""), ("reflection about the ", "")):
        words = words.replace(long, brief)
    return words.replace(" and ", "/").replace(" diagonal", " diag.")


def recommended(subjects: Sequence[SubjectSymmetry]) -> str:
    """The largest group without an element that was rejected; of two such, the one whose smallest p-value is larger."""
    smallest = smallest_p_values(subjects)
    fitting = {}
    for group in GROUPS:
        p_value = min(smallest[name] for name in elements_of(group))
        if p_value > LEVEL:
            fitting[group] = (group_order(gspace(group)), p_value)
    return max(fitting, key=lambda group: fitting[group], default="trivial")


def smallest_p_values(subjects: Sequence[SubjectSymmetry]) -> Mapping[str, float]:
    """For every element the smallest corrected p-value of any subject."""
    return {
        name: min(e.adjusted_p_value for s in subjects for e in s.elements if e.element == name)
        for name in elements_tested()
    }


def elements_of(group: str) -> tuple[str, ...]:
    """Names of a group's elements that are tested."""
    return tuple(name for name in element_names(gspace(group)) if name in elements_tested())


def in_words(group: str, subjects: Sequence[SubjectSymmetry]) -> str:
    """What was found, and what that is worth."""
    rejections, control = sentences_about_rejections(subjects), sentences_about_controls(subjects)
    return " ".join([*rejections, *sentences_about(group, subjects), *control])


def sentences_about_rejections(subjects: Sequence[SubjectSymmetry]) -> Iterator[str]:
    """For every rejected element, where it shows most."""
    changes = []
    for name in elements_tested():
        found = [(e.effect, s.name, e) for s in subjects for e in s.elements if e.element == name]
        rejected = [row for row in found if row[2].adjusted_p_value <= LEVEL]
        if rejected:
            effect, subject, element = max(rejected, key=lambda row: row[0])
            where = f"{len(rejected)} of {len(found)} subjects, most in {subject}: " if len(found) > 1 else ""
            changes.append(f"{name} ({where}p {element.adjusted_p_value:.2g}, {effect:.1f} standard deviations)")
    if changes:
        yield f"The images change under {'; '.join(changes)}."


def sentences_about(group: str, subjects: Sequence[SubjectSymmetry]) -> Iterator[str]:
    """The recommendation, and what the tests could have seen."""
    kept = [name for name, p_value in smallest_p_values(subjects).items() if p_value > LEVEL]
    beside = [name for name in kept if group == "trivial" or name not in elements_of(group)]
    if group == "trivial":
        yield (
            "So the images have a pose, and no group is recommended for their law. Equivariant layers may serve all "
            'the same, if latent = "dense" and the discriminator sees the pose (group_pool = "before-last-block", as '
            "in recipes/cifar10.toml)."
        )
    else:
        yield f"No element of {group} was found to change them: {group} is recommended. That is no proof of symmetry."
    if beside:
        them = ", ".join(beside)
        yield f"Nothing was found under {them} either, but larger groups that hold this hold what changes the images."
    if kept:
        yield from sentences_about_power(subjects)


def sentences_about_power(subjects: Sequence[SubjectSymmetry]) -> Iterator[str]:
    """What would have been found."""
    counts = [subject.count for subject in subjects]
    seen = [subject.ramp for subject in subjects if subject.ramp is not None]
    if not seen:
        yield "The tests are weak: not even a strong ramp of brightness would have been found. Take more images."
        return
    yield (
        f"With {span(counts)} images on each side, brightness that rises by {span(seen)} of 255 from one side of an "
        "image to the other would have been found; what is weaker, or what the features don't see, would not."
    )
    if len(seen) < len(subjects):
        yield f"In {len(subjects) - len(seen)} of {len(subjects)} subjects not even the strongest that was tried."


def span(values: Sequence[int]) -> str:
    """The range of some numbers."""
    least, most = min(values), max(values)
    return f"{least}" if least == most else f"{least} to {most}"


def sentences_about_controls(subjects: Sequence[SubjectSymmetry]) -> Iterator[str]:
    """Halves that differ as they are."""
    adjusted = holm([subject.control.p_value for subject in subjects])
    odd = [subject.name for subject, p_value in zip(subjects, adjusted, strict=True) if p_value <= LEVEL]
    if odd:
        yield (
            f"But the halves of {', '.join(odd)} differ untransformed too: by chance, or because the images are not "
            "independent of one another; only effects that are far larger count."
        )
