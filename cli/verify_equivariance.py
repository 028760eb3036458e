"""steergan verify-equivariance"""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from steergan.results import Claim
    from steergan.verification import EquivarianceErrors

HEADER = ("run", "network", "group", "claim", "elements", "float32", "float64", "verdict")


@click.command("verify-equivariance")
@click.argument("runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--json", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write every error as JSON.")
@click.option(
    "--record", metavar="JSON", type=click.Path(path_type=Path), help="Write the outcome for docs/results.md, too."
)
def verify_equivariance(runs: tuple[Path, ...], file: Path | None, record: Path | None) -> None:
    """Measure how exactly the networks of finished runs keep their symmetry, in single and in double precision.

    The discriminator should not change when its image is turned or reflected; the synthesis should turn or reflect its
    image along with its seed feature map. Every group element that permutes pixels is tried on random inputs. The exit
    code is 1 if an error is larger than rounding explains.

    \b
    Examples:
      steergan verify-equivariance runs/00000-quickstart
      steergan verify-equivariance runs/* --json errors.json
    """
    from steergan import run
    from steergan.files import write_whole

    found = {path: run.verify(path) for path in runs}
    rows: list[tuple[str, ...]] = [HEADER]
    for path, measured in found.items():
        rows += [table_row(path, errors) for errors in measured]
        if not measured:
            rows.append((path.name, "both", "trivial", "none", "1", "", "", "nothing to verify"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if file is not None:
        write_whole(file, (json.dumps([report(*item) for item in found.items()], indent=2) + "\n").encode())
    if record is not None:
        from steergan.results import write_claim

        write_claim(record, claim(found, record.stem))
        click.echo(f"recorded in {record}; `steergan results` writes the page anew")
    broken = [path for path, measured in found.items() if not all(errors.holds for errors in measured)]
    if broken:
        click.echo(f"not equivariant: {', '.join(str(path) for path in broken)}", err=True)
        raise click.exceptions.Exit(1)
    click.echo("every claim holds")


def table_row(path: Path, errors: "EquivarianceErrors") -> tuple[str, ...]:
    """One network's errors, for people."""
    worst = f"{errors.worst32:.1e}", f"{errors.worst64:.1e}"
    verdict = "holds" if errors.holds else "BROKEN"
    return path.name, errors.name, errors.group, errors.claim, str(len(errors.elements)), *worst, verdict


def claim(found: "dict[Path, list[EquivarianceErrors]]", identity: str) -> "Claim":
    """The errors of some runs, for docs/results.md."""
    import torch

    from steergan import run
    from steergan.results import Claim
    from steergan.tables import Table
    from steergan.verification import DOUBLE, SINGLE

    around = run.surroundings(torch.device("cpu"))
    rows: list[Any] = []
    for path, measured in found.items():
        rows += [[*table_row(path, errors)[:5], errors.worst32, errors.worst64] for errors in measured]
    everything = [errors for measured in found.values() for errors in measured]
    held = sum(errors.holds for errors in everything)
    return Claim(
        id=identity,
        title="Equivariance after training",
        claim=f"For every element that permutes pixels: below {SINGLE:g} relative in float32, {DOUBLE:g} in float64.",
        command=" ".join(["steergan", *sys.argv[1:]]),
        date=f"{datetime.now():%Y-%m-%d}",
        hardware=[{**around["hardware"], "versions": around["versions"]}],
        protocol={"error": "max |f(g x) - g f(x)| / max |f(x)|", "weights": "of the finished run, evaluation mode"},
        tables=[Table(caption="Largest relative errors over all elements", columns=list(HEADER[:7]), rows=rows)],
        verdict=f"The claim holds for {held} of {len(everything)} networks.",
    )


def report(path: Path, measured: "list[EquivarianceErrors]") -> dict[str, Any]:
    """One run's errors, for programs."""
    return {"run": str(path), "networks": [asdict(errors) | {"holds": errors.holds} for errors in measured]}
