"""Verifies a network: levels 0 to 4, and the place of the others."""

import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.errors import SteerganError, SubjectError
from steergan.symmetry import is_grid_group
from steergan.verification.algebra import algebra_records
from steergan.verification.certificate import Certificate
from steergan.verification.claims import claimed_elements, claimed_group, make_subject, moving_buffers, spaces_in_use
from steergan.verification.elements import NAMES, Matrix
from steergan.verification.laws.trace import Trace
from steergan.verification.laws.walk import walk
from steergan.verification.measured.integers import integer_findings
from steergan.verification.measured.numeric import numeric_finding
from steergan.verification.measured.off_grid import OffGrid
from steergan.verification.measured.off_grid_records import off_grid_records
from steergan.verification.records import Finding, Record, exact, record, unknown
from steergan.verification.subject import (
    Call,
    Claim,
    Size,
    Subject,
    random_input,
    state_digest,
    twin_of,
    weights_digest,
)

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
    name: str | None = None,
    in_type: FieldType | None = None,
    out_type: FieldType | None = None,
    others: tuple[Tensor, ...] = (),
    call: Call | None = None,
    upto: str = "",
    level: int = 6,
    modes: Sequence[str] = MODES,
    off_grid: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Certificate:
    """Certify that f(g x) = g f(x) (or f(g x) = f(x)) for every element g that permutes pixels.

    Args:
        module: any torch module, in any mode, dtype or device; it is copied and stays as it is.
        sizes: a side, sides, or (H, W), of the input in pixels, at which the claim is made. None: an odd and an even
            one that the module accepts.
        claim: "equivariant" or "invariant"; None: invariant if the result is a plain tensor and no `out_type` is given.
        name: for the report; None: the name of the class.
        in_type: field type of the input; None: the module's `in_type` or `input_type`.
        out_type: field type of the result; None: the result's own.
        others: what else the module is called with, a tuple of tensors of batch size 2; left alone by the group.
        call: (module, x, others) -> result, where module(x, *others) will not do.
        upto: path of a submodule; the claim is then about its output.
        level: the last level to check.
        modes: of "evaluation" and "training".
        off_grid: measure what can't be proved (level 6), where the group has elements between multiples of 90 degrees.
        progress: told what is being checked.

    Raises:
        SubjectError: the module can't be copied or called, a size is refused, no field type is known, or a setting is
            not one of those above.
    """
    subject = make_subject(module, sizes, claim, name, in_type, out_type, others, call, upto)
    return verify_subject(subject, level=level, modes=modes, off_grid=off_grid, progress=progress)


def verify_subject(
    subject: Subject,
    *,
    level: int = 6,
    modes: Sequence[str] = MODES,
    off_grid: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Certificate:
    """The same for a network whose claim is spelled out."""
    if isinstance(modes, str) or not modes or not set(modes) <= set(MODES):
        raise SubjectError(f"modes {modes!r}: one or both of {MODES} were wanted")
    if level not in LEVELS:
        raise SubjectError(f"level {level!r}: a number from 0 to {max(LEVELS)} was wanted")
    tell = progress or (lambda words: None)
    before = state_digest(subject.module)
    plain = (o.detach().cpu() for o in subject.others)
    subject = replace(subject, others=tuple(o.float() if o.is_floating_point() else o for o in plain))
    spaces, representations = spaces_in_use(subject)
    elements = claimed_elements(subject, spaces)
    records: list[Record] = []
    between: OffGrid | None = None
    constants: set[str] = set()
    notes = [f"The claim is about the output of {subject.upto}; behind it nothing is claimed."] if subject.upto else []
    if len(elements) > 1:
        traces = {}
        moving = moving_buffers(subject)
        for mode in modes:
            for size in subject.sizes:
                tell(f"{subject.name}: layers and composition at {size[0]} x {size[1]}, {mode} mode")
                traces[mode, size] = traced(subject, size, mode, elements, moving)
        tell(f"{subject.name}: algebra")
        maps = {s for trace, _ in traces.values() for s in map_sizes(trace)} | set(subject.sizes)
        records += algebra_records(spaces, representations, elements, maps)
        for (mode, size), (trace, repeated) in traces.items():
            records += trace_records(trace, repeated, size, mode, level)
            constants |= trace.by_value
        records = merged(records)
        if any(trace.random for trace, _ in traces.values()):
            notes.append("Random numbers are drawn on the way: the claim is about every fixed draw of them.")
        if level >= 3:
            tell(f"{subject.name}: integers")
            records += integer_records(subject, elements)
        if level >= 4:
            records += numeric_records(subject, elements, modes, traces, tell)
        if level >= 6 and off_grid and not all(is_grid_group(space) for space in spaces):
            between, rows = off_grid_records(subject, tell)
            records += rows
    if state_digest(subject.module) != before:
        raise SteerganError(f"{subject.name} was changed by its own verification; please report this")
    return Certificate(
        subject.name,
        subject.claim,
        "trivial" if len(elements) == 1 else claimed_group(spaces, elements),
        tuple(NAMES[m] for m in elements),
        tuple(f"{h} x {w}" for h, w in subject.sizes),
        tuple(modes),
        level,
        tuple(records),
        weights_digest(subject.module),
        tuple(sorted(constants)),
        {name: importlib.metadata.version(name) for name in ("steergan", "escnn", "torch", "numpy")},
        " ".join(notes),
        between,
    )


# --- levels 1 and 2


def traced(
    subject: Subject, size: Size, mode: str, elements: tuple[Matrix, ...], moving: set[str]
) -> tuple[Trace, bool]:
    """A walk, and whether a walk on another input took the same path with the same constants."""
    logs, first = [], None
    network = twin_of(subject.module).float().train(mode == "training")
    for seed in (0, 1):  # on one copy: what the first leaves behind in it would be met by the second
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                x = random_input(subject, size, seed, torch.float32)
                trace = walk(subject, network, x, elements, moving, certify=first is None)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            where = f"{size[0]} x {size[1]}, {mode} mode"
            raise SubjectError(f"{subject.name} can't be run at {where}: {reason}") from error
        first = first or trace
        logs.append(trace.log)
    assert first is not None
    return first, logs[0] == logs[1]


def map_sizes(trace: Trace) -> Iterator[Size]:
    """Sizes of maps between layers."""
    for step in trace.steps:
        for words in step.size.split(" -> "):
            height, _, width = words.partition(" x ")
            if height and width:
                yield int(height), int(width)


def trace_records(trace: Trace, repeated: bool, size: Size, mode: str, level: int) -> Iterator[Record]:
    """Rows of levels 1 and 2."""
    if level >= 1:
        for step in trace.steps:
            for finding in step.findings:
                row = record(1, step.path, finding, layer=step.layer, types=step.types, size=step.size)
                yield with_mode(row, mode)
    if level < 2:
        return
    words = f"{size[0]} x {size[1]}"
    for path, reason in dict.fromkeys(trace.faults):
        yield with_mode(record(2, path or "the network itself", unknown(reason), size=words), mode)
    if not repeated:
        reason = "another input took another path, or met another constant, by a way that was not traced"
        yield with_mode(record(2, "the network itself", unknown(reason), size=words), mode)
    if not trace.faults and repeated:
        operations = ", ".join(sorted(trace.operations)) or "none"
        argument = f"every edge has the types that the layers say; tensor operations between layers: {operations}"
        finding = exact(argument)
        if trace.at_hand:
            argument += f"; of the values at hand: {', '.join(sorted(trace.at_hand))}"
            finding = replace(finding, argument=argument, scope="these weights")
        yield with_mode(record(2, "the network itself", finding, size=words), mode)


def with_mode(row: Record, mode: str) -> Record:
    return Record(**{**vars(row), "mode": mode})


def merged(records: list[Record]) -> list[Record]:
    """Rows that say the same in every mode, once."""
    rows: dict[tuple[Any, ...], Record] = {}
    for row in records:
        key = tuple(value for name, value in vars(row).items() if name != "mode")
        if key in rows and rows[key].mode != row.mode:
            rows[key] = with_mode(row, "")
        else:
            rows.setdefault(key, row)
    return list(rows.values())


# --- levels 3 and 4


def integer_records(subject: Subject, elements: tuple[Matrix, ...]) -> Iterator[Record]:
    for words, finding in integer_findings(subject, subject.sizes, elements):
        yield record(3, "end to end", finding, size=words)


def numeric_records(
    subject: Subject,
    elements: tuple[Matrix, ...],
    modes: Sequence[str],
    traces: dict[tuple[str, Size], tuple[Trace, bool]],
    tell: Callable[[str], None],
) -> Iterator[Record]:
    for mode in modes:
        for size in subject.sizes:
            words = f"{size[0]} x {size[1]}"
            tell(f"{subject.name}: floating point at {words}, {mode} mode")
            if mode == "training" and traces[mode, size][0].random:
                finding = Finding("measured", "not applicable", "random numbers are drawn in training mode")
            else:
                finding = numeric_finding(subject, size, elements, training=mode == "training")
            yield with_mode(record(4, "end to end", finding, size=words), mode)


def assert_equivariant(module: nn.Module, sizes: int | Sequence[int | Size] | None = None, **settings: Any) -> None:
    """For a test suite: fails with the certificate's sentence unless the module is proved.

    Args:
        module: see `verify`.
        sizes: see `verify`.
        settings: of `verify`.

    Raises:
        AssertionError: broken, not proved, or nothing to prove.
    """
    certificate = verify(module, sizes, **settings)
    assert certificate.verdict == "proved", certificate.sentence


__all__ = ["LEVELS", "MODES", "assert_equivariant", "verify", "verify_subject"]
