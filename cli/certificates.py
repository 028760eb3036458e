"""Certificates as files: written, read again, compared, and as a record of docs/results.md."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import command_line

if TYPE_CHECKING:
    from steergan.results import Result
    from steergan.verification import Certificate


def certificate_bytes(certificates: "list[tuple[str, Certificate]]") -> bytes:
    """What --json writes."""
    rows = [{"target": target, **certificate.as_dict()} for target, certificate in certificates]
    return (json.dumps({"networks": rows}, indent=2) + "\n").encode()


def read_certificates(path: Path) -> list[dict[str, Any]]:
    """What --json wrote."""
    from steergan.files import read_json

    try:
        networks = read_json(path)["networks"]
        found = [{**network, "name": network["name"]} for network in networks]
        if not all(isinstance(row, dict) for network in found for row in network.get("records", [])):
            raise TypeError
        return found
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be read ({error.strerror}); give a file that --json wrote") from None
    except (ValueError, TypeError, KeyError):
        raise click.UsageError(f"{path}: not a file of certificates; give one that --json wrote") from None


def compare(saved: list[dict[str, Any]], certificates: "list[tuple[str, Certificate]]", check: Path | None) -> int:
    """Say whether saved certificates are those of these weights; 1 if one is not."""
    from steergan.verification import differences

    code = 0
    click.echo()
    for _, certificate in certificates:
        old = next((network for network in saved if network["name"] == certificate.name), None)
        found = ["no certificate of it"] if old is None else differences(old, certificate)
        code = 1 if found else code
        verdict = (
            f"DIFFERS ({'; '.join(found)}); the same weights, --sizes, --level and --quick are needed"
            if found
            else "agrees with these weights, record by record"
        )
        click.echo(f"{check}: {certificate.name} {verdict}")
    return code


def result_of(certificates: "list[tuple[str, Certificate]]", identity: str) -> "Result":
    """Certificates, for docs/results.md."""
    import torch

    from steergan import run
    from steergan.results import Result
    from steergan.tables import Table

    around = run.surroundings(torch.device("cpu"))
    rows: list[Any] = []
    for target, c in certificates:
        counts = c.counts()
        errors = [r.finding.bound for r in c.records if r.level == 4 and r.finding.bound is not None]
        kinds = [counts[kind] for kind in ("exact", "bounded", "unknown")]
        rows.append([Path(target).stem, c.name, c.group, c.claim, c.verdict, *kinds, max(errors, default=None)])
    laws = [
        [Path(t).stem, r.path, r.finding.kind, r.finding.argument]
        for t, c in certificates
        for r in c.records
        if r.level == 5
    ]
    tables = [
        Table(
            caption="Certificates: records by kind, and the largest relative error in float32",
            columns=["run", "network", "group", "claim", "verdict", "exact", "bounded", "unknown", "float32"],
            rows=rows,
        )
    ]
    if laws:
        tables.append(Table(caption="Law of the samples", columns=["run", "element", "kind", "finding"], rows=laws))
    return Result(
        id=identity,
        title="Certificates of trained networks",
        claim="Proved for every input at the sizes named in the certificate: of exact layers for every value of the "
        "weights, of bounded ones for those at hand.",
        command=command_line(),
        date=f"{datetime.now():%Y-%m-%d}",
        hardware=[{**around["hardware"], "versions": around["versions"]}],
        protocol={"levels": "0 to 6, docs/verification.md", "modes": "evaluation and training"},
        tables=tables,
        verdict=" ".join(c.sentence for _, c in certificates),
    )
