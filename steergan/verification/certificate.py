"""The outcome of a verification: every record, the verdict, and one sentence that a paper could quote."""

import json
from collections import Counter
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
        """The record that names the first layer that breaks the network, or the first that is not proved."""
        for verdict in ("broken", "not proved"):
            found = [r for r in self.records if r.finding.verdict == verdict]
            if found:
                return min(found, key=lambda r: (r.level not in (1, 2), self.records.index(r)))
        return None

    @property
    def sentence(self) -> str:
        """The verdict, in words."""
        subject = f"{self.name} is {self.claim} under {self.group}"
        sizes = " and ".join(size_words([size]) for size in self.sizes)
        where = f"at {sizes} pixels, in {' and '.join(self.modes)} mode"
        note = f" {self.note}" if self.note else ""
        fault = self.first_fault
        if self.verdict == "no claim":
            return f"No claim is made of {self.name}: its group is trivial.{note}"
        if self.verdict == "broken":
            assert fault is not None
            measured = max((r.finding.bound or 0 for r in self.records if r.finding.kind == "measured"), default=0.0)
            size = f" at {size_words(fault.sizes)}" if fault.sizes else ""
            error = f" The measured relative error is {measured:.2g}." if measured else ""
            layer = f" ({fault.layer})" if fault.layer else ""
            doubt = next((r for r in self.records if r.finding.verdict == "not proved" and r.level in (1, 2)), None)
            if fault.level > COMPOSITION and doubt is not None:
                error += f" The proof stops at {doubt.path}: {doubt.finding.argument}."
            return (
                f"{self.name} is NOT {self.claim} under {self.group} {where}: {fault.path}{layer} breaks it{size}: "
                f"{fault.finding.witness or fault.finding.argument}.{error}{note}"
            )
        if self.verdict == "not proved":
            if fault is None:
                only = f"only levels up to {self.level} were checked, a proof needs {COMPOSITION}"
                return f"{subject}: not proved: {only}.{note}"
            return f"{subject}: not proved {where}. {fault.path}: {fault.finding.argument}{self._held()}.{note}"
        return (
            f"{subject}, all {len(self.elements)} elements that permute pixels, {where}: proved for every input and "
            f"{self._scope()}, rounding aside.{self._measured()}{note}"
        )

    def _held(self) -> str:
        numeric = [r for r in self.records if r.level == 4]
        if numeric and all(r.finding.verdict == "holds" for r in numeric):
            return " (measured, its errors are those of rounding, which is no proof)"
        return ""

    def _scope(self) -> str:
        on_layers = [r for r in self.records if r.level == 1]
        inexact = [r for r in on_layers if r.finding.kind == "bounded"]
        layers, bounded = len({r.path for r in on_layers}), len({r.path for r in inexact})
        if not bounded and any(r.level == COMPOSITION and r.finding.scope == "these weights" for r in self.records):
            return f"the weights at hand ({layers} layers; values of weights enter between them)"
        if not bounded:
            of = ", constants apart" if self.constants else ""
            return f"every value of its weights{of} ({layers} layers, all exact{self._in_fourier_form()})"
        return (
            f"the weights at hand up to the bounds of its sampled bases ({layers} layers, {bounded} of them bounded, "
            f"at most {max(r.finding.bound or 0 for r in inexact):.1e} of a filter bank)"
        )

    def _in_fourier_form(self) -> str:
        paths = {r.path for r in self.records if r.level == 1 and r.finding.form == "Fourier"}
        return f", {len(paths)} of them in their Fourier form" if paths else ""

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


COMPARED = ("weights_sha256", "level", "claim", "group", "elements", "sizes", "modes", "verdict")
COMPARED_OF_ROWS = ("level", "path", "layer", "types", "size", "kind", "verdict", "mode")


def differences(old: dict[str, Any], new: Certificate) -> list[str]:
    """In what a saved certificate and a new one of the same network disagree; measured figures may differ.

    What is shown of one layer by several arguments, with one outcome, counts once: a layer whose Fourier form holds has
    more of them on a machine with the convolution kernels than on one without.

    Args:
        old: a certificate as read from JSON.
        new: made of the weights that are checked.

    Example:
        >>> from steergan.verification import verify
        >>> from steergan.layers import Upsample
        >>> from steergan.symmetry import gspace, trivial_type
        >>> layer = Upsample(trivial_type(gspace("C4"), 1))
        >>> saved = json.loads(verify(layer, 4, level=2).to_json())
        >>> differences(saved, verify(layer, 5, level=2))
        ["sizes: ['4 x 4'] in the file, ['5 x 5'] now"]
    """
    fresh = json.loads(new.to_json())
    found = [
        f"{key}: {_short(old.get(key))} in the file, {_short(fresh[key])} now"
        for key in COMPARED
        if old.get(key) != fresh[key]
    ]
    before, now = _proved(old), _proved(fresh)
    if before != now and not found:
        different = next((a for a, b in zip(before, now, strict=False) if a != b), f"{len(before)} and {len(now)} rows")
        found.append(f"records differ: {_short(different)}")
    return found


def _proved(certificate: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What rows of a certificate, read from JSON, say, each once, but for what was only measured."""
    rows = [row for row in certificate.get("records", []) if row.get("kind") != "measured"]
    return list(dict.fromkeys(tuple(row.get(key) for key in COMPARED_OF_ROWS) for row in rows))


def _short(value: Any) -> str:
    words = str(value)
    return words if len(words) <= 60 else f"{words[:57]}..."
