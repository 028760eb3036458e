"""What is seen when a network's forward is followed."""

from collections import Counter
from dataclasses import dataclass, field
from math import prod

from escnn.nn import FieldType
from torch import nn

from steergan.symmetry import field_name
from steergan.verification.records import Finding, exact
from steergan.verification.registry import Situation
from steergan.verification.subject import Size, TypedTensors

OTHER_VALUES = "what the group leaves alone, such as labels, has other values than those of the check"
"""Where a number was read out of it, or it said which entries are taken: in `Trace.apart`."""


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer that is certified, or that is not and has field types.

    Attributes:
        path: of the module.
        layer: its type.
        types: field types of what came and of what went, in words.
        sizes: (H, W) in pixels of the same.
        findings: about the layer at this call.
        module: a certified layer whose findings are still to be made, or None.
        at: the situation in which they are to be made.
    """

    path: str
    layer: str
    types: str
    sizes: tuple[Size, ...]
    findings: tuple[Finding, ...]
    module: nn.Module | None = None
    at: Situation | None = None


@dataclass
class Trace:
    """What was seen on the way from input to result.

    Attributes:
        calls: of layers, in the order in which they ended.
        operations: names of tensor operations outside certified layers, on tensors that are not invariant.
        faults: (path, reason): edges whose types don't match, and what else stands against the composition.
        by_value: constants of the network whose values, and not only their places, the proof has used.
        at_hand: where values of weights, and not only the weights themselves, have entered the proof.
        apart: inputs of which the certificates of layers on the way say nothing, in words.
        bounds: (path, bound, whether weights are among them): modules whose coefficients at hand are, where symmetry
            wants them equal, equal up to rounding alone, and by how much they differ, relative.
        drawn: (path, shape): random numbers drawn outside certified layers, by which module.
        log: every operation and constant on the way: two walks that took one path have one log.
        result: tensors of the result, each with its field type where it has one.
    """

    calls: list[LayerCall] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    faults: list[tuple[str, str]] = field(default_factory=list)
    by_value: set[str] = field(default_factory=set)
    at_hand: set[str] = field(default_factory=set)
    apart: set[str] = field(default_factory=set)
    bounds: list[tuple[str, float, bool]] = field(default_factory=list)
    drawn: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    result: TypedTensors = field(default_factory=list)

    @property
    def random(self) -> bool:
        """Whether random numbers were drawn outside certified layers."""
        return bool(self.drawn)

    def draws(self, path: str) -> str:
        """Of what a module draws random numbers, in words; empty if it draws none."""
        shapes = [shape for place, shape in self.drawn if f"{place}.".startswith(f"{path}.") or not path]
        if not shapes:
            return ""
        per_pixel = any(prod(shape[2:]) > 1 for shape in shapes)
        return "random numbers per pixel" if per_pixel else "random numbers per channel"

    def bounded(self, path: str, argument: str) -> Finding:
        """What was shown of a module, exact or up to the bounds of its coefficients; empty: of the whole network."""
        found = [row for row in self.bounds if not path or f"{row[0]}.".startswith(f"{path}.")]
        if not found:
            return exact(argument)
        words = f"{argument}, up to the rounding of coefficients"
        of_weights = any(weights for _, _, weights in found)
        bound = max(bound for _, bound, _ in found)
        return Finding("bounded", "holds", words, bound, scope="these weights" if of_weights else "all weights")

    def map_sizes(self) -> set[Size]:
        """(H, W) of the maps between layers."""
        return {size for call in self.calls for size in call.sizes}


def type_words(field_type: FieldType) -> str:
    """`64 regular of C4`."""
    counts = Counter(field_name(r) for r in field_type.representations)
    return f"{', '.join(f'{n} {name}' for name, n in counts.items())} of {field_type.gspace.fibergroup.name}"
