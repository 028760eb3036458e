"""What a check found, in one row."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["exact", "bounded", "measured", "unknown"]
"""exact: proved in integers. bounded: proved up to a number. measured: seen on samples. unknown: neither."""

Verdict = Literal["holds", "broken", "not proved", "not applicable", "no claim"]

Scope = Literal["all weights", "these weights"]

FOURIER_FORM = "Fourier form"
"""How findings begin that are there only where the convolution kernels are."""


@dataclass(frozen=True)
class Finding:
    """One property of one layer at one size."""

    kind: Kind
    verdict: Verdict
    argument: str
    """Why it holds, or what was tried."""
    bound: float | None = None
    """Largest violation, relative; 0 where nothing is lost but rounding."""
    witness: str = ""
    """Where it fails."""
    scope: Scope = "all weights"


def exact(argument: str) -> Finding:
    """Proved in integers, for every input and every value of the weights."""
    return Finding("exact", "holds", argument, 0.0)


def broken(argument: str, witness: str, bound: float | None = None) -> Finding:
    """Refuted by an example."""
    return Finding("exact", "broken", argument, bound, witness)


def unknown(reason: str) -> Finding:
    """Neither proved nor refuted."""
    return Finding("unknown", "not proved", reason)


@dataclass(frozen=True)
class Record:
    """A finding and what it is about."""

    level: int
    path: str
    """Path of the module, or what was checked."""
    layer: str
    """Type of the module; empty where it is about the whole network."""
    types: str
    size: str
    kind: Kind
    verdict: Verdict
    argument: str
    bound: float | None = None
    witness: str = ""
    scope: Scope = "all weights"
    mode: str = ""
    """"evaluation" or "training" where it matters."""


def record(level: int, path: str, finding: Finding, *, layer: str = "", types: str = "", size: str = "") -> Record:
    """A finding as a row of a certificate."""
    return Record(
        level,
        path,
        layer,
        types,
        size,
        finding.kind,
        finding.verdict,
        finding.argument,
        finding.bound,
        finding.witness,
        finding.scope,
    )
