"""Level 6 as rows of a certificate: what was measured between the angles of the grid."""

from collections.abc import Iterator

from steergan.verification.measured.fibre_errors import FibreError, fibre_errors, is_between
from steergan.verification.measured.forward import parts_in_use
from steergan.verification.measured.off_grid import TABLE, OffGrid, beyond_floor, decibels, measure_off_grid
from steergan.verification.records import Finding, Record
from steergan.verification.subject import Subject, Tell

LEVEL = 6
NEGLIGIBLE = 1e-12


def off_grid_records(subject: Subject, tell: Tell) -> tuple[OffGrid | None, list[Record]]:
    """Measure a network, and say so in rows.

    Args:
        subject: whose group has elements between the multiples of 90 degrees.
        tell: told what is being measured.
    """
    measured = measure_off_grid(subject, tell=tell)
    rows = [*angle_records(measured), *spectrum_records(measured)]
    if measured.eq_r is not None:
        words = f"{measured.eq_r:.1f} dB over {len(measured.angles)} angles, intensities in [-1, 1], within the disk"
        rows.append(row("EQ-R", words))
    tell(f"{subject.name}: channels alone, no pixel moved")
    parts = parts_in_use(subject)
    found = [error for error in fibre_errors(subject.module) if error.path in parts]
    space = subject.in_type.gspace
    rows += fibre_records([f for f in found if not is_between(f, space)], "channels alone", "no pixel moved")
    between = [f for f in found if is_between(f, space)]
    rows += fibre_records(between, "channels alone, between samples", "what nonlinearities fold back")
    return measured, rows


def row(path: str, words: str, bound: float | None = None) -> Record:
    """What was measured, and claims nothing."""
    return Record(LEVEL, path, Finding("measured", "no claim", words, bound, scope="these weights"))


def angle_records(measured: OffGrid) -> Iterator[Record]:
    """The angles of tables, and reflections."""
    for degrees in TABLE:
        found = measured.at(degrees)
        if found is None:
            continue
        median, upper, floor = found
        words = f"relative error: median {median:.2g} ({decibels(median):.0f} dB), 95 % below {upper:.2g}"
        if floor > NEGLIGIBLE:
            words += f"; interpolation alone {floor:.2g}, so the network {beyond_floor(median, floor):.2g}"
        yield row(f"{degrees:g} degrees", f"{words}; {measured.inputs} inputs", median)
    if measured.reflected:
        yield row("reflections", f"median error {max(measured.reflected):.2g} at most", max(measured.reflected))


def spectrum_records(measured: OffGrid) -> Iterator[Record]:
    """Which harmonics of the angle the error consists of."""
    total = sum(measured.harmonics[1:])
    if total < NEGLIGIBLE:
        return
    shares = sorted(((power / total, n) for n, power in enumerate(measured.harmonics) if n), reverse=True)[:3]
    words = ", ".join(f"{n}: {share:.0%}" for share, n in shares)
    yield row("harmonics of the angle", f"of what varies with it, the most is in {words}")


def fibre_records(found: list[FibreError], path: str, what: str) -> Iterator[Record]:
    """The worst layer."""
    if not found:
        return
    worst = max(found, key=lambda f: f.error)
    where = f"{worst.path or worst.layer}, {worst.degrees:g} degrees"
    yield row(path, f"{what}: relative error {worst.error:.1e} at most ({where}), of {len(found)}", worst.error)
