"""Levels 1 and 2: walks through a network, and what they found in rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from steergan.verification.elements import Matrix
from steergan.verification.laws.trace import Trace
from steergan.verification.laws.walk import walk
from steergan.verification.records import Finding, Record, unknown
from steergan.verification.rehearsal import cannot_be_run
from steergan.verification.subject import Size, Subject, random_input, twin_of
from steergan.verification.surroundings import in_mode, seeded


@dataclass(frozen=True)
class Walked:
    """A walk through a network at one size in one mode.

    Attributes:
        size: (H, W) of the input in pixels.
        mode: "evaluation" or "training".
        trace: what was seen.
        repeated: whether a walk on another input took the same path with the same constants.
        layers: types of the modules, by path.
    """

    size: Size
    mode: str
    trace: Trace
    repeated: bool
    layers: dict[str, str]


def walked(subject: Subject, size: Size, mode: str, elements: tuple[Matrix, ...], moving: set[str]) -> Walked:
    """Walk on two inputs, whose paths are compared; layers are certified on the first."""
    traces: list[Trace] = []
    network = in_mode(twin_of(subject.module).float(), training=mode == "training")
    for seed in (0, 1):  # on one copy: what the first leaves behind in it would be met by the second
        try:
            with seeded():
                x = random_input(subject, size, seed, torch.float32)
                traces.append(walk(subject, network, x, elements, moving, certify=not traces))
        except Exception as error:
            raise cannot_be_run(subject, size, error, mode) from error
    layers = {path: type(part).__name__ for path, part in network.named_modules()}
    return Walked(size, mode, traces[0], traces[0].log == traces[1].log, layers)


def walk_records(found: Walked, level: int) -> Iterator[Record]:
    """Rows of levels 1 and 2."""
    trace, mode, sizes = found.trace, found.mode, (found.size,)
    if level >= 1:
        for call in trace.calls:
            for finding in call.findings:
                yield Record(1, call.path, finding, call.layer, call.types, call.sizes, mode, sizes)
    if level < 2:
        return
    for path, reason in dict.fromkeys(trace.faults):
        layer = found.layers.get(path, "") if path else ""
        yield Record(2, path or "the network itself", unknown(reason), layer, sizes=sizes, mode=mode, at=sizes)
    if not found.repeated:
        reason = "another input took another path, or met another constant, by a way that was not traced"
        yield Record(2, "the network itself", unknown(reason), sizes=sizes, mode=mode, at=sizes)
    if not trace.faults and found.repeated:
        yield Record(2, "the network itself", composition(trace), sizes=sizes, mode=mode, at=sizes)


def composition(trace: Trace) -> Finding:
    """Whether layers fit together, and of which weights that is known."""
    operations = ", ".join(sorted(trace.operations)) or "none"
    argument = f"every edge has the types that the layers say; tensor operations between layers: {operations}"
    if trace.at_hand:
        argument += f"; of the values at hand: {', '.join(sorted(trace.at_hand))}"
    found = trace.bounded("", argument)
    return replace(found, scope="these weights") if trace.at_hand else found


def met_at(maps: Sequence[Size], walks: Sequence[Walked]) -> tuple[Size, ...]:
    """Sizes of the inputs on whose way a map of one of these sizes lies; none for a row about no map."""
    met = (found.size for found in walks if {found.size, *found.trace.map_sizes()} & set(maps))
    return tuple(dict.fromkeys(met)) if maps else ()


def merged(records: Iterable[Record]) -> list[Record]:
    """Rows that say the same in every mode, once and without a mode; and once for all inputs of which they say it."""
    rows: dict[Record, Record] = {}
    for row in records:
        key = replace(row, mode="")
        rows[key] = key if key in rows and rows[key].mode != row.mode else rows.get(key, row)
    inputs: dict[Record, tuple[Size, ...]] = {}
    for row in rows.values():
        key = replace(row, at=())
        inputs[key] = tuple(dict.fromkeys((*inputs.get(key, ()), *row.at)))
    return [replace(row, at=at) for row, at in inputs.items()]
