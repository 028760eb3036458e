"""Verifies a network: levels 0 to 4, and the place of the others."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Unpack

from torch import nn

from steergan.errors import SteerganError, SubjectError
from steergan.symmetry import is_grid_group
from steergan.verification.algebra import algebra_records
from steergan.verification.certificate import Certificate
from steergan.verification.claims import (
    About,
    claimed_elements,
    claimed_group,
    make_subject,
    moving_buffers,
    require_finite,
    spaces_in_use,
)
from steergan.verification.composition import Walked, merged, met_at, walk_records, walked
from steergan.verification.digests import state_digest, weights_digest
from steergan.verification.elements import Matrix
from steergan.verification.measured.integers import integer_findings
from steergan.verification.measured.numeric import numeric_finding
from steergan.verification.measured.off_grid import OffGrid
from steergan.verification.measured.off_grid_records import off_grid_records
from steergan.verification.records import Finding, Record, unknown
from steergan.verification.rehearsal import result_at, twin_at_rest
from steergan.verification.subject import (
    Claim,
    Size,
    Subject,
    Tell,
    size_words,
    untold,
)
from steergan.verification.surroundings import undisturbed

LEVELS = {
    0: "algebra",
    1: "layers",
    2: "composition",
    3: "integers, end to end",
    4: "floating point, end to end",
    5: "law of the samples",
    6: "off the grid",
}

MODES = ("evaluation", "training")


def verify(
    module: nn.Module,
    sizes: int | Sequence[int | Size] | None = None,
    claim: Claim | None = None,
    *,
    level: int = 6,
    modes: Sequence[str] = MODES,
    off_grid: bool = True,
    tell: Tell = untold,
    **about: Unpack[About],
) -> Certificate:
    """Certify that f(g x) = g f(x) (or f(g x) = f(x)) for every element g that permutes pixels.

    Args:
        module: any torch module, in any mode, dtype or device; it is copied and stays as it is.
        sizes: a side, sides, or (H, W), of the input in pixels, at which the claim is made. None: an odd and an even
            one that the module accepts.
        claim: "equivariant" or "invariant"; None: as geometric tensors and `out_type` say; of other results what is
            found by measuring, and the sentence says so.
        level: the last level to check.
        modes: of "evaluation" and "training".
        off_grid: measure what can't be proved (level 6), where the group has elements between multiples of 90 degrees.
        tell: told what is being checked.
        about: what else is to be known of the module, by the names of `About`: `in_type`, `others`, `upto`, ...

    Raises:
        SubjectError: the module can't be copied or called, a size is refused, a field type is not known, a weight is
            not finite, or a setting is not one of those above.

    Example:
        >>> from steergan.layers import GroupConvolution
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> space = gspace("C4")
        >>> lift = GroupConvolution(trivial_type(space, 1), regular_type(space, 2), 3)
        >>> verify(lift, sizes=5, level=2).verdict
        'proved'
    """
    subject = make_subject(module, sizes, claim, **about)
    return verify_subject(subject, level=level, modes=modes, off_grid=off_grid, tell=tell)


def assert_equivariant(
    module: nn.Module,
    sizes: int | Sequence[int | Size] | None = None,
    claim: Claim | None = None,
    *,
    level: int = 4,
    modes: Sequence[str] = MODES,
    **about: Unpack[About],
) -> None:
    """For a test suite: fails with the certificate's sentence unless the module is proved.

    Args:
        module: as for `verify`; so are `sizes`, `claim`, `modes` and `about`.
        sizes: sides, or (H, W), of the input in pixels.
        claim: "equivariant" or "invariant"; None: as the result says.
        level: the last level to check; what lies behind the fourth decides about no verdict.
        modes: of "evaluation" and "training".
        about: what else is to be known of the module.

    Raises:
        AssertionError: broken, not proved, or nothing to prove.
        SubjectError: the module can't be verified at all.

    Example:
        >>> from steergan.layers import AveragePool
        >>> from steergan.symmetry import gspace, trivial_type
        >>> pool = AveragePool(trivial_type(gspace("D4"), 1), 2)
        >>> assert_equivariant(pool, sizes=6)
    """
    certificate = verify(module, sizes, claim, level=level, modes=modes, off_grid=False, **about)
    assert certificate.verdict == "proved", certificate.sentence


def verify_subject(
    subject: Subject,
    *,
    level: int = 6,
    modes: Sequence[str] = MODES,
    off_grid: bool = True,
    tell: Tell = untold,
) -> Certificate:
    """Certify a network whose claim is spelled out.

    Args:
        subject: the network and what is claimed of it.
        level: the last level to check.
        modes: of "evaluation" and "training".
        off_grid: measure between the multiples of 90 degrees.
        tell: told what is being checked.

    Raises:
        SubjectError: see `verify`.

    Example:
        >>> from steergan.layers import Upsample
        >>> from steergan.symmetry import gspace, trivial_type
        >>> image = trivial_type(gspace("C4"), 1)
        >>> subject = Subject("twice", Upsample(image), image, "equivariant", None, sizes=((4, 4),))
        >>> verify_subject(subject, level=2).sizes
        ((4, 4),)
    """
    if isinstance(modes, str) or not modes or not set(modes) <= set(MODES):
        raise SubjectError(f"modes {modes!r}: one or both of {MODES} were wanted")
    if level not in LEVELS:
        raise SubjectError(f"level {level!r}: a number from 0 to {max(LEVELS)} was wanted")
    if subject.missing:
        raise SubjectError(subject.missing)
    with undisturbed():
        return _certificate(subject, level, tuple(modes), off_grid, tell)


def _certificate(subject: Subject, level: int, modes: tuple[str, ...], off_grid: bool, tell: Tell) -> Certificate:
    before = state_digest(subject.module)
    require_finite(subject.module, subject.name)
    plain = (None if o is None else o.detach().cpu() for o in subject.others)
    others = tuple(o.float() if o is not None and o.is_floating_point() else o for o in plain)
    subject = replace(subject, others=others)
    spaces, representations = spaces_in_use(subject)
    elements = claimed_elements(subject, spaces)
    records: list[Record] = []
    between: OffGrid | None = None
    walks: list[Walked] = []
    notes = [f"The claim is about the output of {subject.upto}; behind it nothing is claimed."] if subject.upto else []
    notes += [subject.inferred] if subject.inferred else []
    if len(elements) > 1:
        network = twin_at_rest(subject.module)
        for size in subject.sizes:
            subject.wanted(result_at(subject, size, network))
        moving = moving_buffers(subject)
        for mode in modes:
            for size in subject.sizes:
                tell(f"{subject.name}: layers and composition at {size_words([size])}, {mode} mode")
                walks.append(walked(subject, size, mode, elements, moving))
        tell(f"{subject.name}: algebra")
        maps = {size for found in walks for size in found.trace.map_sizes()} | set(subject.sizes)
        rows = (row for found in walks for row in walk_records(found, level))
        algebra = algebra_records(spaces, representations, elements, maps)
        records += merged([*(replace(row, at=met_at(row.sizes, walks)) for row in algebra), *rows])
        if any(found.trace.random for found in walks):
            notes.append("Random numbers are drawn on the way: the claim is about every fixed draw of them.")
        for words in sorted({words for found in walks for words in found.trace.apart}):
            notes.append(f"Nothing is said of inputs in which {words}.")
        if level >= 3:
            tell(f"{subject.name}: integers")
            records += integer_records(subject, elements, walks)
        if level >= 4:
            records += numeric_records(subject, elements, walks, tell)
        if level >= 6 and off_grid and not all(is_grid_group(space) for space in spaces):
            between, measured = off_grid_records(subject, tell)
            records += measured
    if state_digest(subject.module) != before:
        raise SteerganError(f"{subject.name} was changed by its own verification; please report this")
    return Certificate(
        name=subject.name,
        claim=subject.claim,
        group="trivial" if len(elements) == 1 else claimed_group(spaces, elements),
        elements=elements,
        sizes=subject.sizes,
        modes=modes,
        level=level,
        records=tuple(records),
        weights_sha256=weights_digest(subject.module),
        constants=tuple(sorted({name for found in walks for name in found.trace.by_value})),
        versions={name: importlib.metadata.version(name) for name in ("steergan", "escnn", "torch", "numpy")},
        note=" ".join(notes),
        off_grid=between,
    )


# --- levels 3 and 4


def integer_records(subject: Subject, elements: tuple[Matrix, ...], walks: Sequence[Walked]) -> Iterator[Record]:
    """Rows about integers in the place of weights.

    They speak of all weights. What breaks with them and not with the weights at hand is no break of the network, but
    nothing is proved of it either, unless the proof is one of the weights at hand alone.
    """
    at_hand = {found.size for found in walks if found.trace.at_hand}
    for at, finding in integer_findings(subject, elements):
        if finding.verdict == "broken" and (
            numeric_finding(subject, at[0], elements, training=False).verdict == "holds"
        ):
            words = f"with other weights than those at hand it breaks: {finding.witness}"
            of_these = at[0] in at_hand
            finding = Finding("exact", "not applicable", words) if of_these else unknown(words)
        yield Record(3, "end to end", finding, sizes=at, at=at)


def numeric_records(
    subject: Subject, elements: tuple[Matrix, ...], walks: Sequence[Walked], tell: Tell
) -> Iterator[Record]:
    """Rows about the weights at hand in floating point."""
    for at in walks:
        tell(f"{subject.name}: floating point at {size_words([at.size])}, {at.mode} mode")
        if at.mode == "training" and at.trace.random:
            finding = Finding("measured", "not applicable", "random numbers are drawn in training mode")
        else:
            finding = numeric_finding(subject, at.size, elements, training=at.mode == "training")
        yield Record(4, "end to end", finding, sizes=(at.size,), mode=at.mode, at=(at.size,))
