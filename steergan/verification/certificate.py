"""The outcome of a verification: every record, the verdict, and one sentence that a paper could quote."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from steergan.errors import SymmetryError
from steergan.verification.measured.off_grid import OffGrid, decibels
from steergan.verification.records import FOURIER_FORM, Record

Outcome = Literal["proved", "broken", "not proved", "no claim"]

COMPOSITION = 2
"""The level without which nothing is proved."""


class NotEquivariant(SymmetryError):
    """A network that is not what it claims to be."""


@dataclass(frozen=True)
class Certificate:
    """What was checked of one network, and what came out.

    Attributes:
        name: of the network.
        claim: "equivariant" or "invariant".
        group: name of the group that is claimed.
        elements: in words; those that permute pixels.
        sizes: H x W of the input, at which the claim is made.
        modes: "evaluation", "training".
        level: up to which was checked.
        records: all of them.
        weights_sha256: of parameters and saved buffers, in the module's own order.
        constants: of the network, whose values the proof has used (masks, blurs).
        versions: of what was used.
        note: what is false by design, and said so.
        off_grid: what was measured at level 6, if anything was.
    """

    name: str
    claim: str
    group: str
    elements: tuple[str, ...]
    sizes: tuple[str, ...]
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
        """broken if any record is; proved if levels 0 to 2 hold throughout; no claim for the trivial group."""
        if any(r.verdict == "broken" for r in self.records):
            return "broken"
        if len(self.elements) == 1:
            return "no claim"
        if self.level < COMPOSITION or any(r.verdict == "not proved" for r in self.records):
            return "not proved"
        return "proved"

    @property
    def first_fault(self) -> Record | None:
        """The record that names the first layer that breaks the network, or the first that is not proved."""
        for verdict in ("broken", "not proved"):
            found = [r for r in self.records if r.verdict == verdict]
            if found:
                return min(found, key=lambda r: (r.level not in (1, 2), self.records.index(r)))
        return None

    @property
    def sentence(self) -> str:
        """The verdict, in words."""
        subject = f"{self.name} is {self.claim} under {self.group}"
        where = f"at {' and '.join(self.sizes)} pixels, in {' and '.join(self.modes)} mode"
        note = f" {self.note}" if self.note else ""
        fault = self.first_fault
        if self.verdict == "no claim":
            return f"No claim is made of {self.name}: its group is trivial.{note}"
        if self.verdict == "broken":
            assert fault is not None
            measured = max((r.bound or 0 for r in self.records if r.kind == "measured"), default=0.0)
            size = f" at {fault.size}" if fault.size and fault.size not in fault.witness else ""
            error = f" The measured relative error is {measured:.2g}." if measured else ""
            layer = f" ({fault.layer})" if fault.layer else ""
            doubt = next((r for r in self.records if r.verdict == "not proved" and r.level in (1, 2)), None)
            if fault.level > COMPOSITION and doubt is not None:
                error += f" The proof stops at {doubt.path}: {doubt.argument}."
            return (
                f"{self.name} is NOT {self.claim} under {self.group} {where}: {fault.path}{layer} breaks it{size}: "
                f"{fault.witness or fault.argument}.{error}{note}"
            )
        if self.verdict == "not proved":
            if fault is None:
                only = f"only levels up to {self.level} were checked, a proof needs {COMPOSITION}"
                return f"{subject}: not proved: {only}.{note}"
            return f"{subject}: not proved {where}. {fault.path}: {fault.argument}{self._held()}.{note}"
        return (
            f"{subject}, all {len(self.elements)} elements that permute pixels, {where}: proved for every input and "
            f"{self._scope()}, rounding aside.{self._measured()}{note}"
        )

    def _held(self) -> str:
        numeric = [r for r in self.records if r.level == 4]
        if numeric and all(r.verdict == "holds" for r in numeric):
            return " (measured, its errors are those of rounding, which is no proof)"
        return ""

    def _scope(self) -> str:
        bounds = [r.bound for r in self.records if r.kind == "bounded" and r.level == 1 and r.bound is not None]
        layers = len({r.path for r in self.records if r.level == 1})
        bounded = len({r.path for r in self.records if r.kind == "bounded" and r.level == 1})
        if not bounded and any(r.level == COMPOSITION and r.scope == "these weights" for r in self.records):
            return f"the weights at hand ({layers} layers; values of weights enter between them)"
        if not bounded:
            of = ", constants apart" if self.constants else ""
            return f"every value of its weights{of} ({layers} layers, all exact{self._in_fourier_form()})"
        return (
            f"the weights at hand up to the bounds of its sampled bases ({layers} layers, {bounded} of them bounded, "
            f"at most {max(bounds):.1e} of a filter bank)"
        )

    def _in_fourier_form(self) -> str:
        paths = {r.path for r in self.records if r.level == 1 and r.argument.startswith(FOURIER_FORM)}
        return f", {len(paths)} of them in their Fourier form" if paths else ""

    def _measured(self) -> str:
        errors = [r.bound for r in self.records if r.level == 4 and r.bound is not None]
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
        """The same with more records."""
        return replace(self, records=(*self.records, *records), note=note or self.note)

    def to_json(self) -> str:
        """Everything, as indented JSON; `verdict` and `sentence` are in it, and follow from the rest."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {**asdict(self), "verdict": self.verdict, "sentence": self.sentence}

    def raise_if_broken(self) -> None:
        """Nothing, unless the network is broken.

        Raises:
            NotEquivariant: it is.
        """
        if self.verdict == "broken":
            raise NotEquivariant(self.sentence)

    def counts(self) -> Counter[str]:
        """How many records are of which kind."""
        return Counter(r.kind for r in self.records)


def differences(old: dict[str, Any], new: "Certificate") -> list[str]:
    """In what a saved certificate and a new one of the same network disagree; measured figures may differ.

    What holds of the Fourier form counts for nothing: either machine may be without the kernels.

    Args:
        old: a certificate as read from JSON.
        new: made of the weights that are checked.
    """
    found: list[str] = []
    fresh = json.loads(new.to_json())
    found += [
        f"{key}: {_short(old.get(key))} in the file, {_short(fresh[key])} now"
        for key in ("weights_sha256", "level", "claim", "group", "elements", "sizes", "modes", "verdict")
        if old.get(key) != fresh[key]
    ]

    def proved(certificate: dict[str, Any]) -> list[tuple[Any, ...]]:
        rows = certificate.get("records", [])
        kept = ("level", "path", "layer", "types", "size", "kind", "verdict", "mode")
        return [
            tuple(r.get(k) for k in kept)
            for r in rows
            if r.get("kind") in ("exact", "bounded", "unknown")
            and not (r.get("verdict") == "holds" and str(r.get("argument")).startswith(FOURIER_FORM))
        ]

    before, now = proved(old), proved(fresh)
    if before != now and not found:
        different = next((a for a, b in zip(before, now, strict=False) if a != b), f"{len(before)} and {len(now)} rows")
        found.append(f"records differ: {_short(different)}")
    return found


def _short(value: Any) -> str:
    words = str(value)
    return words if len(words) <= 60 else f"{words[:57]}..."
