"""What a check found, in one row."""

from dataclasses import dataclass
from typing import Any, Literal

from steergan.verification.subject import Size, size_words

Kind = Literal["exact", "bounded", "measured", "unknown"]
"""exact: proved in integers. bounded: proved up to a number. measured: seen on samples. unknown: neither."""

Verdict = Literal["holds", "broken", "not proved", "not applicable", "no claim"]

Scope = Literal["all weights", "these weights"]

Form = Literal["direct", "Fourier"]
"""Which way of computing a layer a finding is about: its own, or the one in the group's Fourier basis, which is there
only where the convolution kernels are."""


@dataclass(frozen=True)
class Finding:
    """One property of one layer at one size.

    Attributes:
        kind: by what it is known.
        verdict: whether it holds.
        argument: why it holds, or what was tried.
        bound: the largest violation, relative; 0 where nothing is lost but rounding.
        witness: where it fails.
        scope: of which weights it is known.
        form: of the computation that it is about.

    Example:
        >>> Finding("bounded", "holds", "every basis element commutes with the group", 2e-7).scope
        'all weights'
    """

    kind: Kind
    verdict: Verdict
    argument: str
    bound: float | None = None
    witness: str = ""
    scope: Scope = "all weights"
    form: Form = "direct"


def exact(argument: str, form: Form = "direct") -> Finding:
    """Proved in integers, for every input and every value of the weights.

    Example:
        >>> exact("a sum over the group").verdict
        'holds'
    """
    return Finding("exact", "holds", argument, 0.0, form=form)


def broken(argument: str, witness: str, bound: float | None = None, form: Form = "direct") -> Finding:
    """Refuted by an example.

    Args:
        argument: what was wanted.
        witness: where it fails.
        bound: by how much, relative.
        form: of the computation that fails.

    Example:
        >>> broken("windows that lie symmetrically were wanted", "at size 7").witness
        'at size 7'
    """
    return Finding("exact", "broken", argument, bound, witness, form=form)


def unknown(reason: str, form: Form = "direct") -> Finding:
    """Neither proved nor refuted.

    Example:
        >>> unknown("a layer that no certificate knows").verdict
        'not proved'
    """
    return Finding("unknown", "not proved", reason, form=form)


@dataclass(frozen=True)
class Record:
    """A finding and what it is about: one row of a certificate.

    Attributes:
        level: of verification, 0 to 6.
        path: of the module, or what was checked.
        finding: what came out.
        layer: type of the module; empty where the row is about the whole network.
        types: field types of its input and output, in words.
        sizes: (H, W) in pixels of the maps: input and output of a layer, or the one size that was checked.
        mode: "evaluation" or "training" where it matters, else empty.
        at: (H, W) in pixels of the network's inputs for which it was found; empty: whatever the input is.

    Example:
        >>> row = Record(1, "lift", exact("a gather"), "GroupConvolution", sizes=((5, 5), (5, 5)))
        >>> row.as_row()["size"], row.as_row()["verdict"]
        ('5 x 5 -> 5 x 5', 'holds')
    """

    level: int
    path: str
    finding: Finding
    layer: str = ""
    types: str = ""
    sizes: tuple[Size, ...] = ()
    mode: str = ""
    at: tuple[Size, ...] = ()

    def concerns(self, size: Size, mode: str) -> bool:
        """Whether the row says something of the network at an input size in a mode."""
        return (not self.at or size in self.at) and self.mode in ("", mode)

    def as_row(self) -> dict[str, Any]:
        """The row as files have it: flat, sizes in words."""
        about = {"level": self.level, "path": self.path, "layer": self.layer, "types": self.types}
        at = [size_words([size]) for size in self.at]
        return {**about, "size": size_words(self.sizes), **vars(self.finding), "mode": self.mode, "at": at}
