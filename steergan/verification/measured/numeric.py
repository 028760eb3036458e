"""Level 4: the real thing, in float32 and float64, judged against its own rounding."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from escnn.nn import GroupPooling, R2Conv, R2ConvTransposed
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from steergan.errors import SymmetryError
from steergan.layers import InvariantMap, SampledPointwise, shared_filters
from steergan.layers.field_moments import FieldMoments
from steergan.layers.filters.bases import BasisExpansion
from steergan.verification.elements import NAMES, Matrix, transform
from steergan.verification.laws.matching import BASIS_ROUNDING
from steergan.verification.laws.memory import tensors_in
from steergan.verification.measured.forward import Runner, acted_on, first_broken_layer, parts_in_use, widened
from steergan.verification.measured.integers import whole
from steergan.verification.records import Finding, unknown
from steergan.verification.subject import Size, Subject, TypedTensors, in_one_line, random_input, twin_of
from steergan.verification.surroundings import in_mode

DOUBLE_ROUNDING = 2.0**-24
"""What float64 rounds, against float32: 2^-29; with a margin of 2^5, because either is one draw of many roundings."""

SINGLE_ROUNDING = 2.0**-24
"""Of a number in float32, relative."""

NOTHING = 2.0**-50
"""Relative to the result, an error that no float32 rounding can show."""


@dataclass(frozen=True)
class Measured:
    """Errors at one element, absolute, in the largest entry of the result; and the result's own largest entry."""

    matrix: Matrix
    e32: float
    """max |f(g x) - g f(x)| in float32."""
    e64: float
    r_x: float
    """Rounding error: float32 against float64, at x."""
    r_gx: float
    scale: float


def measure(
    subject: Subject, size: Size, elements: tuple[Matrix, ...], *, training: bool, seed: int = 0
) -> list[Measured]:
    """Errors of the network at hand at one size, for every claimed element.

    Raises:
        RuntimeError: the network does not run in float64.
    """
    return _errors(subject, *_runners(subject, training), size, elements, seed)


def _runners(subject: Subject, training: bool) -> tuple[Runner, Runner]:
    """In float32 and in float64."""
    single, double = twin_of(subject.module).float(), widened(twin_of(subject.module))
    return Runner(subject, in_mode(single, training)), Runner(subject, in_mode(double, training))


def _errors(
    subject: Subject, single: Runner, double: Runner, size: Size, elements: tuple[Matrix, ...], seed: int
) -> list[Measured]:
    x = random_input(subject, size, seed, torch.float32)
    found = []
    with shared_filters(single.network, double.network):
        y32, y64 = single(x), double(x.double())
        scale = max(float(t.abs().max()) for t, _ in y64)
        r_x = _largest(y32, [t for t, _ in y64])
        for matrix in elements[1:]:
            gx = transform(x, subject.in_type, matrix)
            z32, z64 = single(gx, matrix), double(gx.double(), matrix)
            e32, e64 = _largest(z32, acted_on(y32, subject, matrix)), _largest(z64, acted_on(y64, subject, matrix))
            found.append(Measured(matrix, e32, e64, r_x, _largest(z32, [t for t, _ in z64]), scale))
    return found


SINGLE_PRECISION = (R2Conv, R2ConvTransposed, BasisExpansion, SampledPointwise, InvariantMap, FieldMoments)
"""Layers with matrices that are rounded to float32, in a network of float64 too."""


RUNNING = ("running_", "num_batches")
"""How names of buffers begin that follow the data, one number a field: they are no samples of anything."""


def sampled_in_float32(part: nn.Module) -> bool:
    """Whether a layer works with numbers that were made in float32, which symmetry binds up to that rounding alone.

    Such are bases and matrices that were sampled, as buffers, and filters that were exported as plain weights.
    """
    if isinstance(part, SINGLE_PRECISION):
        return True
    if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
        return part.weight[0, 0].numel() > 1
    if type(part).__module__.startswith("steergan."):
        return False
    made = (b for name, b in part.named_buffers(recurse=False) if not name.startswith(RUNNING))
    return any(b.is_floating_point() and b.numel() > 1 and not whole(b.double()) for b in made)


class SinglesSeen(TorchDispatchMode):
    """Notices float32 in a network of float64."""

    def __init__(self) -> None:
        super().__init__()
        self.any = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: torch would import its compiler, which takes seconds, to keep it out of a mode that never compiles."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.any |= any(t.dtype in (torch.float32, torch.float16, torch.bfloat16) for t in tensors_in(out))
        return out


def _largest(found: TypedTensors, wanted: list[Tensor]) -> float:
    errors = [float((a.double() - b.double()).abs().max()) for (a, _), b in zip(found, wanted, strict=True)]
    return max(errors) if all(e == e for e in errors) else float("inf")


def numeric_finding(
    subject: Subject, size: Size, elements: tuple[Matrix, ...], *, training: bool, seed: int = 0
) -> Finding:
    """Whether the errors at one size are what rounding explains.

    e32 <= r(x) + r(g x) + e64 holds of any function, so what can be wrong shows in e64: a network on gathered filters
    may err by float64's rounding, estimated from float32's; one on bases that escnn samples in float32 may err, in
    float64 too, by as much more than float32 rounds as level 1 lets a basis element be off.
    """
    try:
        single, double = _runners(subject, training)
        found = _errors(subject, single, double, size, elements, seed)
    except SymmetryError as error:
        return Finding("measured", "broken", str(error), witness=str(error))
    except RuntimeError as error:
        return unknown(f"does not run in float64: {in_one_line(error)}")
    x = random_input(subject, size, seed, torch.float64)
    with SinglesSeen() as singles:  # both inside: a layer that is watched may take another way, to other last bits
        first, again = double(x), double(x)
    if not all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True)):
        return unknown("the result on one input changes from call to call: something is kept that is no buffer")
    if found[0].scale == 0 or _is_vacuous(double, size, seed):
        return unknown("vacuous: the result is zero, or the same for every input")
    parts = parts_in_use(subject).values()
    basis = singles.any or any(sampled_in_float32(part) for part in parts)
    single_inside = any(isinstance(part, GroupPooling) for part in parts)
    if not all(isfinite(value) for m in found for value in (m.e32, m.e64, m.r_x, m.r_gx, m.scale)):
        return unknown("the result, or an error of it, is not a finite number")
    worst = max(found, key=lambda m: m.e32)
    scale = worst.scale
    # A result of few entries may round by nothing, by luck; half a unit in float32's last place is always possible.
    rounding = 2 * max(max(max(m.r_x, m.r_gx) for m in found), SINGLE_ROUNDING * scale)
    for m in found:
        explained = rounding * (BASIS_ROUNDING / SINGLE_ROUNDING if basis else 1 if single_inside else DOUBLE_ROUNDING)
        explained = max(explained, NOTHING * m.scale)
        if not (m.e64 <= explained and m.e32 <= rounding + m.e64):
            path = _culprit(double, size, m, seed)
            at = f", first seen in {path}" if path else ""
            witness = f"under {NAMES[m.matrix]}{at}: relative error {m.e64 / scale:.2g} in float64"
            rounded = f"rounding explains {explained / scale:.1g}"
            return Finding("measured", "broken", rounded, m.e32 / scale, witness)
    return Finding(
        "measured",
        "holds",
        f"float32 {worst.e32 / scale:.1e}, float64 {max(m.e64 for m in found) / scale:.1e}, relative; "
        f"rounding alone {max(max(m.r_x, m.r_gx) for m in found) / scale:.1e}",
        worst.e32 / scale,
        scope="these weights",
    )


def _is_vacuous(double: Runner, size: Size, seed: int) -> bool:
    first, second = (double(random_input(double.subject, size, seed + s, torch.float64)) for s in (0, 1))
    return all(torch.equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))


def _culprit(double: Runner, size: Size, m: Measured, seed: int) -> str:
    """The first layer whose output is off by more than half of what the result is, relative to its own size."""
    share = m.e64 / m.scale / 100
    threshold = min(max(share, 1e-9), 1e-3)

    def differs(found: Tensor, wanted: Tensor) -> bool:
        return float((found - wanted).abs().max()) > threshold * float(wanted.abs().max())

    return first_broken_layer(double, random_input(double.subject, size, seed, torch.float64), m.matrix, differs)
