"""The outcome of a verification: every record, the verdict, and a sentence or two that a paper could quote."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from steergan.errors import SymmetryError
from steergan.verification.elements import NAMES, Matrix
from steergan.verification.measured.off_grid import OffGrid, decibels
from steergan.verification.records import Record
from steergan.verification.subject import Claim, Size, size_words

Outcome = Literal["proved", "broken", "not proved", "no claim"]

COMPOSITION = 2
"""The level without which nothing is proved."""


class NotEquivariant(SymmetryError):
    """A network that is not what it claims to be.

    Example:
        >>> from escnn.nn import PointwiseMaxPool2D
        >>> from steergan.symmetry import gspace, trivial_type
        >>> from steergan.verification import verify
        >>> found = verify(PointwiseMaxPool2D(trivial_type(gspace("C4"), 1), 2), sizes=7, level=2)
        >>> try:
        ...     found.raise_if_broken()
        ... except NotEquivariant as error:
        ...     print("NOT equivariant under C4" in str(error))
        True
    """


@dataclass(frozen=True)
class Certificate:
    """What was checked of one network, and what came out.

    Attributes:
        name: of the network.
        claim: "equivariant" or "invariant".
        group: name of the group that is claimed.
        elements: those that permute pixels, by their integer matrices.
        sizes: (H, W) of the input in pixels, at which the claim is made.
        modes: "evaluation", "training".
        level: up to which was checked.
        records: all of them.
        weights_sha256: of parameters and saved buffers, in the module's own order.
        constants: of the network, whose values the proof has used (masks, blurs).
        versions: of what was used.
        note: what is false by design, and said so.
        off_grid: what was measured at level 6, if anything was.

    Example:
        >>> from steergan.layers import AveragePool
        >>> from steergan.symmetry import gspace, trivial_type
        >>> from steergan.verification import verify
        >>> certificate = verify(AveragePool(trivial_type(gspace("C4"), 1), 2), sizes=6, modes=("evaluation",), level=2)
        >>> print(certificate.sentence.partition(", rounding")[0])  # doctest: +NORMALIZE_WHITESPACE
        AveragePool is equivariant under C4, all 4 elements that permute pixels, at 6 x 6 pixels, in evaluation mode:
        proved for every input and every value of its weights (1 layers, all exact)
    """

    name: str
    claim: Claim
    group: str
    elements: tuple[Matrix, ...]
    sizes: tuple[Size, ...]
    modes: tuple[str, ...]
    level: int
    records: tuple[Record, ...]
    weights_sha256: str
    constants: tuple[str, ...]
    versions: dict[str, str]
    note: str = ""
    off_grid: OffGrid | None = None

    @property
    def verdict(self) -> Outcome:
        """Broken if any record is; proved if levels 0 to 2 hold throughout; no claim for the trivial group."""
        if any(r.finding.verdict == "broken" for r in self.records):
            return "broken"
        if len(self.elements) == 1:
            return "no claim"
        if self.level < COMPOSITION or any(r.finding.verdict == "not proved" for r in self.records):
            return "not proved"
        return "proved"

    @property
    def first_fault(self) -> Record | None:
        """The record that names the first layer that breaks the network, or the first that is not proved.

        What breaks it at more of the sizes comes first: a pool that is wrong at odd sizes is not why even ones are.
        """
        for verdict in ("broken", "not proved"):
            found = [r for r in self.records if r.finding.verdict == verdict]
            if found:
                spread = self._sizes_of(found) if verdict == "broken" else {}
                return min(found, key=lambda r: (-spread.get(r.path, 0), r.level not in (1, 2), self.records.index(r)))
        return None

    def _sizes_of(self, found: Sequence[Record]) -> dict[str, int]:
        """At how many sizes records about each path hold."""
        at = {(r.path, size) for r in found for size in self.sizes if any(r.concerns(size, m) for m in self.modes)}
        return Counter(path for path, _ in at)

    def verdict_at(self, size: Size, mode: str) -> Outcome:
        """The verdict about inputs of one of the sizes, in one of the modes."""
        return self._about([(size, mode)]).verdict

    @property
    def sentence(self) -> str:
        """The verdict, in words; where it is not the same at every size and in every mode, the verdict of each."""
        note = f" {self.note}" if self.note else ""
        if self.verdict == "no claim":
            return f"No claim is made of {self.name}: its group is trivial.{note}"
        pairs = {verdict: self._pairs(verdict) for verdict in ("broken", "not proved", "proved")}
        about = {verdict: self._about(found) for verdict, found in pairs.items() if found}
        where = {verdict: where_words(found, self.sizes, self.modes) for verdict, found in pairs.items()}
        subject = f"{self.name} is {self.claim} under {self.group}"
        if "broken" in about:
            words = f"{self.name} is NOT {self.claim} under {self.group} {where['broken']}: "
            words += about["broken"]._break_words()
            if "not proved" in about:
                words += f" Not proved {where['not proved']}: {about['not proved']._doubt_words()}."
            if "proved" in about:
                words += f" Proved {where['proved']}."
        elif "proved" in about:
            right = about["proved"]
            words = f"{subject}, all {len(self.elements)} elements that permute pixels, {where['proved']}: "
            words += f"proved for every input and {right._scope()}, rounding aside."
            if "not proved" in about:
                words += f" Not proved {where['not proved']}: {about['not proved']._doubt_words()}."
            words += right._measured()
        elif about["not proved"].first_fault is None:
            words = f"{subject}: not proved: {about['not proved']._doubt_words()}."
        else:
            words = f"{subject}: not proved {where['not proved']}. {about['not proved']._doubt_words()}."
        return f"{words}{self._advice()}{note}"

    def _pairs(self, verdict: str) -> list[tuple[Size, str]]:
        """Sizes and modes in which this is the verdict."""
        return [(s, m) for s in self.sizes for m in self.modes if self.verdict_at(s, m) == verdict]

    def _about(self, pairs: Sequence[tuple[Size, str]]) -> "Certificate":
        """The certificate with what its records say of these sizes and modes."""
        return replace(self, records=tuple(r for r in self.records if any(r.concerns(*pair) for pair in pairs)))

    def _advice(self) -> str:
        """Which argument makes the claim that holds."""
        verdicts = {mode: {self.verdict_at(size, mode) for size in self.sizes} for mode in self.modes}
        if verdicts.get("evaluation") == {"proved"} and verdicts.get("training", {"proved"}) != {"proved"}:
            return ' Of evaluation alone it is proved: modes=("evaluation",), on the command line --mode evaluation.'
        return ""

    def _break_words(self) -> str:
        fault = self.first_fault
        assert fault is not None
        measured = max((r.finding.bound or 0 for r in self.records if r.finding.kind == "measured"), default=0.0)
        size = f" at {size_words(fault.sizes)}" if fault.sizes else ""
        error = f" The measured relative error is {measured:.2g}." if measured else ""
        doubt = next((r for r in self.records if r.finding.verdict == "not proved" and r.level in (1, 2)), None)
        if fault.level > COMPOSITION and doubt is not None:
            error += f" The proof stops at {place_words(doubt)}: {doubt.finding.argument}."
        return f"{place_words(fault)} breaks it{size}: {fault.finding.witness or fault.finding.argument}.{error}"

    def _doubt_words(self) -> str:
        fault = self.first_fault
        if fault is None:
            return f"only levels up to {self.level} were checked, a proof needs {COMPOSITION}"
        return f"{place_words(fault)}: {fault.finding.argument}{self._held()}"

    def _held(self) -> str:
        numeric = [r for r in self.records if r.level == 4]
        if numeric and all(r.finding.verdict == "holds" for r in numeric):
            return " (measured, its errors are those of rounding, which is no proof)"
        return ""

    def _scope(self) -> str:
        on_layers = [r for r in self.records if r.level == 1]
        between = [r for r in self.records if r.level == COMPOSITION]
        inexact = [r for r in on_layers if r.finding.kind == "bounded" and not _changes_basis(r)]
        layers, bounded = len({r.path for r in on_layers}), len({r.path for r in inexact})
        bounds = [r.finding.bound or 0 for r in (*inexact, *between) if r.finding.kind == "bounded"]
        weights = any(r.finding.scope == "these weights" for r in (*inexact, *between))
        if not bounds and weights:
            return f"the weights at hand ({layers} layers; values of weights enter between them)"
        of = ", constants apart" if self.constants else ""
        if not bounds:
            return f"every value of its weights{of} ({layers} layers, all exact{self._in_fourier_form()})"
        sampled = [r for r in inexact if r.finding.scope == "these weights"]
        which = f"the weights at hand up to the bounds of its {'sampled bases' if sampled else 'filters and matrices'}"
        if not weights:
            which = "every value of its weights up to the bounds of its fixed matrices"
        where = f"{bounded} of them bounded" if bounded else "what is between them is bounded"
        what = "a filter bank" if sampled and len(sampled) == len(inexact) else "a matrix or filter bank"
        return f"{which} ({layers} layers, {where}, at most {max(bounds):.1e} of {what})"

    def _in_fourier_form(self) -> str:
        paths = {r.path for r in self.records if r.level == 1 and r.finding.form == "Fourier"}
        bounds = [r.finding.bound or 0 for r in self.records if r.level == 1 and _changes_basis(r)]
        change = f", whose changes of basis are right to {max(bounds):.1e}" if bounds else ""
        return f", {len(paths)} of them in their Fourier form{change}" if paths else ""

    def _measured(self) -> str:
        errors = [r.finding.bound for r in self.records if r.level == 4 and r.finding.bound is not None]
        words = f" Measured in float32: relative error {max(errors):.1e}, as rounding explains." if errors else ""
        return words + self._between()

    def _between(self) -> str:
        found = None if self.off_grid is None else self.off_grid.at(45.0)
        if found is None:
            return ""
        median, _, floor = found
        of_which = f" (interpolation alone: {floor:.2g})" if floor else ""
        return (
            f" At angles between these nothing is proved; measured at 45 degrees: relative error {median:.2g}, "
            f"{decibels(median):.0f} dB{of_which}."
        )

    def with_records(self, *records: Record, note: str = "") -> "Certificate":
        """A certificate with these records too; `note`, if there is one, takes the place of its own."""
        return replace(self, records=(*self.records, *records), note=note or self.note)

    def to_json(self) -> str:
        """Everything, as indented JSON; `verdict` and `sentence` are in it, and follow from the rest."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """What `to_json` writes, as plain data: elements and sizes in words, each record a flat row."""
        words = {
            "elements": [NAMES[matrix] for matrix in self.elements],
            "sizes": [size_words([size]) for size in self.sizes],
            "records": [r.as_row() for r in self.records],
            "verdicts": [
                {"size": size_words([size]), "mode": mode, "verdict": self.verdict_at(size, mode)}
                for size in self.sizes
                for mode in self.modes
            ],
        }
        return {**asdict(self), **words, "verdict": self.verdict, "sentence": self.sentence}

    def raise_if_broken(self) -> None:
        """Nothing, unless the network is broken.

        Raises:
            NotEquivariant: it is.
        """
        if self.verdict == "broken":
            raise NotEquivariant(self.sentence)

    def counts(self) -> Counter[str]:
        """How many records are of which kind."""
        return Counter(r.finding.kind for r in self.records)


def where_words(pairs: Sequence[tuple[Size, str]], sizes: Sequence[Size], modes: Sequence[str]) -> str:
    """Sizes and modes in words: `at 9 x 9 and 8 x 8 pixels, in evaluation mode`; those with equal modes together."""
    groups: dict[tuple[str, ...], list[Size]] = {}
    for size in sizes:
        found = tuple(mode for mode in modes if (size, mode) in pairs)
        if found:
            groups.setdefault(found, []).append(size)
    return ", and ".join(
        f"at {' and '.join(size_words([size]) for size in at)} pixels, in {' and '.join(found)} mode"
        for found, at in groups.items()
    )


def place_words(record: Record) -> str:
    """What a record is about: the module's path, and its type."""
    path = record.path or "the network itself"
    return f"{path} ({record.layer})" if record.layer else path


def _changes_basis(record: Record) -> bool:
    """Whether a bound is that of a change of basis, which does not depend on weights and is right to rounding."""
    found = record.finding
    return found.kind == "bounded" and found.form == "Fourier" and found.scope == "all weights"
