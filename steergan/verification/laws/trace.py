"""What is seen when a network's forward is followed."""

from collections import Counter
from dataclasses import dataclass, field

from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.symmetry import field_name
from steergan.verification.records import Finding
from steergan.verification.registry import Situation


@dataclass(frozen=True)
class Step:
    """A certified layer, or one that is not certified but has types, at one call."""

    path: str
    layer: str
    types: str
    size: str
    findings: tuple[Finding, ...]
    module: nn.Module | None = None
    """A certified layer whose findings are still to be made, at this situation."""
    at: Situation | None = None


@dataclass
class Trace:
    """What was seen on the way from input to result."""

    steps: list[Step] = field(default_factory=list)
    operations: Counter[str] = field(default_factory=Counter)
    """Tensor operations outside certified layers, on tensors that are not invariant."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(path, reason): edges whose types don't match, and what else stands against the composition."""
    by_value: set[str] = field(default_factory=set)
    """Weights whose values, and not only their places, the proof has used."""
    at_hand: set[str] = field(default_factory=set)
    """Where values of weights, and not only the weights themselves, have entered the proof."""
    random: bool = False
    """Whether random numbers were drawn outside certified layers."""
    log: list[str] = field(default_factory=list)
    result: list[tuple[Tensor, FieldType | None]] = field(default_factory=list)


def type_words(field_type: FieldType) -> str:
    """`64 regular of C4`."""
    counts = Counter(field_name(r) for r in field_type.representations)
    return f"{', '.join(f'{n} {name}' for name, n in counts.items())} of {field_type.gspace.fibergroup.name}"
